"""Which sentences answer a question: likeness of meaning (MiniLM) and shared words, each between 0 and 1."""

import math
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lumina_inference.embedded.wordforms import stems

Scores = NDArray[np.float64]

_TIME = re.compile(
    r"\d|\b(?:January|February|March|April|May|June|July|August|September|October|November|December"
    r"|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|spring|summer|autumn|winter|night|morning|noon|week|month|year)\b"
)
_PERSON = re.compile(r"\b[A-Z][a-zà-ÿ]+ [A-Z][a-zà-ÿ]+|\bby [A-Z]")
_PLACE = re.compile(r"\d|\b(?:in|at|on|near|to|for|from|under|behind|along) (?!\d)(?:the |an? )?\w")
_NUMBER = re.compile(r"\d")
_QUESTION_WORD = re.compile(r"\b(?:who|when|where|why|what|which|how)")
# What a question begins with, and the sign that a sentence holds what it asks for.
_CUES = (
    (re.compile(r"when\b|what (?:year|date|time)\b"), _TIME),
    (re.compile(r"who(?:m|se)?\b"), _PERSON),
    (re.compile(r"where\b"), _PLACE),
    (re.compile(r"how (?:many|much|long|often|old|big|large|fast|far|high)\b"), _NUMBER),
    (re.compile(r"(?:what|which) (?:port|version|number)\b"), _NUMBER),
)
_MEANING_SHARE = 0.7
_CUE_BONUS = 0.06
_ADDS_NOTHING = 0.15
_BEFORE_SHARE = 0.5  # a word in the sentence before counts for half: "It" then stands for it


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
    """One score for each candidate: more for one that holds what the question asks for, as a date for `when`.

    Less for one that has no word but those of the question: it repeats the topic and adds nothing.
    """
    scores = _MEANING_SHARE * likeness + (1 - _MEANING_SHARE) * words
    wanted, sign = stems(question), _sign(question)
    for index, text in enumerate(candidates):
        fits = sign is not None and sign.search(text) is not None
        scores[index] += _CUE_BONUS * fits - _ADDS_NOTHING * (stems(text) <= wanted)
    return np.asarray(scores, dtype=np.float64)


def asks_for_fact(question: str) -> bool:
    """Whether one date, name, place or number is asked for."""
    return _sign(question) is not None


def _sign(question: str) -> re.Pattern[str] | None:
    """What a sentence must hold to answer; the first question word tells: `what ... when` is no question of time."""
    asked = question.casefold()
    word = _QUESTION_WORD.search(asked)
    if word is None:
        return None
    return next((sign for cue, sign in _CUES if cue.match(asked, word.start())), None)
