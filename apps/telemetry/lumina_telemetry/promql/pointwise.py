"""Functions of each value by itself."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from lumina_telemetry.promql.models import Floats, Vector

POINTWISE: Mapping[str, Callable[[Floats], Floats]] = MappingProxyType(
    {
        "abs": np.abs,
        "ceil": np.ceil,
        "floor": np.floor,
        "exp": np.exp,
        "ln": np.log,
        "log2": np.log2,
        "log10": np.log10,
        "sqrt": np.sqrt,
        "sgn": np.sign,
    }
)


def clamped(name: str, vector: Vector, limits: Sequence[Floats]) -> Vector:
    """clamp, clamp_min or clamp_max. Where the least is above the most there is nothing."""
    least = limits[0] if name != "clamp_max" else np.full(vector.values.shape[1], -np.inf)
    most = limits[-1] if name != "clamp_min" else np.full(vector.values.shape[1], np.inf)
    values = np.maximum(least[None, :], np.minimum(most[None, :], vector.values))
    return Vector(vector.labels, values, vector.there & ~(least > most)[None, :])


def rounded(values: Floats, nearest: Floats) -> Floats:
    """To a multiple of `nearest`; a half goes up."""
    inverse = 1.0 / nearest[None, :]
    return np.asarray(np.floor(values * inverse + 0.5) / inverse)
