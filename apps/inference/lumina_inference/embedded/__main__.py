"""The on-demand process of the embedded models: it leaves by itself when nobody has asked for a while."""

import asyncio
import os
import sys
from pathlib import Path
from typing import cast

from lumina_inference.settings import InferenceSettings, models_folder
from lumina_kit import logs
from lumina_kit.errors import LuminaError
from lumina_kit.home import find_home
from lumina_kit.lifeline import Lifeline
from lumina_kit.settings import load

SOCKET = "embedded.sock"


def main() -> int:
    """Serve until idle or told to stop. The exit status: 0, or 1 when the models cannot be served."""
    # The supervisor, which sets both, has checked them.
    level = cast(logs.Level, os.environ.get("LUMINA_LOG_LEVEL", "info"))
    logs.configure("embedded", level, cast(logs.Format, os.environ.get("LUMINA_LOG_FORMAT", "console")))
    try:
        settings = load(InferenceSettings, "inference", find_home())
        # The tokenizer's own threads count against the same cap; it reads this when it is first used.
        os.environ.setdefault("RAYON_NUM_THREADS", str(settings.embedded_threads))
        asyncio.run(_serve(settings, _socket()))
    except LuminaError as error:
        logs.get(__name__).error(error.message, code=error.code, next_step=error.next_step)
        return 1
    return 0


def _socket() -> Path:
    home = find_home()
    return Path(os.environ.get("LUMINA_RUN_DIR") or home.run_dir) / SOCKET


async def _serve(settings: InferenceSettings, socket: Path) -> None:
    lifeline = Lifeline.from_environment()
    stop = lifeline.stop_event()
    # Imported after the thread cap is set, and after the lifeline is watched.
    from lumina_inference.embedded.process import serve

    await serve(settings, models_folder(settings), socket, lifeline, stop)


if __name__ == "__main__":
    sys.exit(main())
