"""The document beside the code describes the route table, both ways; and each route asks for what it says."""

import json
from pathlib import Path
from typing import Any

import pytest

from apps.inference.tests.gateway_world import ADMIN_KEY, METRICS_KEY, USER_KEY, gateway, snapshot
from lumina_inference.gateway import dispatch, health

DOCUMENT: dict[str, Any] = json.loads(Path(health.__file__).with_name("openapi.json").read_text())
OPEN = {"/healthz", "/readyz", "/health", "/health/liveliness", "/health/liveness", "/health/readiness"}
ANYBODY_WITH_A_KEY = {"/openapi.json", "/key/info"}
WHO_MAY_MEASURE = {"/metrics", "/lumina/state"}
FOR_ADMINS = {"/key/generate", "/key/update", "/key/delete"}


def operations() -> dict[tuple[str, str], dict[str, Any]]:
    return {
        (method.upper(), path): operation
        for path, methods in DOCUMENT["paths"].items()
        for method, operation in methods.items()
    }


async def test_document_and_route_table_hold_the_same_operations() -> None:
    async with gateway(snapshot()) as running:
        answer = running.gateway.server.request_handler
        assert isinstance(answer, dispatch.Dispatch)
        served = {(endpoint.method, endpoint.path) for endpoint in answer.table.endpoints}

    assert served == set(operations())


def test_document_says_which_paths_are_open() -> None:
    assert {path for (_, path), operation in operations().items() if operation.get("security") == []} == OPEN


async def test_document_is_served_to_any_key() -> None:
    async with gateway(snapshot()) as running:
        status, served, _ = await running.get("/openapi.json", api_key=METRICS_KEY)

    assert (status, served) == (200, DOCUMENT)


@pytest.mark.parametrize(("method", "path"), sorted(operations()))
async def test_every_path_asks_for_the_key_that_it_needs(method: str, path: str) -> None:
    asked = path.replace("{model}", "nope")
    async with gateway(snapshot()) as running:
        seen = {}
        for name, secret in {"none": "", "user": USER_KEY, "metrics": METRICS_KEY, "admin": ADMIN_KEY}.items():
            call = running.post(asked, {}, api_key=secret) if method == "POST" else running.get(asked, api_key=secret)
            seen[name] = (await call)[0]

    refused = {name for name, status in seen.items() if status in {401, 403}}
    if path in OPEN:
        assert refused == set()
    elif path in ANYBODY_WITH_A_KEY:
        assert refused == {"none"}
    elif path in FOR_ADMINS:
        assert refused == {"none", "user", "metrics"}
    else:
        assert refused == ({"none", "user"} if path in WHO_MAY_MEASURE else {"none", "metrics"})
    assert seen["none"] in {200, 401}
