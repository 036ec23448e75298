"""What the telemetry process needs of the world outside it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from lumina_kit.clock import Clock, utc_now
from lumina_kit.home import Home
from lumina_telemetry.settings import TelemetrySettings


@dataclass(frozen=True)
class Surroundings:
    """Tests hand in their own."""

    home: Home
    run_dir: Path
    settings: TelemetrySettings = field(default_factory=TelemetrySettings)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    now: Clock = utc_now

    @property
    def folder(self) -> Path:
        """Where the store is, and what goes with it."""
        return self.home.path / "telemetry"
