"""Rule files and templates: what is taken, and how the rest is refused."""

import math
import os
import re
from pathlib import Path

import pytest

from apps.telemetry.tests.rules_world import shipped
from lumina_telemetry.promql import Engine
from lumina_telemetry.rules import templates
from lumina_telemetry.rules.definitions import Alerting, RuleFile
from lumina_telemetry.rules.library import Library
from lumina_telemetry.rules.reading import read_rules
from lumina_telemetry.rules.writing import as_yaml
from lumina_telemetry.rules.yamlfile import BadFile
from lumina_telemetry.settings import TelemetrySettings
from lumina_telemetry.slo.reading import read_objectives
from lumina_telemetry.store.store import Store

GOOD = """groups:
- name: g
  interval: 1m30s
  rules:
  - alert: A
    expr: up == 0
    for: 5m
"""


@pytest.fixture(scope="module")
def check(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    settings = TelemetrySettings()
    store = Store(tmp_path_factory.mktemp("store") / "t.duckdb", settings)
    store.close()
    return Engine(store, settings)


def test_rule_file_is_read(check: Engine) -> None:
    file = read_rules("a.yml", GOOD.encode(), check.check)

    (group,) = file.groups
    assert group.interval == 90
    assert group.rules == (Alerting(alert="A", expr="up == 0", hold=300),)


def test_what_is_written_reads_as_the_same_rules(check: Engine) -> None:
    files = [read_rules(name, text.encode(), check.check) for name, text in shipped("lumina_telemetry.rules").items()]

    again = read_rules("all.yml", as_yaml(files).encode(), check.check)

    assert again.groups == tuple(group for file in files for group in file.groups)


@pytest.mark.parametrize(
    ("text", "line", "why"),
    [
        (GOOD.replace("for:", "four:"), 7, "groups[0].rules[0].four: is not a known field"),
        (GOOD.replace("up == 0", "up =="), 6, "groups[0].rules[0].expr"),
        (GOOD.replace("up == 0", "count_values('a', up)"), 6, "groups[0].rules[0].expr"),
        (GOOD.replace("5m", "five"), 7, "'five' is not a duration"),
        (GOOD.replace("alert: A", "record: a"), 7, "is for alerts only"),
        (GOOD.replace("alert: A", "record: a-b").replace("    for: 5m\n", ""), 5, "'a-b' is no name of a metric"),
        (GOOD.replace("  - alert: A\n    expr", "  - expr"), 5, "must have either record or alert"),
        (GOOD + "    for: 6m\n", 8, "is there twice"),
        (GOOD + GOOD.removeprefix("groups:\n"), 8, "a group 'g' is there already"),
        (GOOD + "    labels: {a: '{{ $externalLabels.x }}'}\n", 8, "not supported in a template"),
        (GOOD + "    labels: {'a-b': x}\n", 8, "'a-b' cannot be a label"),
        (GOOD + "    annotations: {a: '{{ $value'}\n", 8, "never closed"),
        (GOOD + "    labels: [x]\n", 8, "must be a mapping"),
        (GOOD.replace("interval: 1m30s", "limit: .inf"), 3, "'.inf' is not a whole number"),
        ("groups: ]", 1, "no YAML"),
        ("", 1, "empty"),
        ("[]", 1, "must be a mapping"),
        ("# " + "x" * 2**20, 1, "are the most"),
    ],
)
def test_broken_file_is_refused_with_the_line(check: Engine, text: str, line: int, why: str) -> None:
    with pytest.raises(BadFile) as refused:
        read_rules("a.yml", text.encode(), check.check)

    assert why in refused.value.message
    assert refused.value.line == line


@pytest.mark.parametrize(
    ("template", "value", "text"),
    [
        ("{{ $labels.a }}-{{$labels.none}}", 1.0, "x-"),
        ("{{ $value }}", 0.5, "0.5"),
        ("{{ $value }}", 100.0, "100"),
        ("{{ $value }}", 1e21, "1e+21"),
        ("{{ $value }}", 0.00001, "1e-05"),
        ("{{ $value }}", math.inf, "+Inf"),
        ("{{ $value | humanize }}", 1234567.0, "1.235M"),
        ("{{ $value | humanize }}", 0.0123, "12.3m"),
        ("{{ $value | humanize1024 }}B", 5 * 2.0**30, "5GiB"),
        ("{{ $value | humanizePercentage }}", 0.1234, "12.34%"),
        ("{{ $value | humanizeDuration }}", 0.25, "250ms"),
        ("{{ $value | humanizeDuration }}", 3.5, "3.5s"),
        ("{{ $value | humanizeDuration }}", 3675.0, "1h 1m 15s"),
        ("{{ $value | humanizeDuration }}", 90061.0, "1d 1h 1m 1s"),
        ("{{ $value | humanizeDuration }}", -61.0, "-1m 1s"),
        ("{{ $value | humanizeDuration }}", math.nan, "NaN"),
    ],
)
def test_templates_are_filled_in_as_prometheus_does(template: str, value: float, text: str) -> None:
    templates.check(template)

    assert templates.render(template, {"a": "x"}, value) == text


@pytest.mark.parametrize("template", ["{{ .Value }}", "{{ printf `%f` $value }}", "{{ $value | title }}", "{{ if 1 }}"])
def test_other_templates_are_refused(template: str) -> None:
    with pytest.raises(ValueError, match="not supported"):
        templates.check(template)


class Folders:
    def __init__(self, folder: Path, check: Engine) -> None:
        self.shipped, self.own = folder / "shipped", folder / "own"
        self.shipped.mkdir()
        self.library: Library[RuleFile] = Library(
            self.shipped, self.own, lambda name, body: read_rules(name, body, check.check)
        )
        self.edits = 0

    def write(self, folder: Path, text: str) -> None:
        folder.mkdir(exist_ok=True)
        (folder / "a.yml").write_text(text)
        self.edits += 1
        os.utime(folder / "a.yml", (self.edits, self.edits))  # each edit has another time, however coarse the clock

    def serving(self) -> str:
        self.library.refresh()
        return self.library.entries["a.yml"].content.groups[0].rules[0].name


@pytest.fixture
def folders(tmp_path: Path, check: Engine) -> Folders:
    folders = Folders(tmp_path, check)
    folders.write(folders.shipped, GOOD)
    return folders


def test_own_file_replaces_the_shipped_one_until_it_is_gone(folders: Folders) -> None:
    seen = [folders.serving()]
    folders.write(folders.own, GOOD.replace("alert: A", "alert: B"))
    seen.append(folders.serving())
    (folders.own / "a.yml").unlink()
    seen.append(folders.serving())

    assert seen == ["A", "B", "A"]


def test_broken_edit_leaves_the_last_good_file_in_service_and_is_told(folders: Folders) -> None:
    folders.write(folders.own, GOOD.replace("alert: A", "alert: B"))
    folders.serving()

    folders.write(folders.own, "groups: 5")

    assert folders.serving() == "B"
    (problem,) = folders.library.problems
    assert (problem.line, problem.instead) == (1, "the file as it was before")
    assert problem.file == str(folders.own / "a.yml")


def test_own_file_that_is_broken_from_the_start_leaves_the_shipped_one_in_service(folders: Folders) -> None:
    folders.write(folders.own, "groups: 5")

    assert folders.serving() == "A"
    assert [problem.instead for problem in folders.library.problems] == ["the file that Lumina brings"]


def test_mended_file_has_no_problem_any_more(folders: Folders) -> None:
    folders.write(folders.own, "groups: 5")
    folders.serving()

    folders.write(folders.own, GOOD.replace("alert: A", "alert: C"))

    assert folders.serving() == "C"
    assert folders.library.problems == []


def test_nothing_is_read_again_while_nothing_changes(folders: Folders) -> None:
    folders.serving()

    assert not folders.library.refresh()


def test_examples_of_the_guide_are_good_files(check: Engine) -> None:
    guide = (Path(__file__).parents[3] / "docs" / "guides" / "alerts.md").read_text()
    rules, slos = re.findall(r"```yaml\n(groups:.*?|version:.*?)```", guide, re.DOTALL)

    assert read_rules("shop.yml", rules.encode(), check.check).groups[0].name == "shop"
    assert read_objectives("shop.yml", slos.encode(), check.check).objectives[0].id == "shop-answers"
