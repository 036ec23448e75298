"""Objectives as Sloth's files of version prometheus/v1 say them."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

WINDOW = "{{.window}}"


@dataclass(frozen=True)
class Alarm:
    """What the alert for a page or for a ticket carries beside what every one of them has."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Objective:
    """One objective. `percent` of all events are to be good; the queries have WINDOW for their range.

    `page` and `ticket` None: disabled. `labels` are the service's and its own.
    """

    service: str
    name: str
    percent: Decimal
    description: str
    error_query: str
    total_query: str
    labels: Mapping[str, str]
    alert: str
    page: Alarm | None
    ticket: Alarm | None

    @property
    def id(self) -> str:
        return f"{self.service}-{self.name}"

    @property
    def ratio(self) -> Decimal:
        return self.percent / 100

    @property
    def budget(self) -> Decimal:
        """The share of events that may be bad."""
        return 1 - self.ratio


@dataclass(frozen=True)
class ObjectiveFile:
    """The objectives of one file."""

    name: str
    objectives: tuple[Objective, ...]
