"""The configuration file under watch: a good change takes effect, a bad one is told and the old one stays."""

import asyncio
import hashlib
import os
import stat
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from lumina_inference.config.compiling import EMPTY, MOST_BYTES, Compiled, compile_text, says_nothing, without_file
from lumina_inference.config.findings import Finding, Level, Report
from lumina_kit import logs

log = logs.get(__name__)
Signature = tuple[int, int, int, int]
_EMPTIED = Report(
    (
        Finding(
            Level.ERROR,
            1,
            "",
            f"{EMPTY}; until then what was last read from it goes on",
        ),
    )
)


@dataclass(frozen=True)
class ConfigState:
    """What runs, and what the file says now. `running_sha256` is None while no file's content runs."""

    path: Path
    running: Compiled
    running_sha256: str | None
    report: Report
    file_sha256: str | None
    content: bytes | None

    @property
    def current(self) -> bool:
        """Whether what runs is what the file says; a file that was never there says nothing."""
        return self.report.ok and self.running_sha256 == self.file_sha256


@dataclass(frozen=True)
class ConfigChange:
    """A good change of the file, with the digests before and after; None stands for no file."""

    path: Path
    before_sha256: str | None
    after_sha256: str | None
    compiled: Compiled


OnChange = Callable[[ConfigChange], Awaitable[None]]


class ConfigWatch:
    """Looks at the file and compiles what it finds. `required`: its absence at the start is worth a warning."""

    def __init__(
        self, path: Path, environ: Mapping[str, str], *, most_bytes: int = MOST_BYTES, required: bool = False
    ) -> None:
        self._environ = environ
        self._most_bytes = most_bytes
        self._required = required
        self._taken: Signature | None = None
        self._seen: Signature | None = None
        self._kept = False
        self.state = ConfigState(path, without_file(), None, Report(), None, None)

    def load(self) -> ConfigState:
        """The first look: whatever is there is taken at once."""
        self._seen = _signature(self.state.path)
        self._take(self._seen)
        return self.state

    def keep(self, kept: Compiled) -> None:
        """Serve this, which an earlier run was told, until the file is good again."""
        self._kept = True
        self.state = replace(self.state, running=kept, running_sha256=kept.routes.config_sha256)

    def poll(self) -> ConfigChange | None:
        """Look again. A change counts once two looks have found the same, so that no half-written file is read."""
        signature = _signature(self.state.path)
        settled, self._seen = signature == self._seen, signature
        if not settled or signature == self._taken:
            return None
        return self._take(signature)

    async def run(self, seconds: float, on_change: OnChange) -> None:
        """Poll for ever. A callback that fails is called again at the next look: the change is not lost."""
        pending: ConfigChange | None = None
        while True:
            await asyncio.sleep(seconds)
            change = await asyncio.to_thread(self.poll)
            if change is not None:
                pending = replace(change, before_sha256=pending.before_sha256) if pending else change
            if pending is not None and await _told(on_change, pending):
                pending = None

    def _take(self, signature: Signature | None) -> ConfigChange | None:
        content = _read(self.state.path, self._most_bytes) if signature else None
        if content is not None and _signature(self.state.path) != signature:
            return None  # it changed while it was read: the next look finds it
        self._taken = signature
        if content is None:
            self._lose()
            return None
        return self._compile(content)

    def _compile(self, content: bytes) -> ConfigChange | None:
        compiled = compile_text(content, self._environ, self._most_bytes)
        digest = hashlib.sha256(content).hexdigest()
        before = self.state.running_sha256
        report = _EMPTIED if self._emptied(content) else compiled.report
        self.state = replace(self.state, report=report, file_sha256=digest, content=content)
        _log(self.state)
        if not report.ok or (digest == before and not self._kept):
            return None
        self._kept = False
        self.state = replace(self.state, running=compiled, running_sha256=digest)
        return ConfigChange(self.state.path, before, digest, compiled)

    def _emptied(self, content: bytes) -> bool:
        running, embedded = self.state.running, without_file()
        has_more = running.routes.routes != embedded.routes.routes or running.master_key_sha256 is not None
        return has_more and says_nothing(content)

    def _lose(self) -> None:
        """The file is not there, or cannot be read: what ran goes on."""
        report = Report()
        if self._required or self.state.running_sha256 is not None:
            message = f"{self.state.path} cannot be read; what was last read from it goes on"
            level = Level.ERROR if self.state.running_sha256 else Level.WARNING
            report = Report((Finding(level, 1, "", message),))
        self.state = replace(self.state, report=report, file_sha256=None, content=None)
        _log(self.state)


async def _told(on_change: OnChange, change: ConfigChange) -> bool:
    try:
        await on_change(change)
    except Exception:  # a database that is away for a moment must not end the watch
        log.exception("configuration change not recorded; trying again")
        return False
    return True


def _signature(path: Path) -> Signature | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _read(path: Path, most_bytes: int) -> bytes | None:
    try:
        # Without waiting: to open a pipe would, until somebody writes into it.
        with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as stream:
            regular = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
            return stream.read(most_bytes + 1) if regular else None
    except OSError:  # a folder, or no permission
        return None


def _log(state: ConfigState) -> None:
    for finding in state.report.findings:
        write = log.error if finding.level is Level.ERROR else log.warning
        write("configuration", file=str(state.path), line=finding.line, path=finding.path, says=finding.message)
    if state.file_sha256:
        log.info("configuration read", file=str(state.path), sha256=state.file_sha256[:12], good=state.report.ok)
