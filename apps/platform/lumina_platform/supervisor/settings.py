"""Where to listen and how to log: the environment over the section `platform` of `lumina.yaml` over defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from lumina_kit.errors import Invalid
from lumina_kit.home import Home
from lumina_platform.supervisor.journal import Format

LEVELS = ("debug", "info", "warning", "error")
NUMBERS = {
    "port": (0, 65535, "a port"),
    "gateway_port": (0, 65535, "a port"),
    "gateway_processes": (1, 64, "a number"),
}


class BadSetting(Invalid):
    code = "bad_setting"
    title = "A setting is wrong"


@dataclass(frozen=True)
class Settings:
    """What `lumina up` does where no flag says otherwise. Without `log_format`: JSON, unless people read along."""

    host: str = "127.0.0.1"
    port: int = 4080
    gateway_port: int = 4000
    gateway_processes: int = 1
    log_level: str = "info"
    log_format: Format | None = None


def read(home: Home, environ: Mapping[str, str]) -> Settings:
    """The settings of a home. Raises BadSetting with the name of what is wrong."""
    given = {
        name: value for name in Settings.__dataclass_fields__ if (value := _given(name, home, environ)) is not None
    }
    return Settings(**{name: _checked(name, value) for name, value in given.items()})


def _given(name: str, home: Home, environ: Mapping[str, str]) -> object:
    variable = environ.get(f"LUMINA_PLATFORM_{name.upper()}")
    return variable if variable is not None else _section(home).get(name)


def _checked(name: str, value: object) -> Any:
    if name in NUMBERS:
        least, most, wanted = NUMBERS[name]
        if str(value).isdecimal() and len(str(value)) <= 5 and least <= int(str(value)) <= most:
            return int(str(value))
        raise _wrong(name, value, f"{wanted} from {least} to {most}")
    known = {"log_level": LEVELS, "log_format": get_args(Format)}.get(name)
    if known and value not in known:
        raise _wrong(name, value, f"one of {', '.join(known)}")
    return str(value)


def _wrong(name: str, value: object, wanted: str) -> BadSetting:
    return BadSetting(
        f"The setting platform.{name} is {str(value)[:100]!r}; it must be {wanted}.",
        next_step=f"Mend it in lumina.yaml, or set LUMINA_PLATFORM_{name.upper()}.",
    )


def _section(home: Home) -> dict[str, Any]:
    if not home.settings_file.is_file():
        return {}
    import yaml  # only where there is a file: nothing beyond the standard library is needed otherwise

    try:
        whole = yaml.safe_load(home.settings_file.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise BadSetting(f"{home.settings_file} cannot be read: {error}") from None
    section = whole.get("platform") if isinstance(whole, dict) else None
    return section if isinstance(section, dict) else {}  # control refuses what is not a mapping
