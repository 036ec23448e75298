"""Room on the disk: telemetry stops before it takes the last of it, and goes on when there is room again."""

import shutil
from pathlib import Path

from lumina_kit import logs

_log = logs.get(__name__)


class Disk:
    """Whether the disk of a folder has room; `trouble` says why not."""

    def __init__(self, folder: Path, free_bytes: int) -> None:
        self._folder = folder
        self._free_bytes = free_bytes
        self.trouble: str | None = None

    def check(self) -> str | None:
        """Look at the disk again. What is wrong with it, or None."""
        free = self.free()
        if free < self._free_bytes:
            self._told(f"{free >> 20} MiB are free on the disk, and {self._free_bytes >> 20} MiB are to stay free")
        else:
            self._told(None)
        return self.trouble

    def free(self) -> int:
        """Free bytes on the disk."""
        folder = next((place for place in (self._folder, *self._folder.parents) if place.exists()), self._folder)
        return shutil.disk_usage(folder).free

    def failed(self, error: Exception) -> None:
        """A write went wrong: the next `check` decides whether to try again."""
        self._told(f"the disk failed: {' '.join(str(error).split())[:200]}")

    def _told(self, trouble: str | None) -> None:
        if (trouble is None) != (self.trouble is None):
            if trouble:
                _log.error("telemetry takes nothing in", reason=trouble)
            else:
                _log.info("telemetry takes in again")
        self.trouble = trouble
