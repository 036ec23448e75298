"""all-MiniLM-L6-v2 in ONNX Runtime: texts in, vectors of length 1 out. Used from one worker thread at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from lumina_inference.embedded.files import ModelFolder

DIMENSIONS = 384
MAX_TOKENS = 256  # word pieces with the two special tokens: upstream's max_seq_length
SPECIAL_TOKENS = 2
BATCH_TOKENS = 2_048  # padded tokens of a batch: as fast as larger ones, at a fraction of their memory

Vectors = NDArray[np.float32]
Ids = Sequence[int]


@dataclass(frozen=True)
class Batch:
    """Texts of like length, to be run together. `positions` are their places in the request."""

    positions: tuple[int, ...]
    ids: tuple[Ids, ...]


class MiniLM:
    """The tokenizer and the encoder. Raises ModelFilesMissing or ModelFilesChanged when it is opened."""

    def __init__(self, folder: ModelFolder, threads: int) -> None:
        folder.check()
        self._tokenizer = Tokenizer.from_file(str(folder.tokenizer))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._session = onnxruntime.InferenceSession(
            str(folder.graph), _options(threads), providers=["CPUExecutionProvider"]
        )

    def ids(self, texts: Sequence[str]) -> list[Ids]:
        """Word pieces of each text, with the special tokens around them."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch_fast(list(texts))]

    def count(self, texts: Sequence[str]) -> int:
        """Word pieces of all texts together, without special tokens."""
        encodings = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return sum(len(encoding.ids) for encoding in encodings)

    def first(self, text: str, tokens: int) -> str:
        """The text up to its `tokens`-th word piece, character by character as it was."""
        ends = [end for _, end in self._tokenizer.encode(text, add_special_tokens=False).offsets]
        return text if len(ends) <= tokens else text[: ends[tokens - 1]]

    def embed(self, ids: Sequence[Ids]) -> Vectors:
        """Vectors of one batch, shape (texts, 384)."""
        longest = max(len(each) for each in ids)
        tokens = np.zeros((len(ids), longest), dtype=np.int64)
        mask = np.zeros_like(tokens)
        for row, each in enumerate(ids):
            tokens[row, : len(each)] = each
            mask[row, : len(each)] = 1
        result: Vectors = self._session.run(["embedding"], {"input_ids": tokens, "attention_mask": mask})[0]
        return result


def shortened(ids: Ids, tokens: int = MAX_TOKENS) -> Ids:
    """The first word pieces, still closed by the special token at the end."""
    return ids if len(ids) <= tokens else [*ids[: tokens - 1], ids[-1]]


def batches(ids: Sequence[Ids]) -> Iterator[Batch]:
    """The texts sorted by length and cut into batches that waste little on padding."""
    order = sorted(range(len(ids)), key=lambda position: len(ids[position]), reverse=True)
    start = 0
    while start < len(order):
        size = max(1, BATCH_TOKENS // len(ids[order[start]]))
        positions = tuple(order[start : start + size])
        yield Batch(positions, tuple(ids[position] for position in positions))
        start += size


def _options(threads: int) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # The weights stay where they are, mapped from their file; repacked copies would double the memory for no speed.
    options.add_session_config_entry("session.disable_prepacking", "1")
    # A waiting thread sleeps: a laptop's core is worth more than the microseconds that spinning saves.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options
