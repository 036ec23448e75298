"""Numbers as they fit into a cell of a table."""

import math
from decimal import Decimal

NOTHING = "-"
_NANO = 1_000_000_000
_SIZES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def seconds(value: float | None) -> str:
    """A duration with two or three digits: 850 ms, 1.2 s, 75 s."""
    if value is None:
        return NOTHING
    if value < 0.9995:
        return f"{value * 1000:.0f} ms" if value >= 0.01 else f"{value * 1000:.1f} ms"
    if value >= 100_000:
        return f"{_short(value)} s"
    return f"{value:.1f} s" if value < 9.95 else f"{value:.0f} s"


def dollars(nano_usd: int) -> str:
    """An amount; four decimals where cents would show nothing, and more for less."""
    value = nano_usd / _NANO
    if nano_usd == 0:
        return NOTHING
    if value < 0.0001:
        return f"${value:.{1 - math.floor(math.log10(value))}f}"
    if value >= 1e6:
        return f"${_short(value)}"
    return f"${value:,.2f}" if value >= 1 else f"${value:.4f}"


def exact_dollars(nano_usd: int) -> str:
    """An amount to its last digit, with cents at least."""
    cents, _, rest = f"{Decimal(nano_usd).scaleb(-9):,.9f}".partition(".")
    return f"${cents}.{rest.rstrip('0'):0<2}"


def count(value: int) -> str:
    """A whole number, shortened from ten thousand on."""
    return _short(value) if value >= 10_000 else str(value)


def rate(value: float) -> str:
    if value == 0:
        return NOTHING
    if value < 100:
        return f"{value:.1f}"
    return f"{value:,.0f}" if value < 100_000 else _short(value)


def _short(value: float) -> str:
    """With a letter for its size; from a thousand of the greatest letter on, as a power of ten."""
    if value >= 1e15:
        return f"{value:.0e}"
    size, letter = next(each for each in _SIZES if value >= each[0])
    return f"{value / size:.1f}{letter}"
