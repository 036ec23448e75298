"""Variables of the environment that look like settings and are none: a misspelt one would be ignored in silence."""

import difflib
from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import fields

from lumina_governance.settings import GovernanceSettings
from lumina_inference.gateway.settings import GatewaySettings
from lumina_inference.settings import InferenceSettings
from lumina_kit import logs
from lumina_platform.apps import APPS
from lumina_platform.settings import PlatformSettings
from lumina_telemetry.settings import TelemetrySettings

_log = logs.get(__name__)
_PREFIX = "LUMINA_"
SETTINGS: dict[str, type[Struct]] = {
    "platform": PlatformSettings,
    "gateway": GatewaySettings,
    "inference": InferenceSettings,
    "governance": GovernanceSettings,
    "telemetry": TelemetrySettings,
}
_OTHERS = frozenset(
    f"{_PREFIX}{name}"
    for name in (
        "HOME", "KEY_FILE", "URL", "API_KEY", "PUBLIC_URL", "GATEWAY_URL", "GATEWAY_CONFIG", "NODE_FROM_WHEEL",
        "RUN_DIR", "LISTEN_FD", "LIFELINE_FD", "LOG_LEVEL", "LOG_FORMAT", "TELEMETRY_SOCKET", "TLS_CERT", "TLS_KEY",
        "GATEWAY_INSTANCE", "GATEWAY_SIBLINGS",
    )
)  # fmt: skip


def warn_of_unknown(environ: Mapping[str, str]) -> None:
    """One warning for each, with the setting that was probably meant. Values may be secrets and are not told."""
    for variable, meant in unknown(environ):
        hint = f"; did you mean {meant}?" if meant else "; the reference of the settings lists what there is"
        _log.warning(f"{variable} is no setting of Lumina{hint}", variable=variable)


def unknown(environ: Mapping[str, str]) -> Iterator[tuple[str, str | None]]:
    """Each with the nearest known name, if one is near."""
    known = _OTHERS | {f"{_prefix(app)}{field.name.upper()}" for app, cls in SETTINGS.items() for field in fields(cls)}
    elsewhere = tuple(_prefix(app) for app in APPS if app not in SETTINGS)
    for variable in sorted(environ):
        if variable.startswith(_PREFIX) and variable not in known and not variable.startswith(elsewhere):
            near = difflib.get_close_matches(variable, known, 1, cutoff=0.8)
            yield variable, near[0] if near else None


def _prefix(app: str) -> str:
    return f"{_PREFIX}{app.upper().replace('-', '_')}_"
