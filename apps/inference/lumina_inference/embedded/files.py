"""The files of all-MiniLM-L6-v2 as upstream published them, and what of them is kept."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from lumina_kit.errors import Unavailable

NAME = "all-MiniLM-L6-v2"
REVISION = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"
WEIGHTS = "model.safetensors"
TOKENIZER = "tokenizer.json"
CONFIG = "config.json"
GRAPH = "model.onnx"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

# Upstream's own pooling and normalisation are part of the graph; their files are checked so that the graph stays right.
SHA256 = {
    WEIGHTS: WEIGHTS_SHA256,
    TOKENIZER: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    CONFIG: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
    "sentence_bert_config.json": "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
    "modules.json": "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf",
    "1_Pooling/config.json": "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
}


class ModelFilesMissing(Unavailable):
    code = "model_files_missing"
    title = "The embedded model is not set up"


class ModelFilesChanged(Unavailable):
    code = "model_files_changed"
    title = "The embedded model's files are not upstream's"


@dataclass(frozen=True)
class ModelFolder:
    """The folder that holds the kept files and the graph."""

    path: Path

    @classmethod
    def below(cls, models: Path) -> "ModelFolder":
        """The folder of this model and revision; a new graph format is a new folder."""
        return cls(models / f"{NAME}-{REVISION[:12]}-1")

    @property
    def graph(self) -> Path:
        return self.path / GRAPH

    @property
    def tokenizer(self) -> Path:
        return self.path / TOKENIZER

    @property
    def complete(self) -> bool:
        """Whether every file is there; says nothing about their content."""
        return all((self.path / name).is_file() for name in (*SHA256, GRAPH))

    def check(self) -> None:
        """Raises ModelFilesMissing or ModelFilesChanged unless every kept file is upstream's, byte by byte."""
        if not self.complete:
            raise ModelFilesMissing(
                f"{self.path} does not hold {NAME}.",
                next_step="Run 'make setup', or 'python -m lumina_inference.embedded.build'.",
            )
        for name in SHA256:
            check_file(self.path / name, name)


def check_file(file: Path, name: str) -> None:
    """Raises ModelFilesChanged unless the file has the digest that upstream's file `name` has."""
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != SHA256[name]:
        raise ModelFilesChanged(
            f"{file} has the SHA-256 {found}; upstream's {name} has {SHA256[name]}.",
            next_step=f"Delete {file.parent} and run 'make setup' again.",
        )
