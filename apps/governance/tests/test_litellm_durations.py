from datetime import UTC, datetime, timedelta

import pytest

from lumina_governance.errors import UnknownDuration
from lumina_governance.litellm.durations import end, period, reset

NOW = datetime(2027, 1, 31, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(("given", "meant"), [("1d", "day"), ("24h", "day"), ("30d", "month"), ("1mo", "month")])
def test_budget_is_per_day_or_month(given: str, meant: str) -> None:
    assert period(given) == meant


@pytest.mark.parametrize("given", ["7d", "1h", "2mo", "", "x" * 500])
def test_other_budget_durations_are_refused_with_those_that_there_are(given: str) -> None:
    with pytest.raises(UnknownDuration) as refused:
        period(given)

    assert "30d" in str(refused.value.next_step)


@pytest.mark.parametrize(
    ("given", "then"),
    [
        ("90s", NOW + timedelta(seconds=90)),
        ("5m", NOW + timedelta(minutes=5)),
        ("36h", NOW + timedelta(hours=36)),
        ("2w", NOW + timedelta(days=14)),
        ("1mo", datetime(2027, 2, 28, 12, 30, tzinfo=UTC)),
        ("12mo", datetime(2028, 1, 31, 12, 30, tzinfo=UTC)),
    ],
)
def test_duration_ends_as_litellm_says(given: str, then: datetime) -> None:
    assert end(given, NOW) == then


@pytest.mark.parametrize("given", ["soon", "1y", "-3d", "9999999999d", "9999999999mo", "36501d", "1.5h"])
def test_what_is_no_duration_is_refused(given: str) -> None:
    with pytest.raises(UnknownDuration):
        end(given, NOW)


def test_budget_starts_anew_at_the_next_utc_midnight_or_first_of_the_month() -> None:
    assert reset("day", NOW) == datetime(2027, 2, 1, tzinfo=UTC)
    assert reset("month", datetime(2026, 12, 5, 1, tzinfo=UTC)) == datetime(2027, 1, 1, tzinfo=UTC)
