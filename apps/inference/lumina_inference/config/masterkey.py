"""`general_settings.master_key`: accepted on the gateway if it is not weak."""

import hashlib
from itertools import pairwise

from lumina_inference.config.fields import Fields, LeftOut

LEAST_CHARACTERS = 16
LEAST_DISTINCT = 8
_MOST_RUN_SHARE = 0.5


def read_master_key(general: Fields) -> str | None:
    """The SHA-256 of the key in hex, or None when there is none or it is refused, which is then reported."""
    at = general.get("master_key")
    if at is None:
        return None
    try:
        key = general.text("master_key")
    except LeftOut as missing:
        general.findings.warning(at.line, at.path, f"{missing.message}; there is no master key")
        return None
    if key is None:
        return None
    weakness = _weakness(key)
    if weakness:
        general.findings.warning(at.line, at.path, f"refused, since it {weakness}; the gateway does not accept it")
        return None
    return hashlib.sha256(key.encode()).hexdigest()


def _weakness(key: str) -> str | None:
    secret = key.removeprefix("sk-")
    if len(secret) < LEAST_CHARACTERS:
        return f"is shorter than {LEAST_CHARACTERS} characters after sk-"
    if len(set(secret)) < LEAST_DISTINCT:
        return f"has fewer than {LEAST_DISTINCT} different characters"
    if not key.isascii() or not key.isprintable() or " " in key:
        return "holds characters that no HTTP header can carry"
    steps = sum(abs(ord(after) - ord(before)) <= 1 for before, after in pairwise(secret))
    return "runs along the alphabet or the digits" if steps > _MOST_RUN_SHARE * len(secret) else None
