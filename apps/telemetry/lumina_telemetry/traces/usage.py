"""Tokens and cost of a trace, each counted once."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

MOST_SPANS = 50_000
"""Spans of one page of traces that are added up."""

Trace = tuple[int, int]
Row = tuple[int, int, int, int, int | None, int | None, int | None]
Counted = tuple[int, int | None]
"""A span's parent, and what the span itself tells."""


@dataclass(frozen=True)
class Usage:
    """None: no span tells it."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_nano_usd: int | None = None


def summed(rows: Iterable[Row]) -> dict[Trace, Usage]:
    """By trace, from its spans: halves of the trace id, span, parent, input tokens, output tokens, cost."""
    traces: dict[Trace, list[Row]] = defaultdict(list)
    for row in rows:
        traces[row[0], row[1]].append(row)
    return {trace: Usage(*(_uppermost(spans, at) for at in (4, 5, 6))) for trace, spans in traces.items()}


def _uppermost(spans: list[Row], at: int) -> int | None:
    """The sum over spans that tell a number and have no ancestor that tells one."""
    counted: dict[int, Counted] = {row[2]: (row[3], _number(row[at])) for row in spans}
    told = [span for span, (_, number) in counted.items() if number is not None]
    below: dict[int, bool] = {}
    sums = [counted[span][1] or 0 for span in told if not _is_below(counted[span][0], counted, below)]
    return sum(sums) if told else None


def _is_below(parent: int, counted: dict[int, Counted], known: dict[int, bool]) -> bool:
    """Whether this span or one above it tells a number. Walks up without recursion, and ends in a circle."""
    path: list[int] = []
    answer = False
    while parent in counted:
        if parent in known:
            answer = known[parent]
            break
        known[parent] = False
        path.append(parent)
        parent, number = counted[parent]
        if number is not None:
            answer = True
            break
    known.update(dict.fromkeys(path, answer))
    return answer


def _number(value: int | None) -> int | None:
    return None if value is None else int(value)
