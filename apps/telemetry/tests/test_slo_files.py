"""Objective files of Sloth's: what is taken, what is refused, and what rules they become."""

import pytest

from apps.telemetry.tests.rules_world import shipped
from lumina_kit.errors import Invalid
from lumina_telemetry.rules.definitions import Alerting, Recording
from lumina_telemetry.rules.yamlfile import BadFile
from lumina_telemetry.slo.compiling import compiled
from lumina_telemetry.slo.reading import read_objectives

GOOD = """version: prometheus/v1
service: shop
labels: {owner: ana}
slos:
- name: answers
  objective: 99.9
  sli:
    events:
      error_query: sum(rate(failed_total[{{.window}}]))
      total_query: sum(rate(all_total[{{ .window }}]))
  alerting:
    name: ShopFails
    labels: {team: web}
    page_alert:
      labels: {severity: critical}
    ticket_alert:
      disable: true
"""


def check(expression: str) -> None:
    if "nonsense" in expression:
        raise Invalid("nonsense is not supported.")


def test_objective_becomes_recordings_for_every_window_and_an_alert() -> None:
    file = compiled(read_objectives("shop.yml", GOOD.encode(), check))

    rules = [rule for group in file.groups for rule in group.rules]
    recorded = {rule.record for rule in rules if isinstance(rule, Recording)}
    (alert,) = [rule for rule in rules if isinstance(rule, Alerting)]
    windows = ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d")
    assert {f"slo:sli_error:ratio_rate{window}" for window in windows} <= recorded
    assert alert.alert == "ShopFails"
    assert alert.labels == {"severity": "critical", "sloth_severity": "page", "team": "web"}


def test_page_burns_in_both_windows_at_the_workbooks_rates() -> None:
    file = compiled(read_objectives("shop.yml", GOOD.encode(), check))

    (alert,) = [rule for group in file.groups for rule in group.rules if isinstance(rule, Alerting)]
    picked = '{sloth_id="shop-answers", sloth_service="shop", sloth_slo="answers"}'
    fast, slow = alert.expr.split("\nor\n")
    for window in ("5m", "1h"):
        assert f"max(slo:sli_error:ratio_rate{window}{picked} > (14.4 * 0.001)) without (sloth_window)" in fast
    for window in ("30m", "6h"):
        assert f"max(slo:sli_error:ratio_rate{window}{picked} > (6 * 0.001)) without (sloth_window)" in slow


def test_alert_follows_the_short_windows_that_it_reads_in_one_group() -> None:
    file = compiled(read_objectives("shop.yml", GOOD.encode(), check))

    (group,) = [group for group in file.groups if any(isinstance(rule, Alerting) for rule in group.rules)]
    assert [rule.name.removeprefix("slo:sli_error:ratio_rate") for rule in group.rules] == [
        "5m", "30m", "1h", "2h", "ShopFails",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "after", "line", "why"),
    [
        ("prometheus/v1", "prometheus/v2", 1, "'prometheus/v2' is not supported"),
        ("objective: 99.9", "objective: 100", 6, "'100' is not a percentage"),
        ("objective: 99.9", "objective: NaN", 6, "not a percentage"),
        ("objective: 99.9", "target: 99.9", 6, "is not a known field"),
        ("    events:\n", "    raw: {error_ratio_query: x}\n    events:\n", 8, "write the objective with sli.events"),
        ("[{{.window}}]", "[5m]", 9, "must have {{.window}}"),
        ("failed_total", "{{.other}}", 9, "no other template"),
        ("failed_total", "nonsense", 9, "nonsense is not supported"),
        ("name: ShopFails", "annotations: {}", 12, "name is missing"),
        ("service: shop", "service: 'a\"b'", 2, "letters, digits"),
        ("disable: true", "disable: yes", 17, "neither true nor false"),
        ("{owner: ana}", "{owner: '{{ $value }}'}", 3, "plain text"),
    ],
)
def test_what_is_not_supported_is_refused_with_the_line(before: str, after: str, line: int, why: str) -> None:
    assert before in GOOD
    with pytest.raises(BadFile) as refused:
        read_objectives("shop.yml", GOOD.replace(before, after, 1).encode(), check)

    assert why in refused.value.message
    assert refused.value.line == line


def test_there_is_a_shipped_objective_for_each_target() -> None:
    read = [read_objectives(name, text.encode(), check) for name, text in shipped("lumina_telemetry.slo").items()]

    found = {each.name: str(each.percent) for file in read for each in file.objectives}
    assert found == {"availability": "99.5", "latency": "95"}
