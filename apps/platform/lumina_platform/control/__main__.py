"""`python -m lumina_platform.control`: the control plane's process, started by the supervisor."""

import asyncio

import uvloop

from lumina_kit import logs
from lumina_kit.lifeline import Lifeline
from lumina_platform.control.building import build
from lumina_platform.control.environment import Environment
from lumina_platform.control.server import serve


def main() -> None:
    """Serve until told to stop."""
    lifeline = Lifeline.from_environment()
    environment = Environment.read()
    logs.configure("control", environment.log_level, environment.log_format)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(environment, build(environment), lifeline))


if __name__ == "__main__":
    main()
