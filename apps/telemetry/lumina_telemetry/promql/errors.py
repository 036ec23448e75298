"""What the engine can refuse."""

from lumina_telemetry.errors import BadQuery

SUPPORTED = (
    "Supported are selectors, offset, rate, increase, irate, delta, *_over_time, histogram_quantile, sum, avg, min, "
    "max, count, group, topk, bottomk, arithmetic, comparisons, and, or, unless, absent, vector, scalar, time, clamp "
    "and rounding."
)


class UnsupportedPromql(BadQuery):
    """The expression is outside the subset, or no PromQL at all."""

    code = "unsupported_promql"
    title = "The PromQL expression cannot be evaluated"


class AmbiguousMatch(BadQuery):
    """Two series meet where only one may be."""

    code = "ambiguous_match"
    title = "The series of the expression do not match one to one"
