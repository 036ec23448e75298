"""MiniLM behind the worker: counts and vectors for whole requests, in pieces that let others in between."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lumina_inference.embedded.minilm import DIMENSIONS, Ids, MiniLM, Vectors, batches
from lumina_inference.embedded.work import Worker

_TEXTS_AT_ONCE = 64
_CHARACTERS_AT_ONCE = 32_768


@dataclass(frozen=True)
class Encoder:
    """All calls to the model, off the event loop."""

    minilm: MiniLM
    worker: Worker

    async def count(self, texts: Sequence[str], limit: int) -> int:
        """Word pieces of all texts; stops at the first piece beyond `limit` and then returns more than it."""
        total = 0
        for piece in pieces(texts):
            total += await self.worker.run(self.minilm.count, piece)
            if total > limit:
                break
        return total

    async def ids(self, texts: Sequence[str]) -> list[Ids]:
        """Word pieces of each text, with the special tokens."""
        found: list[Ids] = []
        for start in range(0, len(texts), _TEXTS_AT_ONCE):
            found += await self.worker.run(self.minilm.ids, texts[start : start + _TEXTS_AT_ONCE])
        return found

    async def vectors(self, ids: Sequence[Ids]) -> Vectors:
        """One vector for each, in the same order; shape (texts, 384)."""
        result = np.empty((len(ids), DIMENSIONS), dtype=np.float32)
        for batch in batches(ids):
            result[list(batch.positions)] = await self.worker.run(self.minilm.embed, batch.ids)
        return result


def pieces(texts: Sequence[str]) -> Iterator[list[str]]:
    """The texts in pieces of bounded size; a long one is cut, where it can be at a space, which changes no count."""
    current: list[str] = []
    size = 0
    for text in texts:
        for part in _cut(text):
            if size + len(part) > _CHARACTERS_AT_ONCE and current:
                yield current
                current, size = [], 0
            current.append(part)
            size += len(part)
    if current:
        yield current


def _cut(text: str) -> Iterator[str]:
    start = 0
    while len(text) - start > _CHARACTERS_AT_ONCE:
        space = text.rfind(" ", start + 1, start + _CHARACTERS_AT_ONCE)
        end = space if space > 0 else start + _CHARACTERS_AT_ONCE
        yield text[start:end]
        start = end
    yield text[start:]
