"""`just` knows what `make` knows."""

import re
from collections.abc import Iterable, Iterator

from tools.lint.tree import Finding, Source

TARGET = re.compile(r"^([a-z]+):", re.MULTILINE)
RECIPE = re.compile(r"^([a-z]+)(?: [^:\n]*)?:(?!=)", re.MULTILINE)


def check(sources: Iterable[Source]) -> Iterator[Finding]:
    texts = {str(source.path): source.text for source in sources}
    targets = set(TARGET.findall(texts.get("Makefile", "")))
    recipes = set(RECIPE.findall(texts.get("justfile", "")))
    for name in sorted(targets ^ recipes):
        missing = "justfile" if name in targets else "Makefile"
        yield Finding(missing, 0, f"has no `{name}`, which the other has.")
