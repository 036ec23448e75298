"""Where telemetry is passed on to, as the OpenTelemetry environment variables say, each signal for itself.

What they say wrongly is told in the log, and that signal stays here.
"""

import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from yarl import URL

from lumina_kit import logs
from lumina_telemetry.intake.signals import Kind

_log = logs.get(__name__)
_PREFIX = "OTEL_EXPORTER_OTLP_"
_PROTOCOL = "http/protobuf"
_TIMEOUT_MS = 10_000.0
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True)
class Destination:
    """An OTLP receiver of one signal. `headers` may hold its key, so they are in no text of this."""

    url: URL
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout_seconds: float = _TIMEOUT_MS / 1000
    compress: bool = False
    tls: ssl.SSLContext | None = None


def destination(environ: Mapping[str, str], signal: Kind) -> Destination | None:
    """The receiver of a signal; None: it is not passed on."""
    given = _Given(environ, signal)
    url = given.url()
    if url is None:
        return None
    given.warn_of_another_protocol()
    try:
        tls = given.tls()
    except OSError as error:
        _log.warning(f"{signal} are not passed on: the certificate cannot be read", error=str(error)[:200])
        return None
    return Destination(url, given.headers(), given.seconds(), given.compresses(url), tls)


@dataclass(frozen=True)
class _Given:
    """The variables of one signal: its own ones win over those of all signals."""

    environ: Mapping[str, str]
    signal: Kind

    def name(self, what: str) -> str:
        own = f"{_PREFIX}{self.signal.upper()}_{what}"
        return own if self.environ.get(own) else f"{_PREFIX}{what}"

    def value(self, what: str) -> str:
        return self.environ.get(self.name(what), "")

    def url(self) -> URL | None:
        own = self.environ.get(f"{_PREFIX}{self.signal.upper()}_ENDPOINT")
        base = self.environ.get(f"{_PREFIX}ENDPOINT", "").rstrip("/")
        text = own or (base and f"{base}/v1/{self.signal}")
        if not text:
            return None
        url = _parsed(text)
        if url is None:
            _log.warning(
                f"{self.signal} are not passed on: {self.name('ENDPOINT')} is no address "
                "that begins with http:// or https://",
                value=self.value("ENDPOINT"),
            )
        return url

    def warn_of_another_protocol(self) -> None:
        if self.value("PROTOCOL") not in {"", _PROTOCOL}:
            _log.warning(
                f"{self.name('PROTOCOL')} is not followed: OTLP leaves as {_PROTOCOL} only; "
                "give the endpoint of the receiver's HTTP port, usually 4318",
                value=self.value("PROTOCOL"),
            )

    def headers(self) -> Mapping[str, str]:
        """Those that HTTP can carry. The log names no value: it may be a key."""
        found = _pairs(self.value("HEADERS"))
        odd = [name for name, value in found.items() if not (_TOKEN.fullmatch(name) and _VALUE.fullmatch(value))]
        if odd:
            _log.warning(f"{self.name('HEADERS')} has headers that HTTP cannot carry; they are left away", names=odd)
        return {name: value for name, value in found.items() if name not in odd}

    def seconds(self) -> float:
        given = self.value("TIMEOUT") or str(_TIMEOUT_MS)
        try:
            milliseconds = float(given)
        except ValueError:
            milliseconds = 0.0
        if 0 < milliseconds < float("inf"):
            return milliseconds / 1000
        _log.warning(f"{self.name('TIMEOUT')} is no number of milliseconds; {_TIMEOUT_MS:g} it is", value=given)
        return _TIMEOUT_MS / 1000

    def compresses(self, url: URL) -> bool:
        """gzip, unless told otherwise, or the receiver is on this machine: there it would cost more than it saves."""
        return self.value("COMPRESSION") == "gzip" if self.value("COMPRESSION") else url.host not in _LOOPBACK

    def tls(self) -> ssl.SSLContext | None:
        """A context where certificates are named. Raises OSError (ssl.SSLError is one) for files that are none."""
        authority, own = self.value("CERTIFICATE"), self.value("CLIENT_CERTIFICATE")
        if not authority and not own:
            return None
        context = ssl.create_default_context(cafile=authority or None)
        if own:
            context.load_cert_chain(own, self.value("CLIENT_KEY") or None)
        return context


def _parsed(text: str) -> URL | None:
    try:
        url = URL(text)
    except ValueError:
        return None
    return url if url.scheme in {"http", "https"} and url.host else None


def _pairs(given: str) -> dict[str, str]:
    parts = (part.partition("=") for part in given.split(",") if "=" in part)
    return {key.strip(): unquote(value.strip()) for key, _, value in parts}
