"""Which apps the control plane serves. The names are imported only when asked for, so one app can be served alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module

from fastapi import APIRouter

from lumina_kit.errors import Invalid

# Name in the URL, `/api/<name>`, and the module that has its `router`.
APPS = {
    "governance": "lumina_governance.api",
    "inference": "lumina_inference.api",
    "telemetry": "lumina_telemetry.api",
    # generated apps above this line
}


class UnknownApp(Invalid):
    code = "unknown_app"
    title = "No such app"


@dataclass(frozen=True)
class App:
    """One app's routes: `router` for those who are signed in, `open_router` for everyone."""

    name: str
    router: APIRouter
    open_router: APIRouter | None


def load(names: Iterable[str] = APPS) -> list[App]:
    """Import these apps. Raises UnknownApp, and TypeError if a module has no `router`."""
    return [_loaded(name) for name in names]


def _loaded(name: str) -> App:
    if name not in APPS:
        raise UnknownApp(f"There is no app {name!r}.", next_step=f"Known: {', '.join(APPS)}.")
    module = import_module(APPS[name])
    router, open_router = getattr(module, "router", None), getattr(module, "open_router", None)
    if not isinstance(router, APIRouter):
        raise TypeError(f"{APPS[name]} has no APIRouter named router")
    return App(name, router, open_router if isinstance(open_router, APIRouter) else None)
