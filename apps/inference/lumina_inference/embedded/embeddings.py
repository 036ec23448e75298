"""`/v1/embeddings` for `lumina/minilm`."""

import base64
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from lumina_inference.embedded.encoder import Encoder
from lumina_inference.embedded.minilm import DIMENSIONS, MAX_TOKENS, SPECIAL_TOKENS, Ids, Vectors, shortened
from lumina_inference.embedded.refusals import Refusal, model_not_found, parsed, too_long

MODEL = "lumina/minilm"
MOST_INPUTS = 2_048
MOST_TOKENS = 300_000  # of one request, as OpenAI has it
MOST_PIECES = MAX_TOKENS - SPECIAL_TOKENS  # of one text
_MAYBE_TOO_LONG = 8_192  # characters from which a text's word pieces are counted before it is encoded
_BEGINNING = 32_768  # characters that surely hold the word pieces to keep


Encoding = Literal["float", "base64"]


class EmbeddingRequest(Struct, frozen=True):
    """What a client sends. `truncate_prompt_tokens` is vLLM's: keep the first so many, -1 for as many as fit."""

    model: str
    input: str | list[str | int | list[int]]
    encoding_format: Encoding | None = None
    dimensions: Annotated[int, Meta(ge=1)] | None = None
    truncate_prompt_tokens: Annotated[int, Meta(ge=-1, le=MAX_TOKENS)] | None = None


async def embeddings(body: bytes, sdk: str | None, encoder: Encoder) -> bytes:
    """The JSON answer to the JSON request; `sdk` is the language of OpenAI's SDK, if one asks. Raises Refusal."""
    request: EmbeddingRequest = parsed(body, EmbeddingRequest)
    texts = _checked(request)
    ids = await _fitting(texts, request.truncate_prompt_tokens, encoder)
    vectors = await encoder.vectors(ids)
    tokens = sum(len(each) - SPECIAL_TOKENS for each in ids)
    return await encoder.worker.run(_answer, vectors, tokens, _encoding(request.encoding_format, sdk))


def _encoding(asked: Encoding | None, sdk: str | None) -> Encoding:
    """Floats, unless base64 was asked for by anyone but OpenAI's SDK for Python.

    That one asks for base64 whenever its caller names no encoding, decodes only what is a string, and with its strict
    validation on refuses strings altogether. The one for Node asks likewise, and always decodes.
    """
    return "float" if sdk == "python" else asked or "float"


def _checked(request: EmbeddingRequest) -> list[str]:
    if request.model != MODEL:
        raise model_not_found(request.model, MODEL)
    if request.dimensions not in (None, DIMENSIONS):
        raise Refusal(
            f"{MODEL} has {DIMENSIONS} dimensions and was not trained to be cut to {request.dimensions}.",
            param="dimensions", code="unsupported_value",
        )  # fmt: skip
    if request.truncate_prompt_tokens == 0:
        raise Refusal(
            "truncate_prompt_tokens is 0; give 1 or more, or -1 for as many as fit.", param="truncate_prompt_tokens"
        )
    texts = [request.input] if isinstance(request.input, str) else request.input
    if not 1 <= len(texts) <= MOST_INPUTS:
        raise Refusal(f"input has {len(texts)} items; 1 to {MOST_INPUTS} are taken at once.", param="input")
    return [_text(index, text) for index, text in enumerate(texts)]


def _text(index: int, item: str | int | list[int]) -> str:
    if not isinstance(item, str):
        raise Refusal(
            f"{MODEL} takes text, not token ids: they are numbers of another model's vocabulary. "
            "With LangChain's OpenAIEmbeddings, set check_embedding_ctx_length=False.",
            param="input", code="unsupported_value",
        )  # fmt: skip
    if not item:
        raise Refusal(f"input[{index}] is empty.", param="input")
    return item


async def _fitting(texts: Sequence[str], truncate: int | None, encoder: Encoder) -> list[Ids]:
    """The word pieces of each text, cut if the client asked for that. Raises Refusal for what is too long."""
    if truncate is not None:
        most = MOST_PIECES if truncate == -1 else min(truncate, MOST_PIECES)
        beginnings = [text[:_BEGINNING] for text in texts]
        return [shortened(each, most + SPECIAL_TOKENS) for each in await encoder.ids(beginnings)]
    await _refuse_giants(texts, encoder)
    ids = await encoder.ids(texts)
    for index, each in enumerate(ids):
        if len(each) > MAX_TOKENS:
            raise _overlong(index, f"{len(each) - SPECIAL_TOKENS}")
    if sum(map(len, ids)) > MOST_TOKENS:
        raise too_long(f"The inputs have {sum(map(len, ids))} word pieces; a request may have {MOST_TOKENS}.", "input")
    return ids


async def _refuse_giants(texts: Sequence[str], encoder: Encoder) -> None:
    for index, text in enumerate(texts):
        if len(text) > _MAYBE_TOO_LONG and await encoder.count([text], MOST_PIECES) > MOST_PIECES:
            raise _overlong(index, f"more than {MOST_PIECES}")


def _overlong(index: int, found: str) -> Refusal:
    return too_long(
        f"input[{index}] has {found} word pieces; {MODEL} takes {MOST_PIECES}. "
        "Split it, or send truncate_prompt_tokens=-1 to embed its beginning.",
        "input",
    )


def _answer(vectors: Vectors, tokens: int, encoding: Encoding) -> bytes:
    values = [_encoded(vectors, row, encoding) for row in range(len(vectors))]
    data = [{"object": "embedding", "index": index, "embedding": value} for index, value in enumerate(values)]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return msgspec.json.encode({"object": "list", "data": data, "model": MODEL, "usage": usage})


def _encoded(vectors: Vectors, row: int, encoding: Encoding) -> list[float] | str:
    if encoding == "base64":
        return base64.b64encode(vectors[row].astype("<f4").tobytes()).decode()
    values: list[float] = vectors[row].tolist()
    return values
