"""The on-demand process of the translation: it leaves by itself when nobody has asked for a while."""

import asyncio
import os
import sys
from pathlib import Path
from typing import cast

from lumina_inference.settings import InferenceSettings
from lumina_inference.translator import quiet
from lumina_kit import logs
from lumina_kit.errors import LuminaError
from lumina_kit.home import find_home
from lumina_kit.lifeline import Lifeline
from lumina_kit.settings import load

SOCKET = "translator.sock"


def main() -> int:
    """Serve until idle or told to stop. The exit status: 0, or 1 when the settings are wrong."""
    # The supervisor, which sets both, has checked them.
    level = cast(logs.Level, os.environ.get("LUMINA_LOG_LEVEL", "info"))
    logs.configure("translator", level, cast(logs.Format, os.environ.get("LUMINA_LOG_FORMAT", "console")))
    quiet.before_import(os.environ)
    try:
        settings = load(InferenceSettings, "inference", find_home())
        asyncio.run(_serve(settings, Path(os.environ.get("LUMINA_RUN_DIR") or find_home().run_dir)))
    except LuminaError as error:
        logs.get(__name__).error(error.message, code=error.code, next_step=error.next_step)
        return 1
    return 0


async def _serve(settings: InferenceSettings, run_dir: Path) -> None:
    lifeline = Lifeline.from_environment()
    stop = lifeline.stop_event()
    # Imported after the library's environment is set, and after the lifeline is watched: it takes seconds.
    from lumina_inference.translator.process import serve

    await serve(settings, run_dir, SOCKET, lifeline, stop)


if __name__ == "__main__":
    sys.exit(main())
