"""The tail of sizes is capped (functions at 60 lines, files at 600, at 400 without a reason) and the median watched."""

import ast
from collections.abc import Iterable, Iterator
from statistics import median, quantiles

from tools.lint.tree import Finding, Source

CODE = {".py", ".js", ".mjs", ".ts", ".tsx", ".css"}
MAX_FUNCTION, MAX_FILE, FILE_NEEDS_REASON = 60, 600, 400
MEDIAN_FUNCTION, P95_FUNCTION, MEDIAN_MODULE = 10, 40, 150
REASON_WITHIN = 5  # first lines in which `# size: <reason>` counts


def check(sources: Iterable[Source]) -> Iterator[Finding]:
    code = [source for source in sources if source.path.suffix in CODE and source.text.strip()]
    functions: list[int] = []
    for source in code:
        yield from _file(source)
        for line, name, size in _functions(source):
            functions.append(size)
            if size > MAX_FUNCTION:
                yield Finding(str(source.path), line, f"{name} has {size} lines; {MAX_FUNCTION} is the most.")
    yield from _tree(functions, [len(source.lines) for source in code])


def _file(source: Source) -> Iterator[Finding]:
    size = len(source.lines)
    if size > MAX_FILE:
        yield Finding(str(source.path), 0, f"{size} lines; {MAX_FILE} is the most.")
    elif size > FILE_NEEDS_REASON and not any("size: " in line for line in source.lines[:REASON_WITHIN]):
        yield Finding(
            str(source.path), 0, f"{size} lines; over {FILE_NEEDS_REASON} needs `# size: <reason>` at its top."
        )


def _functions(source: Source) -> Iterator[tuple[int, str, int]]:
    if source.path.suffix != ".py":
        return
    try:
        tree = ast.parse(source.text)
    except SyntaxError:
        return  # ruff says so, with the place
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name, (node.end_lineno or node.lineno) - node.lineno + 1


def _tree(functions: list[int], modules: list[int]) -> Iterator[Finding]:
    if len(functions) < 2:
        return
    limits = (
        ("the median of functions", median(functions), MEDIAN_FUNCTION),
        ("the 95th percentile of functions", quantiles(functions, n=20)[-1], P95_FUNCTION),
        ("the median of files", median(modules), MEDIAN_MODULE),
    )
    for name, size, limit in limits:
        if size > limit:
            yield Finding(".", 0, f"{name} is {size:.0f} lines; {limit} is the most.")
