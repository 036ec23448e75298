"""The code blocks of a Markdown page, as the tests run them.

`<!-- file: NAME -->` before a block writes it to that file; `<!-- not run: REASON -->` passes one over.
"""

import re
from dataclasses import dataclass
from pathlib import Path

NOTE = r"(?:<!-- (?P<word>file|not run): (?P<note>[^>]+?) -->\s*)?"
FENCE = re.compile(NOTE + r"^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
RUN = {"bash", "python"}


@dataclass(frozen=True)
class Block:
    """One fenced block. `file` names where it goes; None with `run` false means that it is only shown."""

    language: str
    code: str
    file: str | None
    run: bool


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    return [_block(found) for found in FENCE.finditer(page.read_text())]


def _block(found: re.Match[str]) -> Block:
    language, word = found["language"], found["word"]
    file = found["note"] if word == "file" else None
    return Block(language, found["code"], file, run=language in RUN and word is None)
