"""Which commands a task runs, on what."""

import json

import pytest

from tools.tasks import __main__ as tasks
from tools.tasks import projects, verbs
from tools.tasks.projects import UnknownProject
from tools.tasks.steps import Step, run

EVERY = projects.every()


def test_every_member_and_the_tools_are_projects() -> None:
    assert {"platform", "governance", "inference", "kit", "contracts", "tools"} <= {project.name for project in EVERY}


def test_unknown_project_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownProject, match=r"no project payments; there are .*governance"):
        projects.named(["payments"], EVERY)


def test_coverage_gate_is_on_for_the_whole_tree_and_off_for_a_part() -> None:
    whole = verbs.test(EVERY, whole=True)[0]
    part = verbs.test(projects.named(["tools"], EVERY), whole=False)[0]

    assert "--cov-fail-under=80" in whole.argv
    assert "--cov" not in part.argv
    assert part.argv[-1] == "tools"


def test_all_steps_run_and_the_failed_ones_are_named(capfd: pytest.CaptureFixture[str]) -> None:
    failed = run([Step("first", ["false"]), Step("second", ["echo", "seen"])])

    assert failed == ["first"]
    assert "seen" in capfd.readouterr().out


def test_named_projects_are_chosen_and_the_gate_is_not_mentioned(capsys: pytest.CaptureFixture[str]) -> None:
    assert tasks.choose(["tools"], EVERY) == projects.named(["tools"], EVERY)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("verb", ["lint", "typecheck", "test", "build", "fresh", "check", "audit"])
def test_every_verb_has_steps_for_the_whole_tree(verb: str) -> None:
    assert tasks.plan(verb, EVERY, whole=True)


def test_check_is_lint_types_generated_files_and_tests() -> None:
    names = " ".join(step.name for step in tasks.plan("check", EVERY, whole=True))

    for part in ("ruff check", "import contracts", "mypy governance", "generated tables", "pytest"):
        assert part in names


def test_failed_step_is_named_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    assert tasks.report("lint", ["bandit"]) == 1
    assert capsys.readouterr().err == "lint: failed: bandit\n"


def test_unknown_verb_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert tasks.main(["fly"]) == 2
    assert "usage" in capsys.readouterr().err


def test_tools_have_no_wheel() -> None:
    built = [step.name for step in verbs.build(EVERY)]

    assert "build tools" not in built
    assert "build platform" in built


@pytest.mark.parametrize("project", EVERY, ids=lambda project: project.name)
def test_nx_knows_each_project_by_the_same_name_and_verbs(project: projects.Project) -> None:
    described = json.loads((projects.ROOT / project.path / "project.json").read_text())

    assert described["name"] == project.name
    for verb in set(described["targets"]) & {"lint", "test", "typecheck", "build"}:
        assert described["targets"][verb]["command"] == f"tools/task {verb} {project.name}"
