"""The text of a configuration file with its secrets masked. `os.environ/NAME` is no secret and stays."""

import re
from collections.abc import Iterator

from lumina_inference.config.fields import REFERENCE
from lumina_inference.config.tree import Unreadable, Value, read_tree, walk

MASK = "********"
_PLAIN_WORDS = frozenset({"true", "false", "null", "none", "~", ""})
_SECRET_KEY = re.compile(
    r"(?:key|secret|password|passwd|token|credential|credentials|authorization|cookie|dsn|private|salt)s?$"
    r"|^(?:database|redis|postgres|mongo)\w*_url$|^aws_(?:access|secret|session)",
    re.IGNORECASE,
)
_NO_SECRET = re.compile(
    r"(?:max|most|min|per|num|count|limit|cost)\w*_?tokens?$|tokens$|^model_group|_key_name$", re.IGNORECASE
)
_SECRET_SECTIONS = frozenset(
    {"extra_headers", "headers", "default_headers", "environment_variables", "credential_values"}
)
_ADDRESS_SECRET = re.compile(r"(?<=://)[^\s/@]+(?=@)")
_COMMENT_SECRET = re.compile(
    r"(#.*?\b[\w-]*(?:key|secret|password|token)[\w-]*['\"]?\s*[:=]\s*)(?!os\.environ/)(\S+)", re.IGNORECASE
)
_KEY_SHAPED = re.compile(r"\b(?:sk|pk|rk|gsk|hf|xai|ghp|glpat)[-_][A-Za-z0-9_-]{8,}")


def masked(text: str) -> str | None:
    """The text without secrets, or None when it is no YAML, since then it cannot be told what is one."""
    try:
        tree = read_tree(text)
    except Unreadable:
        return None
    for start, end in sorted({(value.start, value.end) for value in _secrets(tree)}, reverse=True):
        text = text[:start] + MASK + text[end:]
    for pattern, shown in ((_COMMENT_SECRET, rf"\1{MASK}"), (_ADDRESS_SECRET, MASK), (_KEY_SHAPED, MASK)):
        text = pattern.sub(shown, text)
    return text


def _secrets(tree: Value) -> Iterator[Value]:
    for value in walk(tree):
        for name, child in (value.mapping or {}).items():
            below = walk(child) if name in _SECRET_SECTIONS or _is_secret(name) else ()
            yield from (each for each in below if _hides(each))


def _is_secret(name: str) -> bool:
    return bool(_SECRET_KEY.search(name)) and not _NO_SECRET.search(name)


def _hides(value: Value) -> bool:
    """Whether it is a literal that could be a secret: no section, no reference to a variable, no plain word."""
    if value.mapping is not None or value.items is not None or isinstance(value.data, bool) or value.data is None:
        return False
    text = str(value.data)
    return not text.startswith(REFERENCE) and text.casefold() not in _PLAIN_WORDS
