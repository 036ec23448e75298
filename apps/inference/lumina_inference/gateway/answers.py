"""The little that the gateway reads of a backend's answer. Everything else passes byte for byte."""

from msgspec import DecodeError, Raw, Struct, ValidationError, json
from msgspec.structs import replace

_MOST_TOKENS = 2**53
_MOST_PLAUSIBLE = 20_000_000  # twice the largest context window there is


class InputDetails(Struct, frozen=True):
    cached_tokens: int | None = None


class OutputDetails(Struct, frozen=True):
    reasoning_tokens: int | None = None


class Usage(Struct, frozen=True):
    """OpenAI's usage object. Input includes cached tokens. The properties bound what a backend may claim."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: InputDetails | None = None
    completion_tokens_details: OutputDetails | None = None

    @property
    def is_plausible(self) -> bool:
        """Whether one request can have used so much. What is not is counted by the gateway instead."""
        claimed = (self.prompt_tokens or 0, self.completion_tokens or 0, self.cached_tokens or 0)
        return all(0 <= count <= _MOST_PLAUSIBLE for count in claimed)

    @property
    def input_tokens(self) -> int:
        return _bounded(self.prompt_tokens or 0)

    @property
    def output_tokens(self) -> int:
        return _bounded(self.completion_tokens or 0)

    @property
    def cached_tokens(self) -> int | None:
        claimed = self.prompt_tokens_details.cached_tokens if self.prompt_tokens_details else None
        return None if claimed is None else _bounded(claimed)

    @property
    def reasoning_tokens(self) -> int | None:
        claimed = self.completion_tokens_details.reasoning_tokens if self.completion_tokens_details else None
        return None if claimed is None else _bounded(claimed)


def _bounded(claimed: int) -> int:
    """What sums, spans and metrics can hold."""
    return min(max(claimed, 0), _MOST_TOKENS)


def merged(before: Usage | None, newest: Usage | None) -> Usage | None:
    """What two events of one stream tell together: Anthropic counts the prompt at its start, the answer at its end."""
    if before is None or newest is None or newest.prompt_tokens:
        return newest or before
    return replace(newest, prompt_tokens=before.prompt_tokens, prompt_tokens_details=before.prompt_tokens_details)


class Choice(Struct, frozen=True):
    index: int = 0
    finish_reason: str | None = None


class Answer(Struct, frozen=True):
    """A whole answer, or one event of a stream."""

    id: str | None = None
    model: str | None = None
    choices: tuple[Choice, ...] | None = None
    usage: Usage | None = None
    error: Raw = Raw(b"null")

    @property
    def failed(self) -> bool:
        return bytes(self.error) != b"null"

    @property
    def finish_reasons(self) -> tuple[str, ...]:
        return tuple(choice.finish_reason for choice in self.choices or () if choice.finish_reason)


NOTHING = Answer()
_decoder = json.Decoder(Answer)


def read(body: bytes) -> Answer | None:
    """What can be read of an answer; None if it is not a JSON object in UTF-8.

    A backend whose fields have odd types still gets its answer through; we only know less about it.
    """
    try:
        if not body.isascii():
            body.decode()  # the decoder does not look into strings that it skips
        return _decoder.decode(body)
    except ValidationError:
        return NOTHING if body.lstrip().startswith(b"{") else None
    except (DecodeError, UnicodeDecodeError, RecursionError):
        return None
