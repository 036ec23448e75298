"""Series of metrics as people read them: labels, a value, or a small curve."""

import math
from collections.abc import Mapping, Sequence
from typing import cast

from lumina_platform.cli.client import Row
from lumina_platform.cli.printable import shortened

TICKS = "▁▂▃▄▅▆▇█"
TICKS_OF_COLUMNS = {120: 40, 100: 30, 0: 18}  # what fits beside the labels, by the width of the terminal
Values = Sequence[float | None]


def value_row(point: Row) -> Row:
    """One time: its labels and its value."""
    return {"series": labels(point), "value": number(cast("float | None", point["value"]))}


def curve_row(line: Row, width: int) -> Row:
    """A curve as ticks, with its least, greatest and last value, for a terminal of this width."""
    ticks = next(ticks for least, ticks in TICKS_OF_COLUMNS.items() if width >= least)
    values = cast("Values", line["values"])
    known = [value for value in values if value is not None]
    return {
        "series": labels(line),
        "curve": sparkline(values, ticks),
        "least": number(min(known, default=None)),
        "most": number(max(known, default=None)),
        "last": number(values[-1] if values else None),
    }


def labels(series: Row) -> str:
    """As PromQL writes them; of an aggregate of everything there are none."""
    pairs = dict(cast("Mapping[str, str]", series["labels"]))
    name = shortened(pairs.pop("__name__", ""))
    told = ", ".join(f'{key}="{shortened(value)}"' for key, value in sorted(pairs.items()))
    return f"{name}{{{told}}}" if told or not name else name


def number(value: float | None) -> str | None:
    """With four digits; whole numbers whole. JSON has null for what is no number."""
    if value is None:
        return None
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:.4g}"


def sparkline(values: Values, most: int) -> str:
    """One tick for each of so many stretches; a gap where there is no number."""
    step = max(1, math.ceil(len(values) / most))
    means = [_mean(values[place : place + step]) for place in range(0, len(values), step)]
    known = [mean for mean in means if mean is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    return "".join(" " if mean is None else _tick(mean, low, high) for mean in means)


def _mean(values: Values) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def _tick(value: float, low: float, high: float) -> str:
    """The middle for a flat line, the lowest if it is of nothing."""
    if high == low:
        return TICKS[len(TICKS) // 2 if value else 0]
    share = (value - low) / (high - low)
    return TICKS[min(len(TICKS) - 1, int(share * len(TICKS)))]
