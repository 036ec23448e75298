import pytest

from lumina_platform.supervisor.backoff import Backoff


def test_the_first_failure_restarts_at_once_and_the_wait_doubles_up_to_its_limit() -> None:
    backoff = Backoff(first=0.5, longest=30)

    delays = [backoff.delay(failures) for failures in range(1, 10)]

    assert delays == [0, 0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_process_that_fails_for_weeks_still_has_a_delay() -> None:
    assert Backoff(longest=30).delay(1_000_000) == 30


@pytest.mark.parametrize(("ready_seconds", "failures"), [(0.0, 5), (9.9, 5), (10.0, 1), (3600.0, 1)])
def test_a_process_that_was_healthy_starts_afresh(ready_seconds: float, failures: int) -> None:
    assert Backoff(healthy=10).failures(4, ready_seconds) == failures
