"""What the supervisor starts: a description of each process, made before any of them runs."""

import socket
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Plan:
    """One process: `python -m module`, on the public socket `listen` if it has one.

    An on-demand part is started when someone asks, and may exit with 0 when it has had nothing to do. Lumina is
    ready without an observer; it stops last, since it takes in what the others tell until they end.
    """

    name: str
    module: str
    environment: Mapping[str, str] = field(default_factory=dict)
    listen: socket.socket | None = None
    on_demand: bool = False
    observer: bool = False
    start_seconds: float = 120.0
    stop_seconds: float = 5.0

    @property
    def full_environment(self) -> dict[str, str]:
        listening = {"LUMINA_LISTEN_FD": str(self.listen.fileno())} if self.listen else {}
        return {**self.environment, **listening}

    @property
    def inherited(self) -> tuple[int, ...]:
        return (self.listen.fileno(),) if self.listen else ()
