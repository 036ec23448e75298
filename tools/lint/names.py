"""A file is named after its idea; these names say that it has none."""

from collections.abc import Iterable, Iterator

from tools.lint.tree import Finding, Source

BANNED = {
    name + plural
    for name in ("util", "helper", "common", "constant", "manager", "base", "misc")
    for plural in ("", "s")
}
CODE = {".py", ".js", ".mjs", ".ts", ".tsx"}


def check(sources: Iterable[Source]) -> Iterator[Finding]:
    for source in sources:
        if source.path.suffix not in CODE:
            continue
        for part in (*source.path.parts[:-1], source.path.stem):
            if part.strip("_").lower() in BANNED:
                yield Finding(str(source.path), 0, f"`{part}` says nothing: name the idea, or put it where it is used.")
