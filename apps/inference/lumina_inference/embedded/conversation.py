"""A conversation into a question and the context to answer it from."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from lumina_inference.embedded.sentences import sentences

_INSTRUCTING = frozenset({"system", "developer", "tool", "function"})
_LABEL = re.compile(r"^\W*(?:question|query|q|user|frage|pregunta)\W*[:：]\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Turn:
    """One message: who said what."""

    role: str
    text: str


@dataclass(frozen=True)
class Asked:
    """The question, empty when nobody asked, and the texts that may answer it, in the order they came."""

    question: str
    context: tuple[str, ...]

    @property
    def bare_question(self) -> str:
        """The question without a label such as `Question:` before it."""
        return _LABEL.sub("", self.question) or self.question


def asked(turns: Sequence[Turn]) -> Asked:
    """What the last user message asks, and what there is to answer it from.

    The context is all system, developer, tool and earlier messages, and that message without its question.
    """
    last = max((index for index, turn in enumerate(turns) if turn.role == "user"), default=len(turns))
    context = []
    question = ""
    for index, turn in enumerate(turns):
        if index == last:
            question, rest = split_question(turn.text)
            context.append(rest)
        elif index < last or turn.role in _INSTRUCTING:
            context.append(turn.text)
    return Asked(question, tuple(text for text in context if text.strip()))


def split_question(text: str) -> tuple[str, str]:
    """The last sentence that ends in a question mark, else the last line; and the text without it."""
    questions = [sentence.text for sentence in sentences(text) if sentence.text.endswith(("?", "？"))]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = questions[-1] if questions else (lines[-1] if lines else "")
    before, _, after = text.replace("\r\n", "\n").rpartition(found) if found else ("", "", "")
    return found, f"{before.rstrip()}\n\n{after.lstrip()}".strip()
