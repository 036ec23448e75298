"""What `/v1/chat/completions` and `/v1/completions` take for `lumina/extractive`, and what they refuse."""

from typing import Annotated, Any

from msgspec import Meta, Struct, field

from lumina_inference.embedded.conversation import Asked, Turn, asked, split_question
from lumina_inference.embedded.refusals import Refusal, model_not_found, parsed, unsupported

MODEL = "lumina/extractive"
MOST_PROMPTS = 64
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})
_CONTENT_KINDS = frozenset({"text", "refusal"})

Positive = Annotated[int, Meta(ge=1)]


class Part(Struct, frozen=True):
    """A part of a message's content."""

    type: str
    text: str | None = None
    refusal: str | None = None


class Message(Struct, frozen=True):
    """One message. An assistant's may have no content."""

    role: str
    content: str | list[Part] | None = None


class StreamOptions(Struct, frozen=True):
    """How to stream."""

    include_usage: bool | None = None


class ResponseFormat(Struct, frozen=True):
    """The form that the answer is to have."""

    type: str


class _Generation(Struct, frozen=True, kw_only=True):
    """The fields that both endpoints share. Sampling fields change nothing here and are not read."""

    model: str
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: Positive | None = None
    n: Positive | None = None
    stop: str | list[str] | None = None

    @property
    def stops(self) -> tuple[str, ...]:
        given = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return tuple(text for text in given if text)

    @property
    def usage_wanted(self) -> bool:
        return bool(self.stream_options and self.stream_options.include_usage)


class ChatRequest(_Generation, frozen=True, kw_only=True):
    """A conversation to answer."""

    messages: Annotated[list[Message], Meta(min_length=1)]
    max_completion_tokens: Positive | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None
    response_format: ResponseFormat | None = None
    logprobs: bool | None = None
    modalities: list[str] = field(default_factory=list)


class CompletionRequest(_Generation, frozen=True, kw_only=True):
    """Prompts to answer."""

    prompt: str | list[str | int | list[int]]
    logprobs: int | None = None
    echo: bool | None = None
    suffix: str | None = None
    best_of: int | None = None


class Job(Struct, frozen=True):
    """A checked request, the same for both endpoints: one answer for each of `asked`."""

    chat: bool
    asked: tuple[Asked, ...]
    counted: tuple[str, ...]
    stream: bool
    usage_wanted: bool
    max_tokens: int | None
    stops: tuple[str, ...]


def chat_job(body: bytes) -> Job:
    """The work that a chat request asks for. Raises Refusal."""
    request: ChatRequest = parsed(body, ChatRequest)
    _check(request)
    _check_chat(request)
    turns = [_turn(index, message) for index, message in enumerate(request.messages)]
    most = request.max_completion_tokens or request.max_tokens
    return _job(request, True, (asked(turns),), tuple(turn.text for turn in turns), most)


def completion_job(body: bytes) -> Job:
    """The work that a completion request asks for. Raises Refusal."""
    request: CompletionRequest = parsed(body, CompletionRequest)
    _check(request)
    _check_completion(request)
    prompts = [request.prompt] if isinstance(request.prompt, str) else request.prompt
    texts = tuple(text for text in prompts if isinstance(text, str))
    if len(texts) != len(prompts):
        raise unsupported(MODEL, "prompts given as token ids", "prompt")
    if not 1 <= len(texts) <= MOST_PROMPTS:
        raise Refusal(f"prompt has {len(texts)} items; 1 to {MOST_PROMPTS} are taken at once.", param="prompt")
    return _job(request, False, tuple(_prompt(text) for text in texts), texts, request.max_tokens)


def _job(
    request: _Generation, chat: bool, questions: tuple[Asked, ...], counted: tuple[str, ...], most: int | None
) -> Job:
    return Job(chat, questions, counted, bool(request.stream), request.usage_wanted, most, request.stops)


def _prompt(text: str) -> Asked:
    question, rest = split_question(text)
    return Asked(question, (rest,) if rest else ())


def _check(request: _Generation) -> None:
    if request.model != MODEL:
        raise model_not_found(request.model, MODEL)
    if (request.n or 1) > 1:
        raise unsupported(MODEL, f"n={request.n}: the same question always gets the same answer", "n")


def _check_chat(request: ChatRequest) -> None:
    if request.tools or request.functions:
        raise unsupported(MODEL, "tools", "tools" if request.tools else "functions")
    if request.response_format and request.response_format.type != "text":
        raise unsupported(MODEL, f"the response format {request.response_format.type!r}", "response_format")
    if request.logprobs:
        raise unsupported(MODEL, "logprobs: it has no token probabilities", "logprobs")
    if set(request.modalities) - {"text"}:
        raise unsupported(MODEL, "any output but text", "modalities")


def _check_completion(request: CompletionRequest) -> None:
    refused = {
        "logprobs": request.logprobs is not None,
        "echo": bool(request.echo),
        "suffix": bool(request.suffix),
        "best_of": (request.best_of or 1) > 1,
    }
    for name, given in refused.items():
        if given:
            raise unsupported(MODEL, name, name)


def _turn(index: int, message: Message) -> Turn:
    if message.role not in _ROLES:
        raise Refusal(f"messages[{index}].role is {message.role[:60]!r}.", param=f"messages[{index}].role")
    if isinstance(message.content, list):
        return Turn(message.role, "\n".join(_part(index, part) for part in message.content))
    return Turn(message.role, message.content or "")


def _part(index: int, part: Part) -> str:
    if part.type not in _CONTENT_KINDS:
        raise unsupported(MODEL, f"content of the type {part.type[:60]!r}; it reads text", f"messages[{index}].content")
    return part.text or part.refusal or ""
