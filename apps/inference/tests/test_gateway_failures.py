"""Numbers that the configuration gives to kinds of failure."""

import pytest

from lumina_contracts.snapshot import Tolerance
from lumina_inference.gateway.errors import ApiError, BackendAnsweredError, BackendUnreachable, ErrorDetail
from lumina_inference.gateway.failures import tolerated

GENERAL = 9
EACH = Tolerance(internal_server=1, unavailable=2, bad_gateway=3, not_found=4)


def answered(status: int) -> ApiError:
    return BackendAnsweredError(status, ErrorDetail(message="no", type="error", param=None, code=None), {})


@pytest.mark.parametrize(
    ("error", "number"),
    [
        (answered(500), 1),
        (answered(503), 2),
        (answered(502), 3),
        (answered(404), 4),
        (answered(429), GENERAL),
        (BackendUnreachable("no"), 1),
    ],
)
def test_kind_of_failure_has_its_own_number_else_the_general_one(error: ApiError, number: int) -> None:
    assert tolerated(EACH, error, GENERAL) == number


def test_default_of_a_policy_is_the_general_number() -> None:
    assert tolerated(Tolerance(unavailable=2, default=5), answered(500), GENERAL) == 5
