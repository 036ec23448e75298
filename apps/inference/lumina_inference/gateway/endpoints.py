"""Every path that the gateway answers. `openapi.json` describes exactly these."""

from lumina_inference.gateway.health import Health
from lumina_inference.gateway.inference import Inference
from lumina_inference.gateway.keyadmin import KeyAdmin
from lumina_inference.gateway.models import Models
from lumina_inference.gateway.observing import Observing
from lumina_inference.gateway.routing import Endpoint, Table


def table(inference: Inference, models: Models, keys: KeyAdmin, health: Health, observing: Observing) -> Table:
    """The route table. Probes and scrapes are quiet."""
    return Table(
        (
            Endpoint("POST", "/v1/chat/completions", inference.chat),
            Endpoint("POST", "/v1/completions", inference.completion),
            Endpoint("POST", "/v1/embeddings", inference.embedding),
            Endpoint("POST", "/v1/responses", inference.responses),
            Endpoint("POST", "/v1/messages", inference.messages),
            Endpoint("GET", "/v1/models", models.listing),
            Endpoint("GET", "/v1/models/{model}", models.one),
            Endpoint("POST", "/key/generate", keys.generate),
            Endpoint("POST", "/key/update", keys.update),
            Endpoint("POST", "/key/delete", keys.delete),
            Endpoint("GET", "/key/info", keys.info),
            Endpoint("GET", "/healthz", health.alive, quiet=True),
            Endpoint("GET", "/health", health.ready, quiet=True),
            Endpoint("GET", "/readyz", health.ready, quiet=True),
            Endpoint("GET", "/health/liveliness", health.alive_as_litellm_says, quiet=True),
            Endpoint("GET", "/health/liveness", health.alive_as_litellm_says, quiet=True),
            Endpoint("GET", "/health/readiness", health.ready_as_litellm_says, quiet=True),
            Endpoint("GET", "/metrics", observing.measured, quiet=True),
            Endpoint("GET", "/lumina/state", observing.state, quiet=True),
            Endpoint("GET", "/openapi.json", health.document, quiet=True),
        )
    )
