"""What is sent to every endpoint, with a marker of its own in each place where a person's text can stand."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from apps.platform.tests.marker_backend import MODES

Json = Any
NO_IDS: Mapping[str, str] = MappingProxyType({})
HTTP_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass
class Markers:
    """Gives each case a word that is nowhere else, and knows which case it was."""

    names: list[str] = field(default_factory=list)

    def new(self, name: str) -> "Said":
        self.names.append(name)
        return Said(f"zqv{len(self.names):05d}kx")

    def found_in(self, content: bytes) -> set[str]:
        """The cases whose marker is in it."""
        return {self.names[int(number) - 1] for number in re.findall(rb"zqv(\d{5})kx", content.lower())}


@dataclass(frozen=True)
class Said:
    """A marker, alone and in a sentence: the sentence is no identifier by anyone's rules."""

    word: str

    @property
    def text(self) -> str:
        return f"{self.word} said Ana, to nobody else"


@dataclass(frozen=True)
class Case:
    """One request. One of `body`, `form` and raw `content` is sent."""

    name: str
    method: str
    path: str
    body: Json = None
    form: Mapping[str, str] | None = None
    content: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    stranger: bool = False


def headers(said: Said) -> dict[str, str]:
    """Fields in which programs put words. (`tracestate` is not among them: it is there to be passed on.)"""
    names = (
        "user-agent", "referer", "x-title", "cookie", "x-request-id", "openai-organization", "openai-project",
        "anthropic-beta", "x-litellm-tags", "x-litellm-end-user-id", "x-litellm-session-id", "baggage",
        "traceparent", "accept-language", "x-stainless-lang", "idempotency-key",
    )  # fmt: skip
    return dict.fromkeys(names, said.text)


INFERENCE: Mapping[str, Callable[[str], dict[str, Json]]] = {
    "/v1/chat/completions": lambda t: {
        "messages": [
            {"role": "system", "content": t, "name": t},
            {"role": "user", "content": [{"type": "text", "text": t}, {"type": "image_url", "image_url": {"url": t}}]},
            {"role": "assistant", "content": t, "tool_calls": [_tool_call(t)]},
            {"role": "tool", "content": t, "tool_call_id": t},
        ],
        "tools": [{"type": "function", "function": {"name": t, "description": t, "parameters": {"title": t}}}],
        "stop": [t], "user": t, "metadata": {"note": t}, "prediction": {"type": "content", "content": t},
        "response_format": {"type": "json_schema", "json_schema": {"name": t, "description": t, "schema": {}}},
    },
    "/v1/completions": lambda t: {"prompt": t, "suffix": t, "stop": t, "user": t, "best_of": t},
    "/v1/embeddings": lambda t: {"input": [t, t], "user": t, "encoding_format": "float"},
    "/v1/responses": lambda t: {
        "input": [{"role": "user", "content": [{"type": "input_text", "text": t}]}], "instructions": t,
        "metadata": {"note": t}, "user": t, "prompt_cache_key": t, "safety_identifier": t,
    },
    "/v1/messages": lambda t: {
        "messages": [{"role": "user", "content": t}], "system": t, "max_tokens": 5, "stop_sequences": [t],
        "metadata": {"user_id": t}, "tools": [{"name": "n", "description": t, "input_schema": {"type": "object"}}],
    },
}  # fmt: skip
"""Bodies of the inference endpoints, but for the model. One that is missing here is filled from its schema."""


def _tool_call(text: str) -> dict[str, Json]:
    return {"id": text, "type": "function", "function": {"name": text, "arguments": text}}


_EMBEDDED = {"/v1/chat/completions": "lumina/extractive", "/v1/embeddings": "lumina/minilm"}


def gateway_cases(markers: Markers, document: Mapping[str, Json]) -> Iterator[Case]:
    """Every operation of the gateway's document; inference with each way in which a backend can end, and each error."""
    for method, path, operation in operations(document):
        if path in INFERENCE:
            yield from _inference(markers, path)
        elif "requestBody" in operation and path.startswith("/v1/"):
            raise AssertionError(f"{path} takes people's text: add its body to INFERENCE")
        else:
            yield from operation_cases(markers, document, method, path, operation)
    said = markers.new("gateway: a path that is not there")
    yield Case(said.word, "GET", f"/v1/{said.word}", headers=headers(said), query={"q": said.text})


def _inference(markers: Markers, path: str) -> Iterator[Case]:
    own = (_EMBEDDED[path],) if path in _EMBEDDED else ()
    for model in (*MODES, *own, None):
        for stream in (False, True):
            said = markers.new(f"POST {path} {model or 'unknown model'}{' streamed' if stream else ''}")
            body = {"model": model or said.text, "stream": stream, **INFERENCE[path](said.text)}
            yield Case(said.word, "POST", path, body, headers=headers(said), query={"q": said.text})
    for name, spoil in _SPOILED.items():
        said = markers.new(f"POST {path} {name}")
        whole = {"model": "echo", **INFERENCE[path](said.text)}
        yield Case(said.word, "POST", path, content=spoil(said.text, whole), headers=headers(said))
    said = markers.new(f"POST {path} without a key")
    yield Case(said.word, "POST", path, {"model": "echo", **INFERENCE[path](said.text)}, stranger=True)


_SPOILED: Mapping[str, Callable[[str, dict[str, Json]], bytes]] = {
    "broken JSON": lambda text, body: json.dumps(body).encode()[:-2],
    "no object": lambda text, body: json.dumps([text]).encode(),
    "no UTF-8": lambda text, body: text.encode() + b"\xff",
    "wrong types": lambda text, body: json.dumps(dict.fromkeys([*body, "stream", "stream_options"], text)).encode(),
    "numbers": lambda text, body: json.dumps({**dict.fromkeys(body, 1), text: text}).encode(),
    "fallbacks": lambda text, body: json.dumps({**body, "model": "fail", "fallbacks": [text]}).encode(),
    "tags": lambda text, body: json.dumps({**body, "tags": [text], "metadata": {"tags": [text]}}).encode(),
    "state": lambda text, body: json.dumps({**body, "previous_response_id": text}).encode(),
}


def operations(document: Mapping[str, Json]) -> Iterator[tuple[str, str, Mapping[str, Json]]]:
    """Every method, path and operation of an OpenAPI document."""
    for path, methods in document["paths"].items():
        for method in HTTP_METHODS:
            if method in methods:
                yield method.upper(), path, methods[method]


FILLED: Mapping[str, Callable[[str], Json]] = {
    "POST /key/generate": lambda t: {"key_alias": t, "metadata": {t: t}},
    "POST /api/governance/people": lambda t: {"login": t.partition(" ")[0], "display_name": t},
    "PATCH /api/governance/people/{person_id}": lambda t: {"display_name": t},
    "PUT /api/governance/projects/{project_id}/capture": lambda t: {"enabled": True, "retention_days": 1, "why": t},
}
"""Bodies that succeed, where the schema alone does not lead to one."""


def operation_cases(
    markers: Markers,
    document: Mapping[str, Json],
    method: str,
    path: str,
    operation: Mapping[str, Json],
    ids: Mapping[str, str] = NO_IDS,
) -> Iterator[Case]:
    """One operation: filled as its schema wants, with the marker as every value, broken, and by a stranger.

    `ids`: path parameters that name what is there; only what is filled goes to it.
    """
    media, schema = _body_schema(document, operation)
    for way, fill in (("filled", filled), ("all marker", marked)):
        said = markers.new(f"{method} {path} {way}")
        body = fill(document, schema, said) if schema is not None else None
        if way == "filled" and f"{method} {path}" in FILLED:
            body = FILLED[f"{method} {path}"](said.text)
        form = _form(body, said) if isinstance(body, dict) and "form" in media else None
        query = _queries(document, operation, way, said)
        where = _path(document, path, operation, said, fill, ids if way == "filled" else NO_IDS)
        sent = headers(said) if way == "filled" else headers(said) | {"origin": said.text}
        yield Case(said.word, method, where, None if form else body, form, headers=sent, query=query)
    said = markers.new(f"{method} {path} broken")
    where = _path(document, path, operation, said, filled)
    broken = b'{"a": "' + said.text.encode() if schema is not None else None
    yield Case(said.word, method, where, content=broken, headers=headers(said), query={said.word: said.text})
    said = markers.new(f"{method} {path} by a stranger")
    where = _path(document, path, operation, said, filled)
    yield Case(said.word, method, where, {"a": said.text} if schema else None, headers=headers(said), stranger=True)


_NO_WORDS = frozenset(
    {
        "cursor", "start", "end", "time", "at", "step", "since", "until", "limit", "actor", "subject", "severity",
        "min_severity", "level", "span", "window",
    }
)  # fmt: skip
_IN_QUERIES: Mapping[str, Callable[[str], str]] = {
    "query": lambda t: f'lumina_gateway_requests_total{{lumina_route="{t}"}}',
    "match[]": lambda t: f'lumina_gateway_requests_total{{lumina_route="{t}"}}',
    "metric": lambda t: "lumina_gateway_requests_total",
    "where": lambda t: f"http.route={t}",
}


def _queries(document: Json, operation: Json, way: str, said: Said) -> dict[str, str]:
    """Positions and times are none of the caller's words, and a wrong one would hide all others."""
    every = _parameters(document, operation, "query")
    if way != "filled":
        return {name: said.text for name, _ in every}
    words = [(name, of) for name, of in every if name not in _NO_WORDS]
    free = {name: str(filled(document, of, said)) for name, of in words if name not in _IN_QUERIES}
    return free | {name: _IN_QUERIES[name](said.text) for name, _ in words if name in _IN_QUERIES}


def _form(body: dict[str, str], said: Said) -> dict[str, str]:
    words = {name: value for name, value in body.items() if name not in _NO_WORDS}
    return {name: _IN_QUERIES[name](said.text) if name in _IN_QUERIES else value for name, value in words.items()}


def _path(document: Json, path: str, operation: Json, said: Said, fill: Any, ids: Mapping[str, str] = NO_IDS) -> str:
    given = {name: str(fill(document, of, said)) for name, of in _parameters(document, operation, "path")}
    known = {**given, **ids}
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: known.get(found[1], said.word).replace("/", ""), path)


def _parameters(document: Json, operation: Json, where: str) -> list[tuple[str, Json]]:
    every = [resolved(document, parameter) for parameter in operation.get("parameters", [])]
    return [(each["name"], each.get("schema", {})) for each in every if each["in"] == where]


def _body_schema(document: Json, operation: Json) -> tuple[str, Json]:
    for media, content in resolved(document, operation.get("requestBody", {})).get("content", {}).items():
        return media, content.get("schema", {})
    return "", None


def resolved(document: Json, schema: Json) -> Json:
    """What a `$ref` points to."""
    while "$ref" in schema:
        found = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    return schema


def marked(document: Json, schema: Json, said: Said, depth: int = 0) -> Json:
    """Every value of the schema is the marker, whatever it should be."""
    schema = resolved(document, schema)
    if "properties" in schema and depth < 8:
        return {name: marked(document, of, said, depth + 1) for name, of in schema["properties"].items()}
    return said.text


def filled(document: Json, schema: Json, said: Said, depth: int = 0) -> Json:
    """A value that fits the schema, with the marker wherever a text can stand."""
    schema = resolved(document, schema)
    for several in ("anyOf", "oneOf", "allOf"):
        if several in schema:
            return filled(document, _best(document, schema[several]), said, depth)
    if "const" in schema or "enum" in schema:
        return schema.get("const", (schema.get("enum") or [None])[0])
    kind = _kind(schema)
    if kind == "object":
        return _object(document, schema, said, depth)
    if kind == "array":
        return [filled(document, schema.get("items", {}), said, depth + 1)] if depth < 8 else []
    plain: dict[str, Json] = {"integer": schema.get("minimum", 1), "number": schema.get("minimum", 1), "boolean": False}
    return plain[kind] if kind in plain else _text(schema, said)


def _kind(schema: Json) -> str:
    """Of several types the first; they are written before `null`."""
    kind = schema.get("type", "object" if "properties" in schema else "string")
    return str(kind[0] if isinstance(kind, list) else kind)


def _object(document: Json, schema: Json, said: Said, depth: int) -> dict[str, Json]:
    """What is required, and what else takes free text: other optional fields often exclude each other."""
    known, required = schema.get("properties", {}), schema.get("required", [])
    if not known:
        return {said.text: said.text} if schema.get("additionalProperties") is not False else {}
    wanted = [name for name, of in known.items() if name in required or _is_free(document, of)]
    return {name: filled(document, known[name], said, depth + 1) for name in wanted if depth < 8}


def _is_free(document: Json, schema: Json) -> bool:
    schema = resolved(document, schema)
    if "anyOf" in schema:
        schema = _best(document, schema["anyOf"])
    if _kind(schema) == "object":
        return not schema.get("properties")
    return _kind(schema) == "string" and not schema.keys() & {"enum", "const", "format", "pattern"}


def _best(document: Json, branches: list[Json]) -> Json:
    """A text rather than anything else, and anything rather than null."""
    every = [resolved(document, branch) for branch in branches]
    order = {"string": 0, "null": 9}
    return min(every, key=lambda branch: order.get(_kind(branch), 1))


def _text(schema: Json, said: Said) -> str:
    formats = {"uuid": str(uuid4()), "date-time": "2126-11-20T12:00:00Z"}
    if schema.get("format") in formats:
        return formats[schema["format"]]
    texts = [said.text, said.word, f"{said.word}@example.org"]
    wanted, most = re.compile(schema.get("pattern", "")), schema.get("maxLength", 10**6)
    return next((text for text in texts if wanted.search(text) and len(text) <= most), said.text)
