"""`/v1/models`: the routes and aliases that a key can name."""

from urllib.parse import unquote

from lumina_contracts.snapshot import Route
from lumina_inference.gateway.allowed import visible
from lumina_inference.gateway.auth import authenticate, known_index, require
from lumina_inference.gateway.calls import Call
from lumina_inference.gateway.errors import ModelNotFound
from lumina_inference.gateway.replies import Reply, reply_json
from lumina_kit.clock import Clock

_PLACE = "/models/"


class Models:
    """Lists what is served."""

    def __init__(self, now: Clock) -> None:
        self._now = now

    async def listing(self, call: Call) -> Reply:
        """All models that the key may use, aliases that are not hidden included."""
        caller = authenticate(call, self._now)
        require(caller, "inference")
        listed = known_index(call).listed
        shown = visible(caller.key.limits, caller.project_limits, listed)
        return reply_json(call, {"object": "list", "data": [_card(name, listed[name]) for name in shown]})

    async def one(self, call: Call) -> Reply:
        """One model by name; a name may hold a slash, plain or encoded."""
        caller = authenticate(call, self._now)
        require(caller, "inference")
        name = unquote(call.request.rel_url.raw_path.partition(_PLACE)[2])
        choices = known_index(call).find(name)
        if choices is None or not caller.may_use(name, choices.route.name):
            raise unknown_model(name)
        return reply_json(call, _card(name, choices.route))


def unknown_model(name: str) -> ModelNotFound:
    return ModelNotFound(
        f"The model {name[:100]!r} does not exist or you do not have access to it; GET /v1/models lists what does.",
        param="model",
    )


def _card(name: str, route: Route) -> dict[str, str | int]:
    return {"id": name, "object": "model", "created": route.created, "owned_by": route.owned_by}
