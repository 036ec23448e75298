"""The telemetry process: `python -m lumina_telemetry.process`, started by the supervisor."""

import asyncio
import os
import sys
from pathlib import Path
from typing import cast

from prometheus_client import disable_created_metrics

from lumina_kit import logs
from lumina_kit.errors import LuminaError
from lumina_kit.home import find_home
from lumina_kit.lifeline import Lifeline
from lumina_kit.settings import load
from lumina_telemetry.process.serving import serve
from lumina_telemetry.process.surroundings import Surroundings
from lumina_telemetry.settings import TelemetrySettings


def main() -> int:
    """Serve until told to stop. The exit status: 0, or 1 when the settings are wrong."""
    level = cast(logs.Level, os.environ.get("LUMINA_LOG_LEVEL", "info"))
    logs.configure("telemetry", level, cast(logs.Format, os.environ.get("LUMINA_LOG_FORMAT", "console")))
    # Else each counter has a second series that nobody asks for.
    disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no annotations
    home = find_home()
    try:
        settings = load(TelemetrySettings, "telemetry", home)
    except LuminaError as error:
        logs.get(__name__).error(error.message, code=error.code, next_step=error.next_step)
        return 1
    run_dir = Path(os.environ.get("LUMINA_RUN_DIR") or home.run_dir)
    asyncio.run(_serve(Surroundings(home, run_dir, settings)))
    return 0


async def _serve(world: Surroundings) -> None:
    lifeline = Lifeline.from_environment()
    await serve(world, lifeline, lifeline.stop_event())


if __name__ == "__main__":
    sys.exit(main())
