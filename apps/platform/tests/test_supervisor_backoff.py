import pytest

from lumina_platform.supervisor.backoff import Backoff, Failures


def test_the_first_failed_start_is_repeated_at_once_and_the_wait_doubles_up_to_its_limit() -> None:
    backoff = Backoff(first=0.5, longest=30)

    delays = [backoff.delay(Failures(at_start=count)) for count in range(10)]

    assert delays == [0, 0, 0.5, 1, 2, 4, 8, 16, 30, 30]


def test_a_process_that_fails_for_weeks_still_has_a_delay() -> None:
    assert Backoff(longest=30).delay(Failures(at_start=1_000_000)) == 30


def test_a_process_that_is_killed_again_and_again_after_it_was_ready_waits_a_second_at_most() -> None:
    backoff, failures = Backoff(), Failures()
    delays = []

    for _ in range(14):
        failures = backoff.failures(failures, 0.5)
        delays.append(backoff.delay(failures))

    assert delays[:3] == pytest.approx([0, 0.1, 0.2])
    assert max(delays) == delays[-1] == 1.0


@pytest.mark.parametrize(("ready_seconds", "in_service"), [(0.0, 5), (9.9, 5), (10.0, 1), (3600.0, 1)])
def test_a_process_that_was_healthy_starts_afresh(ready_seconds: float, in_service: int) -> None:
    assert Backoff(healthy=10).failures(Failures(3, 4), ready_seconds) == Failures(0, in_service)


def test_a_start_that_fails_after_service_counts_from_one() -> None:
    backoff = Backoff()

    failures = backoff.failures(Failures(in_service=9), None)

    assert backoff.delay(failures) == 0
    assert backoff.delay(backoff.failures(failures, None)) == 0.5
