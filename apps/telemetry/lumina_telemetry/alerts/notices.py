"""What is sent of an alert, before it has the form of any receiver."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Notice:
    """An alert that fires, or is over. `until_ns`: firing, it holds at most so long unless told again."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    firing: bool
    started_ns: int
    until_ns: int
