"""The shipped rules beside the gateway's errors: its failures count, mistakes of callers do not."""

import importlib
import pkgutil
import re
from collections.abc import Iterator
from importlib.resources import files

import pytest

from lumina_inference import gateway
from lumina_inference.gateway.errors import ApiError, BackendAnsweredError, ErrorDetail
from lumina_inference.gateway.keyadmin import ControlAway

SHIPPED = ("rules/shipped/gateway.yml", "slo/shipped/availability.yml")


def kinds(error: type[ApiError] = ApiError) -> Iterator[tuple[str, int]]:
    """What metrics call each error, and its status."""
    for found in pkgutil.walk_packages(gateway.__path__, gateway.__name__ + "."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    for each in (error, *every_kind_of(error)):
        if not issubclass(each, BackendAnsweredError | ControlAway):  # keys are made at /key, which is no inference
            yield each.code or each.type, each.status
    for status in (400, 404, 429, 500, 502, 503, 529):
        answered = BackendAnsweredError(status, ErrorDetail(message="m", type="t"), {})
        yield answered.kind, status


def every_kind_of(error: type[ApiError]) -> Iterator[type[ApiError]]:
    for each in error.__subclasses__():
        yield each
        yield from every_kind_of(each)


@pytest.mark.parametrize("file", SHIPPED)
def test_every_failure_of_the_gateway_counts_and_no_mistake_of_a_caller(file: str) -> None:
    text = files("lumina_telemetry").joinpath(file).read_text()
    counted = re.compile(max(re.findall(r'error_type=~"([^"]+)"', text), key=len))

    found = {(kind, status) for kind, status in kinds() if bool(counted.fullmatch(kind)) is not (status >= 500)}

    assert not found
    assert not counted.fullmatch("client_closed")
