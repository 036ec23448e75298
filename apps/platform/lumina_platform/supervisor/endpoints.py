"""Where a running Lumina listens: `endpoints.json` in its home, for the command line and other local programs."""

import contextlib
import json
from dataclasses import asdict, dataclass
from typing import Self

from lumina_kit.home import Home


@dataclass(frozen=True)
class Endpoints:
    """`certificate` is the file that both planes show, if they speak TLS."""

    pid: int
    control: str
    gateway: str
    run_dir: str
    certificate: str | None = None

    @classmethod
    def read(cls, home: Home) -> Self | None:
        """Those of the home, or None if nothing runs there (a killed supervisor may leave old ones)."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            found = json.loads(home.endpoints_file.read_text())
            return cls(found["pid"], found["control"], found["gateway"], found["run_dir"], found.get("certificate"))
        return None

    def write(self, home: Home) -> None:
        """Put them into the home, whole or not at all."""
        draft = home.endpoints_file.with_suffix(".new")
        draft.write_text(json.dumps(asdict(self), indent=2) + "\n")
        draft.replace(home.endpoints_file)
