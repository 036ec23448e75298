"""The extractive answerer: it writes nothing, it picks the sentences of the context that answer the question."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lumina_inference.embedded.conversation import Asked
from lumina_inference.embedded.minilm import Vectors
from lumina_inference.embedded.ranking import Scores, asks_for_fact, combined, shared_words
from lumina_inference.embedded.sentences import sentences
from lumina_inference.embedded.subjects import named, subject_of

MOST_COMPARED = 256  # sentences that the encoder compares; of a longer context those with the most words in common
MOST_PICKED = 3
COMPARED_CHARACTERS = 2_000  # of a sentence: far more than the word pieces that the encoder takes
_FLOOR = 0.22  # below it a sentence is about something else
_NEAR_BEST = 0.70  # share of the best score from which a sentence is picked too;
_NEAR_BEST_FACT = 0.85  # a question for one fact, as a date or a name, has one answer

INTRODUCTION = """\
I am lumina/extractive, the answerer built into Lumina. I write nothing of my own: from the text you give me I pick \
the sentences that answer your last question, word for word."""
HOW_TO = """\
Give me text to answer from, in a system message, in earlier messages, or before the question. For a model that \
writes, add one to Lumina's gateway configuration ($LUMINA_HOME/gateway.yaml, or the file given with --config) and \
call it by its model_name:

model_list:
  - model_name: my-model
    litellm_params:
      model: ollama/llama3.2
      api_base: http://127.0.0.1:11434"""
NO_CONTEXT = f"{INTRODUCTION} You gave me no context.\n\n{HOW_TO}"
NO_ANSWER = f"{INTRODUCTION} No sentence of the context answers this question.\n\n{HOW_TO}"


@dataclass(frozen=True)
class Candidate:
    """A sentence that may answer, and as it is compared, with a pronoun at its start replaced.

    Neighbours in the same `block` ran on without a break.
    """

    text: str
    compared: str
    block: tuple[int, int]


@dataclass(frozen=True)
class Candidates:
    """The sentences worth comparing, in the order of the context, with their words' scores."""

    question: str
    sentences: tuple[Candidate, ...]
    words: Scores

    @property
    def texts(self) -> list[str]:
        """What the encoder compares: the question first, then each sentence."""
        return [text[:COMPARED_CHARACTERS] for text in (self.question, *(each.compared for each in self.sentences))]


def candidates(asked: Asked) -> Candidates | None:
    """The sentences that may answer, or None if nothing was asked or given. Questions and labels answer nothing."""
    found = list(_distinct(asked.context))
    if not asked.question or not found:
        return None
    words = shared_words(asked.bare_question, [each.compared for each in found])
    kept = sorted(np.argsort(-words, kind="stable")[:MOST_COMPARED])
    return Candidates(asked.bare_question, tuple(found[index] for index in kept), words[kept])


def answer(given: Candidates, vectors: Vectors) -> str:
    """The best sentences in the order of the context. `vectors` are those of `given.texts`."""
    likeness = np.clip(vectors[1:] @ vectors[0], 0.0, 1.0).astype(np.float64)
    scores = combined(given.question, [each.compared for each in given.sentences], likeness, given.words)
    best = float(scores.max())
    if best < _FLOOR:
        return NO_ANSWER
    near = _NEAR_BEST_FACT if asks_for_fact(given.question) else _NEAR_BEST
    order = np.argsort(-scores, kind="stable")[:MOST_PICKED]
    picked = sorted(index for index in order if scores[index] >= max(_FLOOR, near * best))
    return _joined([given.sentences[index] for index in picked])


def _distinct(texts: Sequence[str]) -> Iterator[Candidate]:
    seen = set()
    for candidate in _read(texts):
        plain = " ".join(candidate.text.casefold().split())
        if plain not in seen and _may_answer(candidate.text):
            seen.add(plain)
            yield candidate


def _read(texts: Sequence[str]) -> Iterator[Candidate]:
    for number, text in enumerate(texts):
        subject, block = "", -1
        for sentence in sentences(text):
            before = subject if sentence.block == block else ""
            yield Candidate(sentence.text, named(sentence.text, before), (number, sentence.block))
            subject, block = subject_of(sentence.text, before), sentence.block


def _may_answer(sentence: str) -> bool:
    return any(map(str.isalnum, sentence)) and not sentence.endswith(("?", "？", ":", "："))


def _joined(picked: Sequence[Candidate]) -> str:
    text = picked[0].text
    for before, each in pairwise(picked):
        text += (" " if before.block == each.block else "\n") + each.text
    return text
