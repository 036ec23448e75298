"""`python -m lumina_platform.control`: the control plane's process, started by the supervisor."""

import asyncio
import sys

import uvloop

from lumina_kit import logs
from lumina_kit.errors import LuminaError
from lumina_kit.lifeline import Lifeline
from lumina_platform.control.building import build
from lumina_platform.control.environment import Environment
from lumina_platform.control.server import serve


def main() -> int:
    """Serve; the exit code is 1 when something was wrong that a person must mend."""
    lifeline = Lifeline.from_environment()
    environment = Environment.read()
    logs.configure("control", environment.log_level, environment.log_format)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(environment, build(environment), lifeline))
    except LuminaError as error:
        return _refused(error)
    except BaseExceptionGroup as group:
        known, unknown = group.split(LuminaError)
        if known is None or unknown is not None:
            raise
        return max(_refused(error) for error in known.exceptions)
    return 0


def _refused(error: BaseException) -> int:
    logs.get(__name__).error("control cannot start", error=str(error), next_step=getattr(error, "next_step", None))
    return 1


if __name__ == "__main__":
    sys.exit(main())
