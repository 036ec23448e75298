"""Which sentences answer a question: likeness of meaning (MiniLM) and shared words, each between 0 and 1."""

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]

_WORD = re.compile(r"\w+(?:[.'’-]\w+)*")
_NUMERIC = re.compile(
    r"\b(?:how (?:many|much|long|often|old|big|large|fast|far|high)|when|what (?:year|date|port|version|time))\b"
)
_STOP = frozenset(
    _WORD.findall(
        "a an the of in on at to for from by with and or is are was were be been being do does did can could "
        "will would should may might must have has had i you he she it we they this that these those what "
        "which who whom whose when where why how many much if then than as not no yes so its their there here "
        "please tell me my your our about into explain describe give say mean"
    )
)
_ENDINGS = ("ations", "ation", "ments", "ment", "ings", "ing", "ies", "ers", "ed", "er", "es", "ly", "s")
_MEANING_SHARE = 0.7
_NUMBER_BONUS = 0.06
_BEFORE_SHARE = 0.5  # a word in the sentence before counts for half: "It" then stands for it


def stems(text: str) -> frozenset[str]:
    """The words that carry meaning, cut to a rough stem."""
    words = (word.casefold() for word in _WORD.findall(text))
    return frozenset(_stem(word) for word in words if word not in _STOP)


def shared_words(question: str, candidates: Sequence[str]) -> Scores:
    """How much of the question's words each candidate has; words that few candidates have count for more."""
    wanted = stems(question)
    held = [stems(candidate) & wanted for candidate in candidates]
    frequency = Counter(word for words in held for word in words)
    weight = {word: math.log(1 + len(candidates) / (1 + frequency[word])) for word in wanted}
    total = sum(weight.values()) or 1.0
    scores = []
    before: frozenset[str] = frozenset()
    for words in held:
        borrowed = _BEFORE_SHARE * sum(weight[word] for word in before - words)
        scores.append((sum(weight[word] for word in words) + borrowed) / total)
        before = words
    return np.array(scores, dtype=np.float64)


def combined(question: str, candidates: Sequence[str], likeness: Scores, words: Scores) -> Scores:
    """One score for each candidate; a question for a number favours candidates that hold one."""
    scores = _MEANING_SHARE * likeness + (1 - _MEANING_SHARE) * words
    if _NUMERIC.search(question.casefold()):
        scores = scores + _NUMBER_BONUS * np.array([any(map(str.isdigit, text)) for text in candidates])
    return np.asarray(scores, dtype=np.float64)


def _stem(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)].rstrip("e")
    return word.rstrip("e") if len(word) > 3 else word
