"""Series of metrics as people read them: labels, a value, or a small curve."""

import math
from collections.abc import Mapping, Sequence
from typing import cast

from lumina_platform.cli.client import Api, Row
from lumina_platform.cli.listings import Parameters, got

API = "/prometheus/api/v1"
TICKS = "▁▂▃▄▅▆▇█"
MOST_TICKS = 60
Points = Sequence[tuple[float, str]]


def asked(api: Api, path: str, parameters: Parameters) -> list[Row]:
    """The series that an expression gives; a single number is one without labels."""
    data = cast("Row", got(api, f"{API}/{path}", parameters)["data"])
    if data["resultType"] in ("scalar", "string"):
        return [{"metric": {}, "value": data["result"]}]
    return cast("list[Row]", data["result"])


def value_row(series: Row) -> Row:
    """An instant: its labels and its value."""
    _, text = cast("tuple[float, str]", series["value"])
    return {"series": labels(series), "value": number(float(text))}


def curve_row(series: Row) -> Row:
    """A curve: as ticks, with its least, greatest and last value."""
    values = [float(text) for _, text in cast("Points", series["values"])]
    known = [value for value in values if math.isfinite(value)]
    return {
        "series": labels(series),
        "curve": sparkline(values),
        "least": number(min(known)) if known else None,
        "most": number(max(known)) if known else None,
        "last": number(values[-1]) if values else None,
    }


def labels(series: Row) -> str:
    """As PromQL writes it."""
    pairs = dict(cast("Mapping[str, str]", series["metric"]))
    name = pairs.pop("__name__", "")
    told = ", ".join(f'{key}="{value}"' for key, value in sorted(pairs.items()))
    return f"{name}{{{told}}}" if told or not name else name


def number(value: float) -> str:
    """With four digits; whole numbers whole."""
    if not math.isfinite(value):
        return str(value)
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:.4g}"


def sparkline(values: Sequence[float]) -> str:
    """One tick for each of up to 60 stretches; a gap where there is no number."""
    step = max(1, math.ceil(len(values) / MOST_TICKS))
    means = [_mean(values[place : place + step]) for place in range(0, len(values), step)]
    known = [mean for mean in means if mean is not None]
    low, high = (min(known), max(known)) if known else (0.0, 0.0)
    return "".join(" " if mean is None else _tick(mean, low, high) for mean in means)


def _mean(values: Sequence[float]) -> float | None:
    known = [value for value in values if math.isfinite(value)]
    return sum(known) / len(known) if known else None


def _tick(value: float, low: float, high: float) -> str:
    """The lowest for a flat line."""
    share = (value - low) / (high - low) if high > low else 0.0
    return TICKS[min(len(TICKS) - 1, int(share * len(TICKS)))]
