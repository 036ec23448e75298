"""What `lumina up` was asked for, checked before anything starts."""

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lumina_kit.home import Home
from lumina_platform.supervisor.errors import BadCertificate, Exposed
from lumina_platform.supervisor.ports import Wanted, beyond_loopback
from lumina_platform.supervisor.rendering import Format
from lumina_platform.supervisor.settings import Settings


@dataclass(frozen=True)
class Certificate:
    """A certificate with its key, both PEM files."""

    file: Path
    key: Path


@dataclass(frozen=True)
class Logging:
    level: str = "info"
    form: Format = "console"


@dataclass(frozen=True)
class Options:
    """The flags of `lumina up`. With `next_free_ports` it moves when the wanted ports belong to something else."""

    home: Home
    wanted: Wanted = field(default_factory=Wanted)
    config: Path | None = None
    certificate: Certificate | None = None
    insecure: bool = False
    next_free_ports: bool = False
    logging: Logging = Logging()
    gateway_processes: int = 1
    telemetry: bool = True

    @property
    def scheme(self) -> str:
        return "https" if self.certificate else "http"

    def check(self) -> None:
        """Raises Exposed or BadCertificate, with the way out."""
        if self.certificate:
            _load(self.certificate)
        elif beyond_loopback(self.wanted.host) and not self.insecure:
            raise Exposed(
                f"{self.wanted.host} can be reached by other machines, and keys would travel in clear text.",
                next_step="Give --tls-cert FILE and --tls-key FILE, or --insecure if something before Lumina encrypts.",
            )


def logging_of(settings: Settings, to_terminal: bool) -> Logging:
    """Level and format of the log: JSON unless a setting says otherwise, or people read along."""
    return Logging(settings.log_level, settings.log_format or ("console" if to_terminal else "json"))


def _load(certificate: Certificate) -> None:
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate.file, certificate.key)
    except (OSError, ssl.SSLError) as error:
        raise BadCertificate(
            f"{certificate.file} with {certificate.key} cannot be used: {error}.",
            next_step="Give the PEM file of the certificate chain and that of its key, readable by this user.",
        ) from None


def inherited_public_url(environ: Mapping[str, str] = os.environ) -> str | None:
    """The address under which a reverse proxy shows Lumina, if the operator named one."""
    return environ.get("LUMINA_PUBLIC_URL") or None
