"""The names of `lumina_telemetry.times`, where they used to be."""

from lumina_telemetry.times import LAST, MILLISECOND, SECOND, milliseconds, parsed, told

__all__ = ["LAST", "MILLISECOND", "SECOND", "milliseconds", "parsed", "told"]
