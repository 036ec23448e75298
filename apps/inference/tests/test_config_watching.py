import asyncio
import os
from pathlib import Path

import pytest

from lumina_inference.config.compiling import compile_text
from lumina_inference.config.findings import Level
from lumina_inference.config.watching import ConfigChange, ConfigWatch

GOOD = "model_list: [{model_name: a, litellm_params: {model: ollama/a}}]\n"
BETTER = "model_list: [{model_name: bb, litellm_params: {model: ollama/b}}]\n"
BAD = "model_list:\n  - model_name: [\n"


def watching(file: Path, content: str | None = GOOD, *, required: bool = False) -> ConfigWatch:
    if content is not None:
        file.write_text(content)
    watch = ConfigWatch(file, {}, required=required)
    watch.load()
    return watch


def settled(watch: ConfigWatch) -> ConfigChange | None:
    """Two looks: one to see a change, one to see that it stays."""
    return watch.poll() or watch.poll()


def served(watch: ConfigWatch) -> list[str]:
    return [route.name for route in watch.state.running.routes.routes if not route.name.startswith("lumina/")]


def test_file_is_served_from_the_first_look(tmp_path: Path) -> None:
    watch = watching(tmp_path / "gateway.yaml")

    assert served(watch) == ["a"]
    assert watch.state.current
    assert settled(watch) is None


def test_without_a_file_the_embedded_models_are_served_and_nothing_is_wrong(tmp_path: Path) -> None:
    watch = watching(tmp_path / "gateway.yaml", None)

    assert served(watch) == []
    assert watch.state.current
    assert watch.state.report.findings == ()


def test_absence_of_a_file_that_was_asked_for_is_said(tmp_path: Path) -> None:
    watch = watching(tmp_path / "gateway.yaml", None, required=True)

    assert [finding.level for finding in watch.state.report.findings] == [Level.WARNING]


def test_change_takes_effect_and_is_told_with_both_digests(tmp_path: Path) -> None:
    watch = watching(tmp_path / "gateway.yaml")
    before = watch.state.running_sha256
    (tmp_path / "gateway.yaml").write_text(BETTER)

    change = settled(watch)

    assert change is not None
    assert (change.before_sha256, change.after_sha256) == (before, watch.state.running_sha256)
    assert served(watch) == ["bb"]


def test_file_that_appears_or_is_renamed_into_place_takes_effect(tmp_path: Path) -> None:
    watch = watching(tmp_path / "gateway.yaml", None)

    for content, names in ((GOOD, ["a"]), (BETTER, ["bb"])):
        (tmp_path / "new").write_text(content)
        (tmp_path / "new").rename(tmp_path / "gateway.yaml")
        assert settled(watch) is not None
        assert served(watch) == names


def test_bad_file_keeps_the_old_one_serving_and_names_the_line(tmp_path: Path) -> None:
    watch = watching(tmp_path / "gateway.yaml")
    (tmp_path / "gateway.yaml").write_text(BAD)

    assert settled(watch) is None

    assert served(watch) == ["a"]
    assert not watch.state.current
    assert watch.state.report.errors[0].line == 3


def test_mended_file_takes_effect_again(tmp_path: Path) -> None:
    watch = watching(tmp_path / "gateway.yaml", BAD)
    assert served(watch) == []
    (tmp_path / "gateway.yaml").write_text(GOOD)

    change = settled(watch)

    assert change is not None
    assert change.before_sha256 is None
    assert watch.state.current


def test_vanished_file_goes_on_serving_and_its_return_unchanged_is_no_change(tmp_path: Path) -> None:
    watch = watching(tmp_path / "gateway.yaml")
    (tmp_path / "gateway.yaml").unlink()

    assert settled(watch) is None
    assert served(watch) == ["a"]
    assert not watch.state.current
    assert watch.state.report.errors

    (tmp_path / "gateway.yaml").write_text(GOOD)
    assert settled(watch) is None
    assert watch.state.current


def test_folder_in_the_files_place_is_survived(tmp_path: Path) -> None:
    watch = watching(tmp_path / "gateway.yaml")
    (tmp_path / "gateway.yaml").unlink()
    (tmp_path / "gateway.yaml").mkdir()

    assert settled(watch) is None
    assert served(watch) == ["a"]


def test_pipe_in_the_files_place_is_survived(tmp_path: Path) -> None:
    watch = watching(tmp_path / "gateway.yaml")
    (tmp_path / "gateway.yaml").unlink()
    os.mkfifo(tmp_path / "gateway.yaml")

    assert settled(watch) is None
    assert served(watch) == ["a"]
    assert watch.state.report.errors

    (tmp_path / "gateway.yaml").unlink()
    (tmp_path / "gateway.yaml").write_text(BETTER)
    assert settled(watch) is not None
    assert served(watch) == ["bb"]


@pytest.mark.parametrize("content", ["", "\n  \n", "# model_list:\n"])
def test_emptied_file_keeps_the_old_one_serving_and_says_so(tmp_path: Path, content: str) -> None:
    watch = watching(tmp_path / "gateway.yaml")
    (tmp_path / "gateway.yaml").write_text(content)

    assert settled(watch) is None

    assert served(watch) == ["a"]
    assert not watch.state.current
    assert "model_list: []" in watch.state.report.errors[0].message


def test_new_comments_in_a_file_without_anything_else_are_fine(tmp_path: Path) -> None:
    watch = watching(tmp_path / "gateway.yaml", "# nothing yet\n")
    (tmp_path / "gateway.yaml").write_text("# nothing yet, but soon\n")

    settled(watch)

    assert watch.state.current


def test_list_without_models_is_meant_and_serves_only_the_embedded_ones(tmp_path: Path) -> None:
    watch = watching(tmp_path / "gateway.yaml")
    (tmp_path / "gateway.yaml").write_text("model_list: []\n")

    assert settled(watch) is not None
    assert served(watch) == []
    assert watch.state.current


def test_file_that_is_still_being_written_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    watch = watching(file)

    for length in range(1, len(BETTER)):
        file.write_text(BETTER[:length])
        assert watch.poll() is None
    file.write_text(BETTER)

    assert settled(watch) is not None
    assert served(watch) == ["bb"]


def test_touched_file_is_no_change(tmp_path: Path) -> None:
    watch = watching(tmp_path / "gateway.yaml")
    os.utime(tmp_path / "gateway.yaml", (1, 1))

    assert settled(watch) is None
    assert watch.state.current


async def test_change_that_could_not_be_recorded_is_told_again_with_the_first_digest(tmp_path: Path) -> None:
    watch = watching(tmp_path / "gateway.yaml")
    first = watch.state.running_sha256
    told: list[ConfigChange] = []
    recorded = asyncio.Event()

    async def record(change: ConfigChange) -> None:
        told.append(change)
        if len(told) == 1:
            raise OSError("the database is away")
        recorded.set()

    run = asyncio.create_task(watch.run(0.01, record))
    (tmp_path / "gateway.yaml").write_text(BETTER)
    await asyncio.wait_for(recorded.wait(), 30)
    run.cancel()

    assert told[0] == told[1]
    assert told[1].before_sha256 == first


def test_kept_routes_serve_until_the_file_is_good_again_even_with_the_same_content(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    kept = compile_text(GOOD.encode(), {})
    watch = watching(file, BAD)
    watch.keep(kept)
    assert served(watch) == ["a"]
    assert watch.state.report.errors

    file.write_text(GOOD)

    assert settled(watch) is not None
    assert watch.state.current
    assert watch.state.running is not kept
