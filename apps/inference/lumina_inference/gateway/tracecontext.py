"""W3C Trace Context: the caller's `traceparent` in, ours out to the backend."""

import re
from random import Random
from typing import Final

from msgspec import Struct

_TRACEPARENT = re.compile(
    r"(?!ff|00-.{52}-)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(?:-.*)?"
)
_MAX_STATE = 512
_VISIBLE = re.compile(r"[\x20-\x7e]*")
# Ids need to be unique, not secret; the generator seeds itself from the system.
_random: Final = Random()  # nosec B311


class Trace(Struct, eq=False):
    """Where one request stands in a trace. `parent_id` is empty at a root. Ids are lower-case hex."""

    trace_id: str
    span_id: str
    parent_id: str
    flags: str
    state: str

    @property
    def traceparent(self) -> str:
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def begin(traceparent: str | None, tracestate: str | None) -> Trace:
    """A span of our own: a child of the caller's, or a new root if the caller sent none or a broken one."""
    span_id = f"{_random.getrandbits(64) or 1:016x}"
    match = _TRACEPARENT.fullmatch(traceparent) if traceparent else None
    if match is None:
        return Trace(f"{_random.getrandbits(128) or 1:032x}", span_id, "", "01", "")
    return Trace(match[1], span_id, match[2], match[3], _state(tracestate))


def _state(tracestate: str | None) -> str:
    if not tracestate or len(tracestate) > _MAX_STATE or not _VISIBLE.fullmatch(tracestate):
        return ""
    return tracestate


def request_id() -> str:
    """A fresh id for a request whose caller gave none."""
    return f"req_{_random.getrandbits(128):032x}"
