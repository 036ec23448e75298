"""Routes that take every model: what callers make up stays within bounds."""

import pytest
from aiohttp.test_utils import make_mocked_request
from prometheus_client import generate_latest

from apps.inference.tests.faulty_provider import route, routes
from apps.inference.tests.gateway_world import backend
from lumina_inference.gateway import calls
from lumina_inference.gateway.index import Index, index
from lumina_inference.gateway.metrics import Metrics
from lumina_inference.gateway.operations import CHAT


@pytest.fixture
def wild() -> Index:
    return index(routes(route(backend("http://127.0.0.1:9/v1", model="*"), name="any/*")))


def test_models_that_callers_make_up_do_not_keep_others_from_being_prepared_once(wild: Index) -> None:
    for number in range(1100):
        wild.find(f"any/{number}")

    first, again = wild.find("any/real"), wild.find("any/real")

    assert first is not None
    assert first is again
    assert first.targets[0].backend.model == "real"


def test_models_that_callers_make_up_take_bounded_metrics(wild: Index) -> None:
    metrics = Metrics()
    request = make_mocked_request("POST", CHAT.path)

    for number in range(600):
        call = calls.begin(request, wild)
        call.operation, call.asked_model = CHAT, f"any/{number}"
        call.choices = wild.find(call.asked_model)
        metrics.observe(call)

    lines = [
        line for line in generate_latest(metrics.registry).decode().splitlines() if "duration_seconds_count" in line
    ]
    assert 0 < len(lines) <= 501
    assert 'gen_ai_request_model="any/7"' in "".join(lines)
    assert [line.rpartition(" ")[2] for line in lines if 'gen_ai_request_model="any/*"' in line] == ["100.0"]


def test_text_that_is_no_identifier_is_an_unknown_model(wild: Index) -> None:
    call = calls.begin(make_mocked_request("POST", CHAT.path), wild)

    call.asked_model = "any/thing that somebody wrote"
    call.choices = wild.find(call.asked_model)

    assert call.choices is not None
    assert call.model == "unknown"
