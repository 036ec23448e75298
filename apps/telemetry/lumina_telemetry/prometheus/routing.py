"""Routes that answer as Prometheus does, also when something is wrong."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from lumina_kit.errors import LuminaError, Refused, Unauthenticated
from lumina_telemetry.answering.failing import failure


class PrometheusRoute(APIRoute):
    """Who may not ask is told so as everywhere in Lumina."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except (Unauthenticated, Refused):
                raise
            except LuminaError as error:
                status, body = failure(error)
                return Response(body, status, media_type="application/json")

        return answer
