"""`python -m tools.serving PROJECT`: the control plane with one app's routes, restarted on each change of the sources.

It has a home of its own, so that it disturbs no Lumina that runs from this checkout; there is no gateway beside it.
"""

import os
import sys
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from tools.tasks.projects import ROOT

PORT = int(os.environ.get("PORT", "4080"))
HOME = ROOT / ".lumina" / "serve"


def main(arguments: list[str]) -> int:
    from lumina_platform.apps import APPS

    if len(arguments) != 1 or arguments[0] not in APPS:
        print(
            f"make serve needs a PROJECT of {', '.join(APPS)}, such as: make serve PROJECT=governance", file=sys.stderr
        )
        return 2
    os.environ.setdefault("LUMINA_HOME", str(HOME))
    os.environ["LUMINA_PLATFORM_APPS"] = arguments[0]
    os.environ["LUMINA_PUBLIC_URL"] = f"http://127.0.0.1:{PORT}"
    key = Path(os.environ["LUMINA_HOME"]) / "admin.key"
    print(f"/api/{arguments[0]} on http://127.0.0.1:{PORT}, described in /docs; the admin key is in {key}.", flush=True)
    folders = [str(ROOT / name) for name in ("apps", "libs")]
    uvicorn.run("tools.serving:app", factory=True, port=PORT, reload=True, reload_dirs=folders, app_dir=str(ROOT))
    return 0


def app() -> FastAPI:
    """The root's application, with its work started and ended by the server."""
    from lumina_platform.control.app import create_app
    from lumina_platform.control.building import build
    from lumina_platform.control.environment import Environment
    from lumina_platform.control.running import running

    world = build(Environment.read())
    root = create_app(world)
    root.router.lifespan_context = lambda _: running(world)
    return root


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
