"""Alerts over time, as Prometheus moves them; over restarts and edits, too."""

import math
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from apps.telemetry.tests.rules_world import RulesWorld, open_rules, shipped

RULES = """
groups:
  - name: g
    rules:
      - record: twice
        expr: 2 * load
        labels: {by: rule}
      - alert: High
        expr: twice > 10
        for: 30s
        labels: {severity: warning, where: "{{ $labels.instance }}"}
        annotations: {summary: "{{ $labels.instance }} is at {{ $value | humanize }}"}
      - alert: Lasting
        expr: load > 10
        keep_firing_for: 30s
"""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[RulesWorld]:
    async with open_rules(tmp_path, RULES) as world:
        yield world


async def states(world: RulesWorld, name: str, seconds: float, load: float) -> list[str]:
    return [alert.state for alert in await world.after(seconds, load=load) if alert.labels["alertname"] == name]


async def test_alert_fires_once_it_has_lasted_for_its_time_and_ends_at_once(world: RulesWorld) -> None:
    seen = [await states(world, "High", 15, load) for load in (1, 6, 6, 6, 1)]

    assert seen == [[], ["pending"], ["pending"], ["firing"], []]


async def test_pending_alert_that_pauses_begins_anew(world: RulesWorld) -> None:
    seen = [await states(world, "High", 15, load) for load in (6, 6, 1, 6, 6)]

    assert seen == [["pending"], ["pending"], [], ["pending"], ["pending"]]


async def test_alert_that_is_kept_firing_ends_only_after_its_time(world: RulesWorld) -> None:
    seen = [await states(world, "Lasting", 15, load) for load in (11, 1, 1, 1)]

    assert seen == [["firing"], ["firing"], ["firing"], []]


async def test_labels_and_annotations_are_filled_in(world: RulesWorld) -> None:
    (alert,) = [each for each in await world.after(15, load=6) if each.labels["alertname"] == "High"]

    assert alert.labels == {"alertname": "High", "severity": "warning", "where": "a", "instance": "a", "by": "rule"}
    assert alert.annotations == {"summary": "a is at 12"}


async def test_recorded_series_and_alerts_can_be_queried_and_end_with_their_cause(world: RulesWorld) -> None:
    await world.after(15, load=6)
    during = await world.value("twice"), await world.value('ALERTS{alertname="High",alertstate="pending"}')
    await world.after(15, load=1)
    after = await world.value("twice"), await world.value('ALERTS{alertname="High"}')

    assert during == ([12.0], [1.0])
    assert after == ([2.0], [])


async def test_end_is_told_and_what_was_only_pending_is_not(world: RulesWorld) -> None:
    for load in (11, 1, 6, 1, 1):
        await world.after(15, load=load)

    assert [(each.labels["alertname"], each.firing) for each in world.ear.heard] == [
        ("Lasting", True),
        ("Lasting", False),
    ]


async def test_alert_that_goes_on_is_told_again_each_minute(world: RulesWorld) -> None:
    for _ in range(9):
        await world.after(15, load=11)

    assert sum(each.labels["alertname"] == "Lasting" for each in world.ear.heard) == 3


async def test_alert_that_comes_back_within_a_minute_is_told_at_once(world: RulesWorld) -> None:
    for load in (11, 1, 1, 1, 11):
        await world.after(15, load=load)

    told = [each.firing for each in world.ear.heard if each.labels["alertname"] == "Lasting"]
    assert told == [True, False, True]


async def test_firing_alert_fires_on_after_a_restart(world: RulesWorld) -> None:
    for _ in range(2):
        await world.after(15, load=6)
    before = await world.after(15, load=6)

    world.begin()
    after = await world.after(60, load=6)

    assert [each.state for each in before] == ["firing"]
    assert [(each.state, each.active_ns) for each in after] == [("firing", before[0].active_ns)]
    assert [each.labels for each in world.ear.remembered] == [before[0].labels]


async def test_time_without_a_process_does_not_count_as_pending(world: RulesWorld) -> None:
    await world.after(15, load=6)

    world.begin()
    seen = [await states(world, "High", seconds, 6) for seconds in (600, 15, 15)]

    assert seen == [["pending"], ["pending"], ["firing"]]


async def test_alert_that_ended_while_there_was_no_process_is_told_as_ended(world: RulesWorld) -> None:
    for _ in range(3):
        await world.after(15, load=6)
    world.ear.heard.clear()

    world.begin()
    await world.after(60, load=1)

    assert [each.firing for each in world.ear.heard] == [False]


async def test_alert_of_a_rule_that_is_taken_away_ends(world: RulesWorld) -> None:
    await world.after(15, load=11)

    world.book.text = "groups: []"
    await world.after(15, load=11)

    assert [each.firing for each in world.ear.heard] == [True, False]
    assert await world.store.rows("SELECT name, state FROM alerts WHERE name = 'Lasting'") == [("Lasting", "resolved")]


async def test_edited_rule_keeps_its_alerts(world: RulesWorld) -> None:
    await world.after(15, load=6)
    await world.after(15, load=6)

    world.book.text = RULES.replace("is at", "stands at")
    (alert,) = await world.after(15, load=6)

    assert alert.state == "firing"
    assert alert.annotations["summary"] == "a stands at 12"


async def test_missed_evaluations_are_left_out_and_the_rhythm_is_kept(world: RulesWorld) -> None:
    await world.after(0, load=1)
    begun = world.evaluator.groups[0].at_ns or 0
    await world.after(52, load=1)

    assert (world.evaluator.groups[0].at_ns or 0) - begun == 45 * 10**9


async def test_failing_rule_says_why_and_others_go_on(world: RulesWorld) -> None:
    world.book.text = RULES + "      - record: same\n        expr: '{instance=\"a\"}'\n"
    await world.after(15, load=6, other=7)

    rules = {each.rule.name: each.error for each in world.evaluator.groups[0].rules}
    assert rules["same"] is not None
    assert "same labels" in rules["same"]
    assert rules["High"] is None


async def test_value_that_is_no_number_never_fires(world: RulesWorld) -> None:
    assert await world.after(15, load=math.nan) == []


async def test_a_circuit_that_waits_half_open_for_a_call_does_not_alert_for_ever(tmp_path: Path) -> None:
    async with open_rules(tmp_path, shipped("lumina_telemetry.rules")["gateway.yml"]) as world:
        seen = []
        for available in (1.0, 0.0, 0.5, 0.5, 0.5, 0.5):
            alerts = await world.after(60, lumina_gateway_backend_available=available)
            seen.append([alert.labels["alertname"] for alert in alerts if alert.state == "firing"])

    assert seen == [[], ["CircuitOpen"], ["CircuitOpen"], ["CircuitOpen"], [], []]
