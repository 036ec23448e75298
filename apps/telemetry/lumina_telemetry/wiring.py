"""What telemetry is made of in the control plane; the root keeps it as `app.state.telemetry`."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from lumina_contracts.protocols import Provenance
from lumina_telemetry.client import TelemetryClient


@dataclass(frozen=True)
class Telemetry:
    """The process that has the data, and who knows what served a request."""

    client: TelemetryClient
    provenance: Provenance


def telemetry(request: Request) -> Telemetry:
    found: Telemetry = request.app.state.telemetry
    return found


TelemetryDep = Annotated[Telemetry, Depends(telemetry)]
