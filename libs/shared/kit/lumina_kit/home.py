"""Where Lumina keeps its state. Standard library only: the supervisor and the gateway import it."""

import hashlib
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Home:
    """The folder that holds all state but the master key."""

    path: Path

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.path / 'lumina.sqlite'}"

    @property
    def content_url(self) -> str:
        return f"sqlite:///{self.path / 'content.sqlite'}"

    @property
    def admin_key_file(self) -> Path:
        return self.path / "admin.key"

    @property
    def endpoints_file(self) -> Path:
        return self.path / "endpoints.json"

    @property
    def lock_file(self) -> Path:
        return self.path / "lumina.lock"

    @property
    def settings_file(self) -> Path:
        return self.path / "lumina.yaml"

    @property
    def gateway_config(self) -> Path:
        return self.path / "gateway.yaml"

    @property
    def gateway_dir(self) -> Path:
        return self.path / "gateway"

    @property
    def logs_dir(self) -> Path:
        return self.path / "logs"

    @property
    def run_dir(self) -> Path:
        """Sockets live here: the path is short, since a socket's is limited to about 100 bytes."""
        digest = hashlib.sha256(str(self.path).encode()).hexdigest()[:12]
        root = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
        return Path(root) / f"lumina-{os.getuid()}-{digest}"


def find_home(flag: Path | None = None) -> Home:
    """The home of the flag, else of `LUMINA_HOME`, else `.lumina` in a checkout, else in the user's data folder."""
    named = flag or os.environ.get("LUMINA_HOME")
    if named:
        return Home(Path(named).expanduser().absolute())
    tree = checkout()
    return Home(tree / ".lumina" if tree else _user_data() / "lumina")


def checkout() -> Path | None:
    """The root of the checkout that this code runs from, if it does."""
    root = Path(__file__).resolve().parents[4]
    return root if (root / "apps" / "platform" / "pyproject.toml").is_file() else None


def _user_data() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
