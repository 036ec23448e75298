"""Tells the operator of series that are not kept: once a minute for each project, however many points come."""

import time
from collections.abc import Callable

from lumina_kit import logs

_AGAIN_SECONDS = 60.0
_MOST_REMEMBERED = 1_000
_log = logs.get(__name__)


class Refusals:
    """Who was told of lately. Not for several threads at once."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._told: dict[str | None, float] = {}

    def tell(self, project: str | None, points: int, limit: str) -> None:
        """`project` None: Lumina itself."""
        now = self._monotonic()
        if now - self._told.get(project, -_AGAIN_SECONDS) < _AGAIN_SECONDS:
            return
        if len(self._told) >= _MOST_REMEMBERED:
            self._told.clear()
        self._told[project] = now
        _log.warning("points of new series were refused", project=project, points=points, limit=limit)
