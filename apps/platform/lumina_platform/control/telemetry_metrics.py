"""What the telemetry process counts of itself, for control's own `/metrics`."""

from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from lumina_kit import logs
from lumina_telemetry.client import TelemetryClient
from lumina_telemetry.errors import TelemetryUnavailable

PATH = "/self"
SECONDS = 1.0
log = logs.get(__name__)


async def of_telemetry(client: TelemetryClient) -> list[Metric]:
    """Its families; none while it is away, or slow: a scrape of control does not wait for it."""
    try:
        reply = await client.get(PATH, seconds=SECONDS)
    except TelemetryUnavailable:
        return []
    if reply.is_error:
        return []
    try:
        return list(text_string_to_metric_families(reply.text))
    except ValueError as error:
        log.warning("telemetry's numbers cannot be read", error=str(error))
        return []
