import shutil
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from apps.inference.tests.embedded_world import model_folder
from lumina_inference.embedded.build import ModelNotFetched, build, main
from lumina_inference.embedded.files import GRAPH, SHA256, WEIGHTS, ModelFilesChanged, ModelFilesMissing, ModelFolder
from lumina_inference.embedded.weights import read_layout


def source(tmp_path: Path) -> Path:
    """The model's files in a folder, as a download from the hub has them."""
    target = tmp_path / "source"
    for name in SHA256:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(model_folder().path / name, target / name)
    return target


def test_build_from_a_folder_keeps_the_files_and_makes_a_graph_that_runs(tmp_path: Path) -> None:
    folder = ModelFolder.below(tmp_path / "models")

    build(folder, source=source(tmp_path))

    folder.check()
    session = onnxruntime.InferenceSession(str(folder.graph), providers=["CPUExecutionProvider"])
    one = np.ones((1, 4), dtype=np.int64)
    assert session.run(None, {"input_ids": one, "attention_mask": one})[0].shape == (1, 384)
    assert [entry.name for entry in (tmp_path / "models").iterdir()] == [folder.path.name]


def test_second_build_changes_nothing_and_needs_no_source(tmp_path: Path) -> None:
    folder = ModelFolder.below(tmp_path / "models")
    build(folder, source=source(tmp_path))
    before = folder.graph.stat().st_mtime_ns

    build(folder, source=tmp_path / "absent")

    assert folder.graph.stat().st_mtime_ns == before


@pytest.mark.parametrize("name", [WEIGHTS, "config.json"])
def test_file_that_is_not_upstreams_is_refused_and_nothing_is_left(tmp_path: Path, name: str) -> None:
    given = source(tmp_path)
    with (given / name).open("r+b") as stream:
        stream.write(b"\x00")
    folder = ModelFolder.below(tmp_path / "models")

    with pytest.raises(ModelFilesChanged, match=SHA256[name]):
        build(folder, source=given)

    assert list((tmp_path / "models").iterdir()) == []


def test_missing_file_is_named(tmp_path: Path) -> None:
    given = source(tmp_path)
    (given / "modules.json").unlink()

    with pytest.raises(ModelNotFetched, match=r"modules\.json"):
        build(ModelFolder.below(tmp_path / "models"), source=given)


def test_half_a_cache_is_built_anew(tmp_path: Path) -> None:
    folder = ModelFolder.below(tmp_path / "models")
    folder.path.mkdir(parents=True)
    (folder.path / GRAPH).write_bytes(b"half")

    build(folder, source=source(tmp_path))

    folder.check()


def test_command_fails_with_the_next_step_when_there_is_nothing_to_build_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()

    status = main(["--source", str(tmp_path / "empty"), "--models-dir", str(tmp_path / "models")])

    assert status == 1
    assert "Give a folder with the files" in capsys.readouterr().err


def test_model_that_is_not_set_up_says_how_to(tmp_path: Path) -> None:
    with pytest.raises(ModelFilesMissing) as raised:
        ModelFolder.below(tmp_path).check()

    assert "make setup" in str(raised.value.next_step)


@pytest.mark.parametrize("content", [b"", b"\xff" * 64, b"\x01"])
def test_file_that_is_no_safetensors_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "weights"
    file.write_bytes(content)

    with pytest.raises(ValueError, match="not a safetensors file"):
        read_layout(file)
