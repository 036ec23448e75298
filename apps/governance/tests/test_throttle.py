from datetime import UTC, datetime, timedelta

import pytest

from lumina_governance.errors import TooManySignIns
from lumina_governance.sessions.throttle import REMEMBERED, Throttle

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_tries_run_out_and_the_refusal_says_when_the_next_may_come() -> None:
    throttle = Throttle(burst=5, now=lambda: NOON)
    for _ in range(5):
        throttle.take("ana")

    with pytest.raises(TooManySignIns) as refused:
        throttle.take("ana")

    assert refused.value.retry_after == pytest.approx(60)


def test_tries_grow_back_with_time() -> None:
    times = iter([NOON, NOON + timedelta(seconds=61)])
    throttle = Throttle(burst=1, now=lambda: next(times, NOON + timedelta(minutes=6)))
    throttle.take("ana")

    with pytest.raises(TooManySignIns):
        throttle.take("ana")
    throttle.take("ana")


def test_names_do_not_share_their_tries() -> None:
    throttle = Throttle(burst=1, now=lambda: NOON)
    throttle.take("ana")

    throttle.take("ben")


def test_right_password_gives_all_tries_back() -> None:
    throttle = Throttle(burst=1, now=lambda: NOON)
    throttle.take("ana")
    throttle.forget("ana")

    throttle.take("ana")


def test_memory_is_bounded() -> None:
    throttle = Throttle(burst=1, now=lambda: NOON)

    for number in range(REMEMBERED + 100):
        throttle.take(str(number))

    assert len(throttle) == REMEMBERED
