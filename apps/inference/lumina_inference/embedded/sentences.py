"""Text into sentences, each a verbatim piece of it. Knows prose, lists, headings and hard-wrapped lines."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_ABBREVIATIONS = frozenset(
    re.findall(
        r"\S+",
        "mr mrs ms dr prof st sr jr vs etc e.g i.e cf al no nos fig "
        "figs eq vol pp p ca approx dept est inc ltd co corp jan "
        "feb mar apr jun jul aug sep sept oct nov dec u.s u.k",
    )
)
# A run of marks is looked at from its first one only, so that a text of nothing but dots costs no more than another.
_END = re.compile(r"""(?<![.!?…])[.!?…]{1,16}+["'”’)\]*_`]{0,8}+(?=\s)|[。！？]{1,16}[」』”]?""")
_NEXT = re.compile(r"\s*(\S{0,4})")
_STARTS = re.compile(r"""["'“‘(\[*_`]*[^\W_a-zà-öø-ÿ]|[-•]""")  # no lower-case letter
_MARK = re.compile(r"(?:[-*+•>]|#{1,6}|\d{1,3}[.)]|[a-z][.)])\s|\||[\w.-]{1,40}:(?:\s|$)")
_BLANK = re.compile(r"\n[ \t]*+\n")
_CLOSED = tuple(".!?…:;")
_CLOSERS = "\"'”’)]*_`"
_WRAPPED_FROM = 50  # characters: a line this long that ends in mid-sentence was wrapped by its author's editor,
_WRAPPED_FROM_LOWER = 25  # and a shorter one too if the next begins with a lower-case letter
_WORD_REACH = 24  # characters before a dot that are looked at


@dataclass(frozen=True)
class Sentence:
    """One sentence as it stands in its text. Sentences of one `block` ran on without a break between them."""

    text: str
    block: int


def sentences(text: str) -> list[Sentence]:
    """The sentences of a text, in its order."""
    return [
        Sentence(sentence, number)
        for number, block in enumerate(_blocks(text.replace("\r\n", "\n")))
        for sentence in _split(block)
    ]


def _blocks(text: str) -> Iterator[str]:
    """Paragraphs, list items, headings: pieces that no sentence reaches across."""
    for paragraph in _BLANK.split(text):
        lines: list[str] = []
        for line in paragraph.split("\n"):
            if lines and not _continues(lines[-1], line):
                yield "\n".join(lines)
                lines = []
            lines.append(line)
        yield "\n".join(lines)


def _continues(before: str, line: str) -> bool:
    """Whether a line goes on with the sentence, or at least the paragraph, of the line before it."""
    stripped, last = line.strip(), before.strip()
    if not stripped or _MARK.match(stripped) or last.startswith("#") or last.rstrip(_CLOSERS).endswith(_CLOSED):
        return False
    return len(last) >= (_WRAPPED_FROM_LOWER if stripped[0].islower() else _WRAPPED_FROM)


def _split(block: str) -> Iterator[str]:
    start = 0
    for end in _END.finditer(block):
        if _ends_here(block, start, end):
            yield from _trimmed(block[start : end.end()])
            start = end.end()
    yield from _trimmed(block[start:])


def _trimmed(piece: str) -> Iterator[str]:
    stripped = piece.strip()
    if stripped:
        yield stripped


def _ends_here(block: str, start: int, end: re.Match[str]) -> bool:
    if end.group()[0] in "。！？":
        return True
    following = _NEXT.match(block, end.end())
    if following and following[1] and not _STARTS.match(following[1]):
        return False
    return end.group()[0] != "." or not _is_abbreviated(block, start, end.start())


def _is_abbreviated(block: str, start: int, dot: int) -> bool:
    """Whether the dot there belongs to an abbreviation, an initial or a list number."""
    reach = block[max(start, dot - _WORD_REACH) : dot]
    words = reach.split()
    word = words[-1].lstrip("(\"'[").casefold() if words else ""
    listed = word.isdigit() and block[start:dot].strip() == word if dot - start < _WORD_REACH else False
    return word in _ABBREVIATIONS or listed or (len(word) == 1 and word.isalpha())
