"""Each of our own lints fails on a planted violation, and on nothing else."""

import subprocess
from pathlib import Path

import pytest

from tools.lint import __main__ as lints
from tools.lint import mirror, names, notes, places, sizes
from tools.lint.tree import Finding, Source


def source(text: str, path: str = "apps/x/lumina_x/service.py") -> Source:
    return Source(Path(path), text)


def function(lines: int, name: str = "long") -> str:
    return f"def {name}() -> None:\n" + "    print()\n" * (lines - 1)


def messages(findings: list[Finding]) -> str:
    return "\n".join(map(str, findings))


def test_function_of_61_lines_is_found_by_its_line() -> None:
    text = "import os\n\n" + function(61)

    assert (
        messages(list(sizes.check([source(text)])))
        == "apps/x/lumina_x/service.py:3: long has 61 lines; 60 is the most."
    )


def test_function_of_60_lines_passes() -> None:
    assert list(sizes.check([source(function(60))])) == []


@pytest.mark.parametrize(
    ("head", "lines", "found"),
    [
        ("", 400, ""),
        ("", 401, "needs `# size:"),
        ("# size: one table\n", 401, ""),
        ("# size: one table\n", 601, "600 is the most"),
    ],
)
def test_file_over_400_lines_needs_a_reason_and_over_600_has_none(head: str, lines: int, found: str) -> None:
    text = head + "x = 1\n" * (lines - head.count("\n"))

    said = messages(list(sizes.check([source(text)])))

    assert found in said if found else not said


def test_tree_of_long_functions_fails_by_its_median() -> None:
    tree = [source("\n".join(function(12, f"f{n}") for n in range(5)))]

    assert "the median of functions is 12 lines" in messages(list(sizes.check(tree)))


def test_tree_with_a_long_tail_fails_by_its_95th_percentile() -> None:
    tree = [source("\n".join([*(function(3, f"f{n}") for n in range(9)), function(50)]))]

    assert "95th percentile" in messages(list(sizes.check(tree)))


def test_tree_of_long_files_fails_by_its_median() -> None:
    tree = [source(function(2) * 2 + "x = 1\n" * 160, f"a{n}.py") for n in range(3)]

    assert "the median of files" in messages(list(sizes.check(tree)))


@pytest.mark.parametrize(
    "path", ["apps/x/utils.py", "apps/x/common/store.py", "apps/x/_helpers.py", "libs/web/base.ts"]
)
def test_name_without_an_idea_is_found(path: str) -> None:
    assert len(list(names.check([source("", path)]))) == 1


def test_name_with_an_idea_passes() -> None:
    assert list(names.check([source("", "apps/x/database.py"), source("", "docs/common.md")])) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [("# TO" + "DO: later", 1), ("x = 1  # FIX" + "ME", 1), ("# TO" + "DO(#12): later", 0), ("todo = 1", 0)],
)
def test_note_for_later_needs_its_issue(line: str, found: int) -> None:
    assert len(list(notes.check([source(line)]))) == found


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("--index-url https://py" + "pi.org/simple", 1),
        ("resolved: https://registry.npm" + "js.org/x", 1),
        ("FROM docker" + ".io/library/python", 1),
        ("open('/ro" + "ot/x')", 1),
        ("cd /ho" + "me/ana/lumina", 1),
        ("FROM python:3.13-slim", 0),
        ("curl http://127.0.0.1:4080/home/x", 0),
        ("https://opentelemetry.io/docs", 0),
    ],
)
def test_registry_or_folder_of_one_machine_is_found(line: str, found: int) -> None:
    assert len(list(places.check([source(line)]))) == found


def test_recipe_that_make_does_not_have_is_found() -> None:
    tree = [
        source("run: ## start\n", "Makefile"),
        source("run:\n    @make run\n\nfly name=name:\n    true\n", "justfile"),
    ]

    assert messages(list(mirror.check(tree))) == "Makefile: has no `fly`, which the other has."


def test_program_looks_at_files_that_git_would_take_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / ".gitignore").write_text("ignored.py\n")
    (tmp_path / "ignored.py").write_text(function(70))
    (tmp_path / "helpers.py").write_text("")

    status = lints.main(tmp_path)

    assert status == 1
    assert capsys.readouterr().out.startswith("helpers.py: ")
