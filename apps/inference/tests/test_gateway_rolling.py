"""What happened lately: rates and percentiles by a clock that the test moves."""

import random

import pytest

from lumina_inference.gateway.rolling import Durations, Rate, merged, percentile


def test_rate_counts_the_last_ten_whole_seconds() -> None:
    rate = Rate()
    for second in range(1000, 1030):
        for _ in range(second - 1000):
            rate.tick(second + 0.5)

    assert rate.per_second(1030.0) == sum(range(20, 30)) / 10
    assert rate.per_second(1034.9) == sum(range(24, 30)) / 10
    assert rate.per_second(1041.0) == 0


def test_rate_forgets_when_nothing_has_come_for_long() -> None:
    rate = Rate()
    rate.tick(5.0)
    rate.tick(500_000.0)

    assert rate.per_second(500_001.0) == 0.1


def test_percentiles_are_right_to_five_percent() -> None:
    durations, draw = Durations(), random.Random(7)
    values = sorted(draw.lognormvariate(-1, 1.5) for _ in range(5000))
    for value in values:
        durations.add(value, 100.0)

    spread = durations.spread(100.0)

    for share in (0.5, 0.9, 0.99):
        assert percentile(spread, share) == pytest.approx(values[int(share * 5000) - 1], rel=0.05)


def test_durations_of_more_than_a_minute_ago_are_forgotten() -> None:
    durations = Durations()
    durations.add(9.0, 100.0)
    durations.add(0.1, 130.0)

    assert percentile(durations.spread(159.0), 1.0) == pytest.approx(9.0, rel=0.05)
    assert percentile(durations.spread(161.0), 1.0) == pytest.approx(0.1, rel=0.05)
    assert durations.spread(1000.0) == {}


def test_memory_stays_small_however_much_comes_in() -> None:
    durations = Durations()
    for count in range(20_000):
        durations.add(1.001**count * 1e-9, count / 10)

    assert len(durations.spread(2000.0)) < 300


@pytest.mark.parametrize("seconds", [0.0, -1.0, 1e-12, 1e12])
def test_durations_out_of_range_are_counted_at_the_ends(seconds: float) -> None:
    durations = Durations()
    durations.add(seconds, 1.0)

    assert percentile(durations.spread(1.0), 0.5) is not None


def test_spreads_of_several_processes_add_up() -> None:
    assert merged({1: 2, 5: 1}, {}, {5: 3}) == {1: 2, 5: 4}
    assert percentile({}, 0.5) is None
