"""What is asked: the few fields the gateway reads of a request body, with all others untouched."""

import hashlib
import re
from collections.abc import Mapping

from msgspec import DecodeError, Raw, Struct, ValidationError, json
from msgspec.structs import replace

from lumina_inference.gateway import wishes
from lumina_inference.gateway.errors import BadJson, BadRequest, MissingParameter, TooManyMessages
from lumina_inference.gateway.index import Target
from lumina_inference.gateway.operations import Operation
from lumina_inference.gateway.wishes import NONE, Wishes

_NULL, _TRUE, _FALSE = b"null", b"true", b"false"
_MAX_MODEL = 256
_FEW_MEMBERS = 10_000
_MAX_UNKNOWN_BYTES = 2**20
_MOST_DIGITS = 9
_BYTES_PER_TOKEN = 4
_TOKENS_CARRIED = 1_000
_ENCODED = b";base64,"
_CARRIED = re.compile(rb";base64,[A-Za-z0-9+/=]*")
_STATEFUL = ("previous_response_id", "conversation", "background")
_NOT_STORED = Raw(_FALSE)
_WITH_USAGE = Raw(b'{"include_usage":true}')

_fields_decoder = json.Decoder(dict[str, Raw])


class _Bulky(Struct):
    """The fields that may rightly be large."""

    messages: Raw = Raw(b"")
    prompt: Raw = Raw(b"")
    input: Raw = Raw(b"")
    tools: Raw = Raw(b"")
    functions: Raw = Raw(b"")
    response_format: Raw = Raw(b"")


_bulky_decoder = json.Decoder(_Bulky)


class Ask(Struct, eq=False):
    """A checked request body.

    `usage_options`: the stream options with which a backend sends its usage event; None if this is no stream.
    `hides_usage`: the caller did not ask for that event. `input_tokens` is an estimate, `most_tokens` what the caller
    allows the answer.
    """

    operation: Operation
    fields: dict[str, Raw]
    model: str
    stream: bool
    usage_options: Raw | None
    hides_usage: bool
    prompt_sha256: str
    input_tokens: int
    most_tokens: int | None
    wishes: Wishes = NONE

    def body_for(self, target: Target) -> bytes:
        """The body as the backend gets it: its own model name, every other field byte for byte."""
        changed = {"model": target.model}
        if self.usage_options is not None:
            changed["stream_options"] = self.usage_options
        if self.operation.form == "responses":
            changed["store"] = _NOT_STORED
        filling = target.fillings.get(self.operation.path) if target.fillings else None
        fields = self.fields if filling is None else filling.filled(self.fields)
        return json.encode(fields | changed)

    def without_usage(self) -> "Ask":
        """The same for a backend that does not know the option: only what the caller asked for."""
        return replace(self, usage_options=None, hides_usage=False)


def parse(body: bytes, operation: Operation, max_messages: int, headers: Mapping[str, str]) -> Ask:
    """Check a body. Raises BadRequest leaves that name what is wrong."""
    fields = _fields(body)
    _check_present(fields, operation)
    prompt = bytes(fields[operation.prompt])
    if operation.prompt == "messages":
        _check_messages(prompt, max_messages)
    if operation.form == "responses":
        _check_stateless(fields)
    stream = operation.streams and _flag(fields, "stream")
    options, hides = _usage_options(fields) if stream and operation.form == "chat" else (None, False)
    ask = Ask(
        operation=operation,
        fields=fields,
        model=_model(fields["model"]),
        stream=stream,
        usage_options=options,
        hides_usage=hides,
        prompt_sha256=hashlib.sha256(prompt).hexdigest(),
        input_tokens=_tokens(prompt),
        most_tokens=_most_tokens(fields, operation),
    )
    wished = wishes.read(headers, fields)
    return ask if wished is NONE else replace(ask, wishes=wished, fields=_for_backends(fields))


def _tokens(prompt: bytes) -> int:
    """An estimate: a token for four bytes, and a fixed number for each image or file that the prompt carries."""
    if _ENCODED in prompt:
        prompt, carried = _CARRIED.subn(b"", prompt)
    else:
        carried = 0
    return len(prompt) // _BYTES_PER_TOKEN + 1 + carried * _TOKENS_CARRIED


def _for_backends(fields: dict[str, Raw]) -> dict[str, Raw]:
    return {name: value for name, value in fields.items() if name not in wishes.IN_BODY}


def _most_tokens(fields: dict[str, Raw], operation: Operation) -> int | None:
    """The caller's limit on the answer, if it is one."""
    for name in operation.limit:
        text = bytes(fields.get(name, _NULL))
        if text.isdigit():
            return int(text[:_MOST_DIGITS])
    return None


def _check_stateless(fields: dict[str, Raw]) -> None:
    """Nothing is kept between requests, so what would need that is refused."""
    for name in _STATEFUL:
        if bytes(fields.get(name, _NULL)) not in (_NULL, _FALSE):
            raise BadRequest(
                f"'{name}' is not supported: this gateway keeps no responses. Send the whole conversation in 'input'.",
                param=name,
            )


def _fields(body: bytes) -> dict[str, Raw]:
    if not body.strip():
        raise BadJson("The request has no body; send a JSON object.")
    try:
        if not body.isascii():
            body.decode()  # Raw values are not looked into, so a broken string would pass
        _check_unknown_size(body)
        return _fields_decoder.decode(body)
    except UnicodeDecodeError as error:
        raise BadJson(f"The request body is not UTF-8: {error.reason} at byte {error.start}.") from None
    except RecursionError:
        raise BadJson("The request body is nested too deeply.") from None
    except ValidationError:
        raise BadJson("The request body must be a JSON object.") from None
    except DecodeError as error:
        raise BadJson(f"The request body is not JSON: {error}.") from None


def _check_unknown_size(body: bytes) -> None:
    """Millions of small members would cost twenty times their size once they are objects."""
    if body.count(b":") <= _FEW_MEMBERS:
        return
    bulky = _bulky_decoder.decode(body)
    known = sum(len(memoryview(value)) for value in (getattr(bulky, name) for name in _Bulky.__struct_fields__))
    if len(body) - known > _MAX_UNKNOWN_BYTES:
        raise BadRequest(f"The parameters beside the prompt take more than {_MAX_UNKNOWN_BYTES:,} bytes.")


def _check_present(fields: dict[str, Raw], operation: Operation) -> None:
    for name in operation.needs:
        if bytes(fields.get(name, _NULL)) == _NULL:
            raise MissingParameter(f"Missing required parameter: '{name}'.", param=name)


def _model(raw: Raw) -> str:
    try:
        model = json.decode(raw, type=str)
    except (DecodeError, UnicodeDecodeError):
        raise BadRequest("'model' must be a string.", param="model") from None
    if not 0 < len(model) <= _MAX_MODEL:
        raise BadRequest(f"'model' must have 1 to {_MAX_MODEL} characters.", param="model")
    return model


def _check_messages(messages: bytes, most: int) -> None:
    if not messages.startswith(b"["):
        raise BadRequest("'messages' must be an array.", param="messages")
    # Within a string the quotes are escaped, so this counts the members named "role": cheap, and needs no objects.
    count = messages.count(b'"role"')
    if count > most:
        raise TooManyMessages(
            f"Invalid 'messages': array too long. Expected at most {most} messages, but got {count}.", param="messages"
        )


def _flag(fields: dict[str, Raw], name: str) -> bool:
    value = bytes(fields.get(name, _FALSE))
    if value not in (_TRUE, _FALSE, _NULL):
        raise BadRequest(f"'{name}' must be true or false.", param=name)
    return value == _TRUE


def _usage_options(fields: dict[str, Raw]) -> tuple[Raw, bool]:
    """The stream options that make the backend send its usage event, and whether the caller did not ask for it."""
    given = fields.get("stream_options")
    if given is None or bytes(given) == _NULL:
        return _WITH_USAGE, True
    try:
        options = json.decode(given, type=dict[str, Raw])
        asked = _flag(options, "include_usage")
    except (DecodeError, BadRequest):
        raise BadRequest("'stream_options' must be an object.", param="stream_options") from None
    return Raw(json.encode(options | {"include_usage": Raw(_TRUE)})), not asked
