"""What the gateway last served from a configuration file: control goes on with it when it finds the file broken."""

import msgspec

from lumina_contracts.snapshot import MASTER_KEY_ID, Snapshot
from lumina_inference.config.compiling import Compiled
from lumina_inference.config.findings import Report
from lumina_inference.gateway.vault import Vault
from lumina_kit import logs
from lumina_kit.home import Home
from lumina_kit.masterkey import MasterKey

log = logs.get(__name__)


def kept_config(home: Home, key: MasterKey) -> Compiled | None:
    """The configuration in the snapshot that the gateway kept; None if there is none, or it came from no file."""
    content = Vault(home, key).read_now()
    if content is None:
        return None
    try:
        snapshot = msgspec.json.decode(content, type=Snapshot)
    except msgspec.DecodeError as error:
        log.warning("the kept snapshot does not fit this version", error=str(error))
        return None
    if snapshot.routes.config_sha256 is None:
        return None
    master = next((entry.sha256 for entry in snapshot.keys.keys if entry.id == MASTER_KEY_ID), None)
    return Compiled(snapshot.routes, Report(), master)
