"""Which Lumina a command talks to, and with which key."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lumina_kit.home import Home, find_home
from lumina_platform.cli.errors import NoKey, NotRunning
from lumina_platform.supervisor.endpoints import Endpoints


@dataclass(frozen=True)
class Target:
    """Addresses and key. `gateway` is None for a Lumina elsewhere that only its control plane was named of."""

    control: str
    gateway: str | None
    key: str = field(repr=False)
    certificate: str | None = None


def find_target(home: Path | None, environ: Mapping[str, str] = os.environ) -> Target:
    """The home of the flag; else `LUMINA_URL` with `LUMINA_API_KEY`; else the home that `lumina up` would use."""
    url = environ.get("LUMINA_URL")
    if home is None and url:
        return _elsewhere(url, environ)
    return _here(find_home(home), environ)


def _elsewhere(url: str, environ: Mapping[str, str]) -> Target:
    key = environ.get("LUMINA_API_KEY")
    if not key:
        raise NoKey("LUMINA_URL is set and LUMINA_API_KEY is not.", next_step="Set it to a key of that Lumina.")
    return Target(url.rstrip("/"), environ.get("LUMINA_GATEWAY_URL"), key)


def _here(home: Home, environ: Mapping[str, str]) -> Target:
    found = Endpoints.read(home)
    if found is None:
        raise NotRunning(
            f"No Lumina runs on {home.path}.",
            next_step="Start it with `lumina up`, name its --home, or set LUMINA_URL and LUMINA_API_KEY.",
        )
    return Target(found.control, found.gateway, environ.get("LUMINA_API_KEY") or _admin_key(home), found.certificate)


def _admin_key(home: Home) -> str:
    try:
        return home.admin_key_file.read_text().strip()
    except OSError as error:
        raise NoKey(
            f"{home.admin_key_file} cannot be read: {error.strerror}.",
            next_step="Set LUMINA_API_KEY, or wait until Lumina is ready: its first start writes the key.",
        ) from None
