"""What `She`, `It` and `Their` at the start of a sentence stand for, guessed from the sentence before."""

import re

_LONGEST = 80  # characters: it is put before every sentence that begins with a pronoun
_WHO = re.compile(r"(?:He|She|It|They)\b(?!['’])")
_WHOSE = re.compile(r"(?:His|Her|Its|Their)\b")
# The words before a verb that is easily known as one,
_BEFORE_VERB = re.compile(
    r"(?:[\w'’-]+ ){1,6}?(?=(?:is|are|was|were|has|had|have|does|did|can|could|may|must|will|would|should)\b)"
)
# else an article's noun before a word that ends like a verb, or a name.
_NAME = re.compile(
    r"(?:The|A|An) (?:[\w'’-]+ ){1,4}?(?=\w+(?:s|ed)\b)|[A-Z][\w-]*['’]s [\w-]+"
    r"|(?:The|A|An) [\w'’-]+|[A-Z][\w'’-]*(?: [A-Z][\w'’-]*)*"
)
_LEADING_AWAY = re.compile(
    r"(?:In|On|At|When|While|If|After|Before|To|For|Since|During|By|From|With|Under|There|This|That|These|Those)\b"
)


def named(sentence: str, subject: str) -> str:
    """The sentence with the subject in the place of a pronoun that begins it."""
    if not subject:
        return sentence
    owned = _WHOSE.sub(lambda _: f"{subject}'s", sentence, count=1) if _WHOSE.match(sentence) else sentence
    return subject + sentence[found.end() :] if (found := _WHO.match(sentence)) else owned


def subject_of(sentence: str, before: str) -> str:
    """What a sentence is about; `before` is what the one before it was about. Empty if nothing tells."""
    if _WHO.match(sentence) or _WHOSE.match(sentence):
        return before
    if _LEADING_AWAY.match(sentence):
        return ""
    start = sentence[: 2 * _LONGEST]
    found = _BEFORE_VERB.match(start) or _NAME.match(start)
    subject = found[0].strip() if found else ""
    return subject if len(subject) <= _LONGEST else ""
