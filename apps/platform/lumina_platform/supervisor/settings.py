"""Where to listen, how to log and what to start: the environment over `lumina.yaml` over defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from lumina_kit.errors import Invalid
from lumina_kit.home import Home
from lumina_platform.supervisor.rendering import Format

LEVELS = ("debug", "info", "warning", "error")
NUMBERS = {
    "port": (0, 65535, "a port"),
    "gateway_port": (0, 65535, "a port"),
    "gateway_processes": (1, 64, "a number"),
}
TRUTH = {"true": True, "1": True, "false": False, "0": False}


class BadSetting(Invalid):
    code = "bad_setting"
    title = "A setting is wrong"


@dataclass(frozen=True)
class Settings:
    """What `lumina up` does where no flag says otherwise. Without `log_format`: JSON, unless people read along.

    All are of the section `platform`, but `telemetry`, which is `telemetry.enabled`.
    """

    host: str = "127.0.0.1"
    port: int = 4080
    gateway_port: int = 4000
    gateway_processes: int = 1
    log_level: str = "info"
    log_format: Format | None = None
    telemetry: bool = True


def read(home: Home, environ: Mapping[str, str]) -> Settings:
    """The settings of a home. Raises BadSetting with the name of what is wrong."""
    whole = _file(home)
    given = {
        name: value for name in Settings.__dataclass_fields__ if (value := _given(name, whole, environ)) is not None
    }
    return Settings(**{name: _checked(name, value) for name, value in given.items()})


def _given(name: str, whole: Mapping[str, Any], environ: Mapping[str, str]) -> object:
    section, setting = _place(name)
    variable = environ.get(f"LUMINA_{section.upper()}_{setting.upper()}")
    if variable is not None:
        return variable
    found = whole.get(section)
    return found.get(setting) if isinstance(found, dict) else None  # control refuses what is not a mapping


def _place(name: str) -> tuple[str, str]:
    return ("telemetry", "enabled") if name == "telemetry" else ("platform", name)


def _checked(name: str, value: object) -> Any:
    if name in NUMBERS:
        least, most, wanted = NUMBERS[name]
        if str(value).isdecimal() and len(str(value)) <= 5 and least <= int(str(value)) <= most:
            return int(str(value))
        raise _wrong(name, value, f"{wanted} from {least} to {most}")
    if name == "telemetry":
        if str(value).lower() in TRUTH:
            return TRUTH[str(value).lower()]
        raise _wrong(name, value, "true or false")
    known = {"log_level": LEVELS, "log_format": get_args(Format)}.get(name)
    if known and value not in known:
        raise _wrong(name, value, f"one of {', '.join(known)}")
    return str(value)


def _wrong(name: str, value: object, wanted: str) -> BadSetting:
    section, setting = _place(name)
    return BadSetting(
        f"The setting {section}.{setting} is {str(value)[:100]!r}; it must be {wanted}.",
        next_step=f"Mend it in lumina.yaml, or set LUMINA_{section.upper()}_{setting.upper()}.",
    )


def _file(home: Home) -> dict[str, Any]:
    if not home.settings_file.is_file():
        return {}
    import yaml  # only where there is a file: nothing beyond the standard library is needed otherwise

    try:
        whole = yaml.safe_load(home.settings_file.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadSetting(f"{home.settings_file} cannot be read: {error}") from None
    return whole if isinstance(whole, dict) else {}
