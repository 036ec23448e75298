"""`/v1/models`: the routes and aliases that a key can name."""

from urllib.parse import unquote

from lumina_contracts.snapshot import Route
from lumina_inference.gateway.auth import authenticate, known_index, require
from lumina_inference.gateway.calls import Call
from lumina_inference.gateway.errors import ModelNotFound
from lumina_inference.gateway.replies import Reply, reply_json
from lumina_kit.clock import Clock

PREFIX = "/v1/models/"


class Models:
    """Lists what is served."""

    def __init__(self, now: Clock) -> None:
        self._now = now

    async def listing(self, call: Call) -> Reply:
        """All models, aliases that are not hidden included."""
        require(authenticate(call, self._now), "inference")
        listed = known_index(call).listed
        return reply_json(call, {"object": "list", "data": [_card(name, listed[name]) for name in sorted(listed)]})

    async def one(self, call: Call) -> Reply:
        """One model by name; a name may hold a slash, plain or encoded."""
        require(authenticate(call, self._now), "inference")
        name = unquote(call.request.rel_url.raw_path.removeprefix(PREFIX))
        choices = known_index(call).find(name)
        if choices is None:
            raise unknown_model(name)
        return reply_json(call, _card(name, choices.route))


def unknown_model(name: str) -> ModelNotFound:
    return ModelNotFound(
        f"The model {name[:100]!r} does not exist or you do not have access to it; GET /v1/models lists what does.",
        param="model",
    )


def _card(name: str, route: Route) -> dict[str, str | int]:
    return {"id": name, "object": "model", "created": route.created, "owned_by": route.owned_by}
