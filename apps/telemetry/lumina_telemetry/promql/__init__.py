"""PromQL over the stored metrics: a documented subset, with the meaning that Prometheus gives it."""

from lumina_telemetry.promql.engine import Engine
from lumina_telemetry.promql.errors import UnsupportedPromql
from lumina_telemetry.promql.models import Curve, Sample

__all__ = ["Curve", "Engine", "Sample", "UnsupportedPromql"]
