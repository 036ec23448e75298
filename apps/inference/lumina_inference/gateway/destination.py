"""Where OTLP goes: to Lumina's own telemetry; without it, where the OpenTelemetry environment variables say.

What those say wrongly is told in the log.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import MappingProxyType
from urllib.parse import unquote

from yarl import URL

from lumina_inference.gateway.keyvalues import attributes
from lumina_inference.gateway.protobuf import message
from lumina_kit import logs

_log = logs.get(__name__)
_SOCKET = "LUMINA_TELEMETRY_SOCKET"
_OWN = "http://telemetry/v1"
_OWN_SECONDS = 10.0
_SERVICE = "lumina-gateway"
_PREFIX = "OTEL_EXPORTER_OTLP_"
_PROTOCOL = "http/protobuf"
_TIMEOUT_MS = 10_000.0
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True)
class Destination:
    """An OTLP receiver. `traces` or `metrics` None: that signal is not exported. `socket` is there if it is our own."""

    traces: str | None
    metrics: str | None
    headers: Mapping[str, str]
    timeout_seconds: float
    compress: bool
    resource: bytes
    socket: Path | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Destination":
        """Our own telemetry passes on what it gets, so with it there is no other receiver."""
        socket = environ.get(_SOCKET)
        return cls._own(environ, Path(socket)) if socket else cls._foreign(environ)

    @classmethod
    def _own(cls, environ: Mapping[str, str], socket: Path) -> "Destination":
        """The service keeps its own name there: rules and dashboards look for it."""
        return cls(
            traces=f"{_OWN}/traces",
            metrics=f"{_OWN}/metrics",
            headers=MappingProxyType({}),
            timeout_seconds=_OWN_SECONDS,
            compress=False,
            resource=_resource(environ, _SERVICE),
            socket=socket,
        )

    @classmethod
    def _foreign(cls, environ: Mapping[str, str]) -> "Destination":
        traces, metrics = _endpoint(environ, "traces"), _endpoint(environ, "metrics")
        given = _pairs(environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))
        if traces or metrics:
            _warn_of_other_protocols(environ)
        return cls(
            traces=traces,
            metrics=metrics,
            headers=_pairs(environ.get(f"{_PREFIX}HEADERS", "")),
            timeout_seconds=_timeout_ms(environ) / 1000,
            compress=_compresses(environ, traces or metrics or ""),
            resource=_resource(environ, environ.get("OTEL_SERVICE_NAME") or given.get("service.name") or _SERVICE),
        )


def _endpoint(environ: Mapping[str, str], signal: str) -> str | None:
    own = f"{_PREFIX}{signal.upper()}_ENDPOINT"
    base = environ.get(f"{_PREFIX}ENDPOINT", "").rstrip("/")
    variable = own if environ.get(own) else f"{_PREFIX}ENDPOINT"
    url = environ.get(own) or (base and f"{base}/v1/{signal}")
    if not url or _is_http(url):
        return url or None
    _log.warning(
        f"{signal} are not exported: {variable} is no address that begins with http:// or https://",
        value=environ[variable],
    )
    return None


def _is_http(url: str) -> bool:
    try:
        parsed = URL(url)
    except ValueError:
        return False
    return parsed.scheme in {"http", "https"} and bool(parsed.host)


def _warn_of_other_protocols(environ: Mapping[str, str]) -> None:
    for variable in (f"{_PREFIX}PROTOCOL", f"{_PREFIX}TRACES_PROTOCOL", f"{_PREFIX}METRICS_PROTOCOL"):
        if environ.get(variable, _PROTOCOL) not in {"", _PROTOCOL}:
            _log.warning(
                f"{variable} is not followed: OTLP leaves as {_PROTOCOL} only; "
                "give the endpoint of the receiver's HTTP port, usually 4318",
                value=environ[variable],
            )


def _timeout_ms(environ: Mapping[str, str]) -> float:
    variable = f"{_PREFIX}TIMEOUT"
    given = environ.get(variable) or _TIMEOUT_MS
    try:
        milliseconds = float(given)
    except ValueError:
        milliseconds = 0.0
    if milliseconds > 0:
        return milliseconds
    _log.warning(f"{variable} is no number of milliseconds; {_TIMEOUT_MS:g} it is", value=given)
    return _TIMEOUT_MS


def _compresses(environ: Mapping[str, str], endpoint: str) -> bool:
    """gzip, unless told otherwise, or the receiver is on this machine: there it would cost more than it saves."""
    given = environ.get(f"{_PREFIX}COMPRESSION")
    if given is not None:
        return given == "gzip"
    return URL(endpoint).host not in _LOOPBACK


def _resource(environ: Mapping[str, str], name: str) -> bytes:
    given = _pairs(environ.get("OTEL_RESOURCE_ATTRIBUTES", ""))
    own = {
        "service.name": name,
        "service.instance.id": _instance(environ, given),
        "service.version": given.get("service.version") or version("lumina-inference"),
    }
    return message(1, attributes(1, [*(given | own).items()]))


def _instance(environ: Mapping[str, str], given: Mapping[str, str]) -> str:
    """Of several processes each counts for itself: a receiver must not take them for one."""
    named = (given.get("service.instance.id"), environ.get("LUMINA_GATEWAY_INSTANCE") or "gateway")
    return "/".join(filter(None, named))


def _pairs(given: str) -> dict[str, str]:
    parts = (part.partition("=") for part in given.split(",") if "=" in part)
    return {key.strip(): unquote(value.strip()) for key, _, value in parts}
