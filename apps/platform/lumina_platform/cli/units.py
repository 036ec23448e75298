"""Numbers as they fit into a cell of a table."""

NOTHING = "-"
_NANO = 1_000_000_000


def seconds(value: float | None) -> str:
    """A duration with two or three digits: 850 ms, 1.2 s, 75 s."""
    if value is None:
        return NOTHING
    if value < 0.9995:
        return f"{value * 1000:.0f} ms" if value >= 0.01 else f"{value * 1000:.1f} ms"
    return f"{value:.1f} s" if value < 9.95 else f"{value:.0f} s"


def dollars(nano_usd: int) -> str:
    """An amount; four decimals where cents would show nothing."""
    value = nano_usd / _NANO
    if nano_usd == 0:
        return NOTHING
    if value < 0.0001:
        return "<$0.0001"
    return f"${value:,.2f}" if value >= 1 else f"${value:.4f}"


def count(value: int) -> str:
    """A whole number, shortened from ten thousand on."""
    for from_, size, letter in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if value >= from_:
            return f"{value / size:.1f}{letter}"
    return str(value)


def rate(value: float) -> str:
    if value == 0:
        return NOTHING
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"
