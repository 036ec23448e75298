"""Settings: the environment over `lumina.yaml` over defaults. Needs msgspec only, so the gateway can read its own."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import msgspec

from lumina_kit.errors import Invalid
from lumina_kit.home import Home

T = TypeVar("T", bound=msgspec.Struct)


class BadSetting(Invalid):
    code = "bad_setting"
    title = "A setting is wrong"


def load(cls: type[T], app: str, home: Home, environ: Mapping[str, str] = os.environ) -> T:
    """Settings of one app, from `LUMINA_<APP>_<NAME>` and the section `<app>` of `lumina.yaml`.

    Raises BadSetting with the name of what is wrong; an unknown name in the file is wrong too.
    """
    fields = {field.name: field for field in msgspec.structs.fields(cls)}
    names = fields.keys()
    section = _section(home.settings_file, app)
    unknown = sorted(section.keys() - names)
    if unknown:
        raise BadSetting(
            f"{home.settings_file}: {app}.{unknown[0]} is not a setting.",
            next_step=f"Known: {', '.join(sorted(names))}.",
        )
    prefix = f"LUMINA_{app.upper().replace('-', '_')}_"
    given = {
        name: _parsed(environ[prefix + name.upper()], field)
        for name, field in fields.items()
        if prefix + name.upper() in environ
    }
    try:
        return msgspec.convert(section | given, cls, strict=False)
    except msgspec.ValidationError as error:
        raise BadSetting(
            f"{app}.{_told(error, section | given)}.",
            next_step=f"Mend it in the section {app} of {home.settings_file}, or in the variable {prefix}<NAME>.",
        ) from None


def _parsed(text: str, field: msgspec.structs.FieldInfo) -> str | list[str]:
    """A setting of the environment as text; a list is written with commas."""
    kind = get_args(field.type)[0] if get_origin(field.type) is Annotated else field.type
    if get_origin(kind) is tuple:
        return [item.strip() for item in text.split(",") if item.strip()]
    return text


def _told(error: msgspec.ValidationError, values: Mapping[str, Any]) -> str:
    """The setting with its value, and what msgspec says of it: "Expected `int` >= 1 - at `$.size_bytes`"."""
    wanted, _, path = str(error).partition(" - at `$.")
    name = path.rstrip("`").partition("[")[0]
    return f"{name} is {values.get(name)!r}: {wanted}"


def _section(file: Path, app: str) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        whole = msgspec.yaml.decode(file.read_bytes())
    except msgspec.DecodeError as error:
        raise BadSetting(f"{file} is not YAML: {error}", next_step="Mend the file, or move it away.") from None
    section = (whole or {}).get(app) or {} if isinstance(whole, dict) or whole is None else None
    if not isinstance(section, dict):
        raise BadSetting(
            f"{file}: {app} must be a mapping of setting names to values.",
            next_step=f"Write '{app}:', and below it, indented, 'name: value'.",
        )
    return section
