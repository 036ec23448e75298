"""Work left for later belongs into an issue, which the note names."""

import re
from collections.abc import Iterable, Iterator

from tools.lint.tree import Finding, Source

NOTE = re.compile(r"(?:#|//|/\*|<!--)\s*(TODO|FIXME|XXX|HACK)\b(?!\s*\(#\d+\))")


def check(sources: Iterable[Source]) -> Iterator[Finding]:
    for source in sources:
        for number, line in enumerate(source.lines, 1):
            if note := NOTE.search(line):
                yield Finding(str(source.path), number, f"{note[1]} without its issue: write {note[1]}(#12), or do it.")
