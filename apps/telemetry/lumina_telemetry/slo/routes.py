"""What the process answers about objectives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web

from lumina_kit.clock import Clock
from lumina_telemetry.answering import parameters
from lumina_telemetry.answering.answers import PROJECT_LABEL, answered, scope
from lumina_telemetry.rules.alerting import NANO
from lumina_telemetry.rules.running import Engine, RunningGroup
from lumina_telemetry.rules.writing import as_yaml
from lumina_telemetry.slo.models import SloPage
from lumina_telemetry.slo.objectives import Objective
from lumina_telemetry.slo.rulebook import Rulebook
from lumina_telemetry.slo.status import Standing


def routes(
    rulebook: Rulebook, engine: Engine, groups: Callable[[], Sequence[RunningGroup]], now: Clock
) -> list[web.RouteDef]:
    """GET /slos and /slos/rules."""
    slos = Slos(rulebook, engine, groups, now)
    return [web.get("/slos", slos.list), web.get("/slos/rules", slos.rules)]


@dataclass(frozen=True)
class Slos:
    rulebook: Rulebook
    engine: Engine
    groups: Callable[[], Sequence[RunningGroup]]
    now: Clock

    async def list(self, request: web.Request) -> web.Response:
        parameters.known(request.query, "service", "name")
        project = scope(request)
        wanted = [each for each in self.rulebook.objectives if _visible(each, project)]
        for name, text in request.query.items():
            wanted = [each for each in wanted if getattr(each, name) == text]
        standing = Standing(self.engine, self.groups())
        return answered(SloPage(await standing.of(wanted, round(self.now().timestamp() * NANO)), None, None))

    async def rules(self, request: web.Request) -> web.Response:
        parameters.known(request.query)
        return web.Response(text=as_yaml(self.rulebook.generated()), content_type="application/yaml")


def _visible(objective: Objective, project: str | None) -> bool:
    """Objectives of all of Lumina are not for who is bound to a project."""
    return project is None or objective.labels.get(PROJECT_LABEL) == project
