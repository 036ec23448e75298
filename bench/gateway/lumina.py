"""A home for the gateway alone: a kept snapshot, so that no control plane is needed and nothing changes meanwhile."""

import asyncio
import hashlib
import os
from pathlib import Path

import msgspec

from bench.gateway.asked import KEY
from bench.gateway.stubs import Stubs
from lumina_contracts.snapshot import (
    Backend,
    KeyEntry,
    KeysPart,
    Limits,
    ProjectEntry,
    Route,
    RoutesPart,
    Snapshot,
    sealed,
)
from lumina_inference.gateway.vault import Vault
from lumina_kit.home import Home
from lumina_kit.masterkey import MasterKey

_AMPLE = Limits(
    requests_per_minute=10**9, tokens_per_minute=10**12, budget_nano_usd=10**18, budget_period="month"
)  # they are checked and counted on every request, and never reached
_OWN = ("LUMINA_", "OTEL_")


def environment(root: Path, stubs: Stubs) -> dict[str, str]:
    """Make the home; gives the environment of the gateway's process."""
    home = Home(root / "home")
    home.path.mkdir()
    key_file = root / "master.key"
    os.environ["LUMINA_KEY_FILE"] = str(key_file)
    vault = Vault(home, MasterKey.load(home))
    asyncio.run(vault.write(msgspec.json.encode(_snapshot(stubs))))
    home.admin_key_file.write_text(KEY)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(_OWN)}
    return inherited | {
        "LUMINA_KEY_FILE": str(key_file),
        "LUMINA_HOME": str(home.path),
        "LUMINA_RUN_DIR": str(root),
        "LUMINA_LOG_FORMAT": "json",
        "OTEL_EXPORTER_OTLP_ENDPOINT": stubs.otlp,
    }


def _snapshot(stubs: Stubs) -> Snapshot:
    digest = hashlib.sha256(KEY.encode()).hexdigest()
    entry = KeyEntry(id="bench", sha256=digest, project_id="bench", scopes=("inference",), role="admin", limits=_AMPLE)
    keys = KeysPart(keys=(entry,), projects=(ProjectEntry(id="bench", limits=_AMPLE),))
    return sealed(RoutesPart(routes=tuple(_route(kind, url) for kind, url in stubs.bases.items())), keys)


def _route(kind: str, url: str) -> Route:
    backend = Backend(
        id=f"stub-{kind}",
        provider="openai",
        model="stub",
        url=url,
        api_key="sk-bench",
        input_nano_usd_per_token=2500.0,
        output_nano_usd_per_token=10000.0,
        probe_seconds=5.0,
    )
    return Route(name=kind, backends=(backend,), kinds=("chat",))
