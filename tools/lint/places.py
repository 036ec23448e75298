"""The tree works behind any mirror and on any machine: it names no package registry and no folder of one machine."""

import re
from collections.abc import Iterable, Iterator

from tools.lint.tree import Finding, Source

REGISTRY = re.compile(
    r"\b(?:(?:test\.)?pypi\.org|files\.pythonhosted\.org|registry\.(?:npmjs\.org|yarnpkg\.com)|npmjs\.com"
    r"|download\.pytorch\.org|deb\.debian\.org|(?:index|registry-1)?\.?docker\.io|ghcr\.io|quay\.io)\b"
)
MACHINE = re.compile(r"(?<![\w./~$}-])/(?:root|work|home|Users)/[\w.]")


def check(sources: Iterable[Source]) -> Iterator[Finding]:
    for source in sources:
        for number, line in enumerate(source.lines, 1):
            if host := REGISTRY.search(line):
                yield Finding(str(source.path), number, f"names the registry {host[0]}: a mirror would be passed by.")
            if place := MACHINE.search(line):
                yield Finding(str(source.path), number, f"{place[0]}... is a folder of one machine.")
