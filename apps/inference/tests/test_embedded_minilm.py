"""MiniLM against an independent forward pass: BERT in a page of numpy, from the same weights."""

import json
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from apps.inference.tests.embedded_world import encoder, minilm, model_folder
from lumina_inference.embedded.encoder import pieces
from lumina_inference.embedded.files import WEIGHTS
from lumina_inference.embedded.minilm import batches, shortened

Array = NDArray[np.float64]

TEXTS = [
    "The gateway listens on port 4000.",
    "Herring made the town rich until the shoals moved away in 1911, and most people left.",
    "Ünïcödé 文字 and\ttabs!",
    "x",
]


def weights(file: Path) -> dict[str, Array]:
    with file.open("rb") as stream:
        header = json.loads(stream.read(int.from_bytes(stream.read(8), "little")))
        start = stream.tell()
        tensors = {}
        for name, entry in header.items():
            if entry.get("dtype") == "F32":
                stream.seek(start + entry["data_offsets"][0])
                raw = stream.read(entry["data_offsets"][1] - entry["data_offsets"][0])
                tensors[name] = np.frombuffer(raw, dtype="<f4").reshape(entry["shape"]).astype(np.float64)
    return tensors


def reference(tensors: dict[str, Array], ids: list[int]) -> Array:
    """The sentence vector in double precision, one text at a time, without a mask."""

    def norm(rows: Array, name: str) -> Array:
        centred = rows - rows.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-12)
        shifted: Array = scaled * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]
        return shifted

    def linear(rows: Array, name: str) -> Array:
        return rows @ tensors[f"{name}.weight"].T + tensors[f"{name}.bias"]

    rows = tensors["embeddings.word_embeddings.weight"][ids] + tensors["embeddings.token_type_embeddings.weight"][0]
    rows = norm(rows + tensors["embeddings.position_embeddings.weight"][: len(ids)], "embeddings.LayerNorm")
    for number in range(6):
        layer = f"encoder.layer.{number}"
        parts = [linear(rows, f"{layer}.attention.self.{part}") for part in ("query", "key", "value")]
        query, key, value = (part.reshape(len(ids), 12, 32).transpose(1, 0, 2) for part in parts)
        raw = np.exp(query @ key.transpose(0, 2, 1) / math.sqrt(32))
        mixed = (raw / raw.sum(-1, keepdims=True) @ value).transpose(1, 0, 2).reshape(len(ids), 384)
        rows = norm(rows + linear(mixed, f"{layer}.attention.output.dense"), f"{layer}.attention.output.LayerNorm")
        wide = linear(rows, f"{layer}.intermediate.dense")
        gelu = wide * 0.5 * (1 + np.vectorize(math.erf)(wide / math.sqrt(2)))
        rows = norm(rows + linear(gelu, f"{layer}.output.dense"), f"{layer}.output.LayerNorm")
    mean = rows.mean(0)
    result: Array = mean / np.linalg.norm(mean)
    return result


def test_vectors_agree_with_an_independent_forward_pass() -> None:
    tensors = weights(model_folder().path / WEIGHTS)
    ids = minilm().ids(TEXTS)

    vectors = minilm().embed(ids)

    for vector, each in zip(vectors, ids, strict=True):
        assert float(vector @ reference(tensors, list(each))) > 0.99999


async def test_batch_gives_what_single_texts_give_in_the_order_of_the_request() -> None:
    ids = minilm().ids([f"{text} " * (1 + index % 7) for index, text in enumerate(TEXTS * 30)])

    together = await encoder().vectors(ids)

    alone = np.concatenate([minilm().embed([each]) for each in ids])
    assert np.abs(together - alone).max() < 1e-6
    assert np.abs(np.linalg.norm(together, axis=1) - 1).max() < 1e-5


def test_same_texts_give_the_same_bytes() -> None:
    ids = minilm().ids(TEXTS)

    assert minilm().embed(ids).tobytes() == minilm().embed(ids).tobytes()


def test_batches_hold_every_text_once_and_a_bounded_number_of_tokens() -> None:
    ids = [[7] * (1 + number * 37 % 256) for number in range(500)]

    found = list(batches(ids))

    assert sorted(position for batch in found for position in batch.positions) == list(range(500))
    assert max(len(batch.ids) * max(map(len, batch.ids)) for batch in found) <= 2_048


def test_text_is_cut_at_a_word_piece_and_otherwise_untouched() -> None:
    assert minilm().first("Größe\t matters, always.", minilm().count(["Größe matters"])) == "Größe\t matters"
    assert minilm().first("two words", 2) == "two words"


def test_shortened_text_is_still_closed() -> None:
    assert shortened([101, 5, 6, 7, 102], 4) == [101, 5, 6, 102]


def test_pieces_of_a_long_text_count_as_the_whole() -> None:
    text = "many words stand here, one after the other. " * 3_000

    assert sum(minilm().count(piece) for piece in pieces([text, "more"])) == minilm().count([text, "more"])
