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
from lumina_telemetry.slo.rulebook import Rulebook
from lumina_telemetry.slo.status import Standing
from lumina_telemetry.visibility import sees


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
        seen = scope(request)
        wanted = [each for each in self.rulebook.objectives if sees(seen, each.labels.get(PROJECT_LABEL))]
        for name, text in request.query.items():
            wanted = [each for each in wanted if getattr(each, name) == text]
        standing = Standing(self.engine, self.groups())
        return answered(SloPage(await standing.of(wanted, round(self.now().timestamp() * NANO)), None, None))

    async def rules(self, request: web.Request) -> web.Response:
        parameters.known(request.query)
        return web.Response(text=as_yaml(self.rulebook.generated()), content_type="application/yaml")
