"""Where the conventions put prompts, answers and other words of people: the one table of what intake takes out.

A pattern is a name, in which `*` stands for anything; what matches `kept` stays. A whole namespace is listed where
senders put names of their own into it (LiteLLM writes every parameter of a call as `llm.<provider>.<parameter>`, and
what its caller says of it as `metadata.<name>`); elsewhere only what the conventions define, since applications have
attributes such as `input.rows`.

Texts of exceptions are among it, on every span and log record: providers quote the prompt in their errors, and the
exception of a model call passes through all spans around it. Its type stays, and of a stack trace the frames. The
setting `exception_texts` keeps them, for those whose exceptions quote nobody.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import translate
from types import MappingProxyType

RESERVED = "reserved"
"""Stands for a name of Lumina's own, which nobody else may use."""
EXCEPTIONS = "exceptions"
_MANY_NAMES = 16_384
_LONGEST_NAME = 256

Judge = Callable[[str], str | None]
"""Tells the convention of a name."""


@dataclass(frozen=True)
class Convention:
    """Names of one convention: attributes, and events (of a span, or log records) that are content as a whole."""

    name: str
    title: str
    attributes: tuple[str, ...]
    kept: tuple[str, ...] = ()
    events: tuple[str, ...] = ()


TABLE: tuple[Convention, ...] = (
    Convention(
        "gen_ai",
        "OpenTelemetry GenAI, today's and older ones",
        (
            "gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions", "gen_ai.prompt",
            "gen_ai.prompt.*", "gen_ai.completion", "gen_ai.completion.*", "gen_ai.content.*",
            "gen_ai.request.stop_sequences", "gen_ai.tool.call.arguments", "gen_ai.tool.call.result",
            "gen_ai.tool.definitions", "gen_ai.retrieval.documents", "gen_ai.retrieval.query.text",
            "gen_ai.evaluation.explanation", "gen_ai.request.instructions", "gen_ai.reasoning",
            "gen_ai.tool.message", "gen_ai.user.message", "gen_ai.system.message", "gen_ai.assistant.message",
            "gen_ai.choice", "gen_ai.memory.query.text", "gen_ai.memory.records", "mcp.request.argument",
            "mcp.request.params*", "mcp.response.value",
        ),
        kept=(
            "gen_ai.prompt.name", "gen_ai.prompt.id", "gen_ai.prompt.version", "gen_ai.completion.*.finish_reason",
        ),
        events=(
            "gen_ai.*.message", "gen_ai.choice", "gen_ai.content.*", "gen_ai.client.inference.operation.details",
        ),
    ),
    Convention(
        "openinference",
        "OpenInference (Arize, Phoenix)",
        (
            "llm.input*", "llm.output*", "llm.prompt*", "llm.completion*", "llm.message*", "llm.content*",
            "llm.choices*", "llm.function*", "llm.tools*", "llm.invocation_parameters*", "llm.headers", "llm.request",
            "llm.response", "llm.*.*", "input.value*", "input.audio*", "output.value*", "output.audio*",
            "message.content*", "message.name", "message.function_call*", "message.tool_calls*", "message.reasoning*",
            "message_content.*", "prompt.text", "completion.text", "document.content", "document.metadata*",
            "retrieval.documents*", "embedding.text*", "embedding.vector*", "embedding.embeddings*", "reranker.query",
            "reranker.input_documents*", "reranker.output_documents*", "tool.parameters*", "tool.json_schema",
            "tool.output", "tool_call.function.arguments*", "audio.transcript*", "audio.url*", "image.url*",
            "video.url*", "metadata", "*evaluation.explanation", "*evaluation.metadata*", "*annotation.explanation",
            "*annotation.metadata*",
        ),
        kept=(
            "llm.prompt_template.version", "llm.token_count.*", "llm.token.counts.*", "llm.usage.*", "llm.cost.*",
            "llm.request.type", "llm.request.model", "llm.request.model_name", "llm.request.max_tokens",
            "llm.request.temperature", "llm.request.top_p", "llm.request.repetition_penalty", "llm.response.model",
            "llm.response.model_name", "llm.response.id", "llm.response.cost", "llm.response.finish_reason",
            "llm.response.stop_reason", "message_content.type", "*.document.id", "*.document.score",
        ),
    ),
    Convention(
        "traceloop",
        "Traceloop (OpenLLMetry)",
        (
            "traceloop.entity.input", "traceloop.entity.output", "traceloop.prompt.template",
            "traceloop.prompt.template_variables", "gen_ai.task.input", "gen_ai.task.output", "gen_ai.headers",
            "db.query.result.document", "db.query.result.metadata", "db.query.embeddings.vector",
            "db.search.result.entity", "db.search.embeddings.vector", "db.marqo.search.query",
            "db.chroma.*.where_document", "pinecone.query.queries",
        ),
        events=("llm.content.*", "db.query.result", "db.search.result"),
    ),
    Convention(
        "litellm",
        "LiteLLM, with its Langfuse, Langtrace and Weave flavours",
        (
            "metadata.*", "litellm.metadata.*", "litellm.request.body", "litellm.guardrail.response",
            "guardrail_response", "guardrail_request", "litellm.team.metadata", "hidden_params",
            "langfuse.*.input", "langfuse.*.output", "langfuse.*metadata*",
            "langfuse.observation.model.parameters", "langfuse.observation.status_message", "weave.input*",
            "weave.output*",
        ),
        kept=(
            "metadata.user_api_key_hash", "metadata.user_api_key_*_id", "metadata.user_api_key_*_alias",
            "langfuse.observation.metadata.provider", "langfuse.trace.metadata.team_id",
            "langfuse.trace.metadata.team_alias",
        ),
    ),
    Convention(
        "mlflow",
        "MLflow",
        (
            "mlflow.spanInputs", "mlflow.spanOutputs", "mlflow.traceInputs", "mlflow.traceOutputs",
            "mlflow.chat.messages", "mlflow.chat.tools", "mlflow.trace.intermediate_outputs", "mlflow.trace.request*",
            "mlflow.trace.response*", "mlflow.spanDescription", "mlflow.traceTag.*",
        ),
        kept=("mlflow.traceTag.mlflow.*",),
    ),
    Convention(
        "others",
        "Vercel AI SDK, Google ADK, pydantic-ai, LiveKit, Laminar, Claude Code, and names without a namespace",
        (
            "ai.prompt", "ai.prompt.*", "ai.response.text", "ai.response.object", "ai.response.reasoning",
            "ai.response.toolCalls", "ai.result.*", "ai.toolCall.args", "ai.toolCall.result", "ai.value", "ai.values",
            "ai.embedding", "ai.embeddings", "ai.schema*", "ai.telemetry.metadata.*", "gcp.vertex.agent.llm_request",
            "gcp.vertex.agent.llm_response", "gcp.vertex.agent.tool_call_args", "gcp.vertex.agent.tool_response",
            "gcp.vertex.agent.data", "all_messages_events", "pydantic_ai.all_messages", "final_result",
            "tool_arguments", "tool_response", "agent.messages", "response.model_output", "lk.chat_ctx",
            "lk.input_text", "lk.instructions", "lk.user_input", "lk.user_transcript", "lk.response.text",
            "lk.response.function_calls", "lmnr.span.input", "lmnr.span.output", "messages", "prompt", "prompts",
            "completion", "completions", "input", "inputs", "output", "outputs", "user_prompt", "system_prompt",
            "new_context", "tool_input", "full_command",
        ),
        events=("tool.output",),
    ),
    Convention(
        EXCEPTIONS,
        "Texts of exceptions",
        ("exception.message", "exception.stacktrace", "exception", "error.message", "error.stack_trace", "error",
         "litellm.provider.error.stack_trace", "litellm.provider.error.message"),
    ),
)  # fmt: skip
EVENT_KEPT = frozenset({"event.name", "event_name", "role", "index", "finish_reason", "id"})
"""Attributes of an event of content that are none; the `gen_ai.*` ones beyond the table stay too."""


@dataclass(frozen=True)
class _Patterns:
    taken: re.Pattern[str]
    kept: re.Pattern[str]
    events: re.Pattern[str]

    def take(self, name: str) -> bool:
        return bool(self.taken.match(name)) and not self.kept.match(name)


def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, patterns)) or r"(?!)")


_COMPILED: Mapping[str, _Patterns] = MappingProxyType(
    {one.name: _Patterns(_compiled(one.attributes), _compiled(one.kept), _compiled(one.events)) for one in TABLE}
)


class _Remembered(dict[str, str | None]):
    """What was judged of names. They come from outside: so many are remembered, and none that is long."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def __missing__(self, name: str) -> str | None:
        convention = self._judge(name)
        if len(name) <= _LONGEST_NAME:
            if len(self) >= _MANY_NAMES:
                self.clear()
            self[name] = convention
        return convention


def _of_attribute(name: str) -> str | None:
    return next((convention for convention, patterns in _COMPILED.items() if patterns.take(name)), None)


def _of_foreign_attribute(name: str) -> str | None:
    return RESERVED if name.startswith("lumina.") else _of_attribute(name)


def _of_event(name: str) -> str | None:
    return next((convention for convention, patterns in _COMPILED.items() if patterns.events.match(name)), None)


of_attribute: Judge = _Remembered(_of_attribute).__getitem__
"""The convention by which an attribute holds content; None: it holds none."""
of_foreign_attribute: Judge = _Remembered(_of_foreign_attribute).__getitem__
"""As `of_attribute`, for a sender that is not Lumina: RESERVED for a name of Lumina's own."""
of_event: Judge = _Remembered(_of_event).__getitem__
"""The convention by which an event is content as a whole."""


def but_exceptions(judge: Judge) -> Judge:
    """The same without the texts of exceptions, for who wants to keep them."""

    def judged(name: str) -> str | None:
        convention = judge(name)
        return None if convention == EXCEPTIONS else convention

    return judged


_FRAME = re.compile(
    r'\s+File "[^"\n]+", line \d+, in [\w.<>]+|\s+at (?:async |new )?[\w.$<>/\[\]]*(?: ?\()?[^\s()]+:\d+(?::\d+)?\)?'
)
_TYPE = re.compile(r"[A-Za-z_][\w.]{0,127}(?=:|$)")


def frames(stack_trace: str) -> str:
    """The lines of a stack trace that name a place in the code (Python, Java, JavaScript); no messages."""
    return "\n".join(line for line in stack_trace.splitlines() if _FRAME.fullmatch(line))


def error_type(message: str) -> str:
    """What a message of the form `Type: text` begins with; SDKs write exceptions into a span's status that way."""
    found = _TYPE.match(message)
    return found[0] if found else ""
