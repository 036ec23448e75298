import asyncio
import base64
import json
from typing import Any

import numpy as np
import pytest

from apps.inference.tests.embedded_world import BODY_BYTES, chat, error_of, minilm, sdk, serving
from lumina_inference.embedded.extractive import NO_CONTEXT

CHAT = "/v1/chat/completions"
EMBED = "/v1/embeddings"
CONTEXT = "The gateway listens on port 4000. The portal listens on port 4080. Keys are hashed."
QUESTION = "Which port does the gateway use?"
ANSWER = "The gateway listens on port 4000."
LIMIT = 254


async def test_sdk_gets_an_answer_with_usage() -> None:
    async with serving() as client:
        answer = await sdk(client).chat.completions.create(**chat(QUESTION, context=CONTEXT))

    assert answer.choices[0].message.content == ANSWER
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.prompt_tokens == minilm().count([CONTEXT, QUESTION])
    assert answer.usage.completion_tokens == minilm().count([ANSWER])


async def test_stream_says_the_same_as_the_plain_answer_and_ends_with_usage() -> None:
    async with serving() as client:
        request = chat(QUESTION, context=CONTEXT, stream=True, stream_options={"include_usage": True})
        chunks = [chunk async for chunk in await sdk(client).chat.completions.create(**request)]

    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == ANSWER
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage is not None
    assert all(chunk.usage is None for chunk in chunks[:-1])


async def test_stream_without_options_has_no_usage_and_closes_with_done() -> None:
    async with serving() as client:
        text = (await client.post(CHAT, json=chat(QUESTION, context=CONTEXT, stream=True))).text

    assert text.endswith("data: [DONE]\n\n")
    assert "usage" not in text


async def test_completions_answer_each_prompt() -> None:
    async with serving() as client:
        prompts = [f"{CONTEXT}\n\n{QUESTION}", f"{CONTEXT}\n\nWhat happens to keys?"]
        plain = await sdk(client).completions.create(model="lumina/extractive", prompt=prompts)
        stream = await sdk(client).completions.create(model="lumina/extractive", prompt=prompts, stream=True)
        streamed = [chunk.choices[0].text async for chunk in stream]

    assert [choice.text for choice in plain.choices] == [ANSWER, "Keys are hashed."]
    assert streamed == [ANSWER, "Keys are hashed."]


async def test_no_context_says_what_it_is_and_how_to_add_a_model() -> None:
    async with serving() as client:
        answer = await sdk(client).chat.completions.create(**chat("Hello!"))

    assert answer.choices[0].message.content == NO_CONTEXT
    assert "model_list:" in NO_CONTEXT


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_answer_is_cut_at_max_tokens(name: str) -> None:
    async with serving() as client:
        answer = await sdk(client).chat.completions.create(**chat(QUESTION, context=CONTEXT, **{name: 4}))

    assert answer.choices[0].message.content == "The gateway listens"
    assert answer.choices[0].finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 4


async def test_answer_ends_before_a_stop_sequence() -> None:
    async with serving() as client:
        answer = await sdk(client).chat.completions.create(**chat(QUESTION, context=CONTEXT, stop=[" port", "zzz"]))

    assert answer.choices[0].message.content == "The gateway listens on"
    assert answer.choices[0].finish_reason == "stop"


async def test_text_parts_and_empty_assistant_messages_are_read() -> None:
    messages: list[Any] = [
        {"role": "assistant", "content": None},
        {"role": "tool", "tool_call_id": "1", "content": CONTEXT},
        {
            "role": "user",
            "content": [{"type": "text", "text": "Which port"}, {"type": "text", "text": "is the portal's?"}],
        },
    ]
    async with serving() as client:
        answer = (await client.post(CHAT, json={"model": "lumina/extractive", "messages": messages})).json()

    assert answer["choices"][0]["message"]["content"] == "The portal listens on port 4080."


@pytest.mark.parametrize(
    ("more", "param"),
    [
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, "tools"),
        ({"functions": [{"name": "f"}]}, "functions"),
        ({"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": {}}}}, "response_format"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"modalities": ["audio"]}, "modalities"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            "messages[0].content",
        ),
    ],
)
async def test_what_it_cannot_do_is_refused_by_name(more: dict[str, Any], param: str) -> None:
    async with serving() as client:
        status, error = await error_of(client, CHAT, {**chat(QUESTION, context=CONTEXT), **more})

    assert (status, error["param"], error["code"]) == (400, param, "unsupported_parameter")
    assert "lumina/extractive does not support" in error["message"]


@pytest.mark.parametrize("more", [{"echo": True}, {"suffix": "x"}, {"best_of": 2}, {"logprobs": 1}, {"prompt": [1, 2]}])
async def test_completions_refuse_what_needs_a_language_model(more: dict[str, Any]) -> None:
    async with serving() as client:
        body = {"model": "lumina/extractive", "prompt": "x?", **more}
        status, error = await error_of(client, "/v1/completions", body)

    assert (status, error["param"]) == (400, next(iter(more)))


@pytest.mark.parametrize(
    "more", [{"tools": []}, {"response_format": {"type": "text"}}, {"n": 1}, {"temperature": 0.3, "zz": 1}]
)
async def test_empty_and_unknown_fields_change_nothing(more: dict[str, Any]) -> None:
    async with serving() as client:
        answer = (await client.post(CHAT, json=chat(QUESTION, context=CONTEXT, **more))).json()

    assert answer["choices"][0]["message"]["content"] == ANSWER


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (CHAT, b"{", 400, "invalid_json"),
        (CHAT, b"", 400, "invalid_json"),
        (CHAT, b"\xff\xfe", 400, "invalid_json"),
        (CHAT, b"[" * 50_000, 400, "invalid_type"),
        (CHAT, b'{"zz":' + b"[" * 50_000, 400, "invalid_json"),
        (CHAT, {"model": "lumina/extractive", "messages": []}, 400, "invalid_type"),
        (CHAT, {"model": "lumina/extractive", "messages": [{"role": "king", "content": "x"}]}, 400, "invalid_value"),
        (CHAT, {"model": "lumina/minilm", "messages": [{"role": "user", "content": "x"}]}, 404, "model_not_found"),
        (CHAT, b"x" * (BODY_BYTES + 1), 413, "body_too_large"),
        ("/v1/responses", {}, 404, "unknown_url"),
        (EMBED, {"model": "lumina/minilm", "input": ""}, 400, "invalid_value"),
        (EMBED, {"model": "lumina/minilm", "input": []}, 400, "invalid_value"),
        (EMBED, {"model": "lumina/minilm", "input": [[1, 2]]}, 400, "unsupported_value"),
        (EMBED, {"model": "lumina/minilm", "input": "x", "dimensions": 64}, 400, "unsupported_value"),
        (EMBED, {"model": "lumina/minilm", "input": "x", "truncate_prompt_tokens": 0}, 400, "invalid_value"),
        (EMBED, {"model": "lumina/minilm", "input": ["x"] * 2049}, 400, "invalid_value"),
        (EMBED, {"model": "other", "input": "x"}, 404, "model_not_found"),
        (EMBED, {"model": "lumina/minilm", "input": ["x", "word " * 255]}, 400, "context_length_exceeded"),
        (EMBED, {"model": "lumina/minilm", "input": "word " * 20_000}, 400, "context_length_exceeded"),
    ],
)
async def test_bad_request_gets_its_error_in_openais_shape(path: str, body: object, status: int, code: str) -> None:
    async with serving() as client:
        got, error = await error_of(client, path, body)

    assert (got, error["code"]) == (status, code)
    assert set(error) == {"message", "type", "param", "code"}


async def test_embeddings_as_floats_and_as_base64_are_the_same() -> None:
    async with serving() as client:
        strict = await sdk(client).embeddings.create(model="lumina/minilm", input=["a", "b c"])
        raw = (
            await client.post(
                EMBED, json={"model": "lumina/minilm", "input": ["a", "b c"], "encoding_format": "base64"}
            )
        ).json()

    decoded = [np.frombuffer(base64.b64decode(row["embedding"]), dtype="<f4") for row in raw["data"]]
    assert [row.index for row in strict.data] == [0, 1]
    assert strict.usage.prompt_tokens == 3
    for row, other in zip(strict.data, decoded, strict=True):
        assert np.array_equal(np.array(row.embedding, dtype=np.float32), other)


@pytest.mark.parametrize("asked", [{}, {"encoding_format": "float"}, {"encoding_format": "base64"}])
async def test_sdk_for_python_validates_its_embedding_whatever_it_asks_for(asked: Any) -> None:
    async with serving() as client:
        answer = await sdk(client).embeddings.create(model="lumina/minilm", input="a", **asked)

    assert [type(number) for number in answer.data[0].embedding] == [float] * 384


@pytest.mark.parametrize(
    ("language", "asked", "given"),
    [
        (None, None, list),
        (None, "float", list),
        (None, "base64", str),
        ("js", None, list),
        ("js", "base64", str),
        ("python", None, list),
        ("python", "base64", list),
    ],
)
async def test_embedding_is_encoded_as_its_client_can_read_it(
    language: str | None, asked: str | None, given: type
) -> None:
    headers = {"x-stainless-lang": language} if language else {}
    async with serving() as client:
        body = {"model": "lumina/minilm", "input": "a", "encoding_format": asked}
        answer = (await client.post(EMBED, json=body, headers=headers)).json()

    assert type(answer["data"][0]["embedding"]) is given


async def test_input_at_the_limit_is_embedded_and_a_longer_one_is_cut_only_on_request() -> None:
    async with serving() as client:

        async def embedded(text: str, **more: Any) -> tuple[int, str]:
            body = {"model": "lumina/minilm", "input": text, "encoding_format": "base64", **more}
            answer = (await client.post(EMBED, json=body)).json()
            return answer["usage"]["prompt_tokens"], answer["data"][0]["embedding"]

        whole = await embedded("word " * LIMIT)
        cut = await embedded("word " * 5_000, truncate_prompt_tokens=-1)
        short = await embedded("word " * 5_000, truncate_prompt_tokens=2)
        two = await embedded("word word")

    assert whole == cut
    assert whole[0] == LIMIT
    assert short == two


async def test_context_beyond_the_limit_is_refused() -> None:
    async with serving() as client:
        status, error = await error_of(client, CHAT, chat("What?", context="a " * 140_000))

    assert (status, error["code"], error["param"]) == (400, "context_length_exceeded", "messages")


async def test_request_beyond_the_queue_is_told_to_come_back() -> None:
    async with serving(places=2) as client:
        body = {"model": "lumina/minilm", "input": ["many words stand here. " * 40] * 40}
        answers = await asyncio.gather(*(client.post(EMBED, json=body) for _ in range(6)))
        after = await client.post(EMBED, json={"model": "lumina/minilm", "input": "x"})

    refused = [answer for answer in answers if answer.status_code == 429]
    assert refused
    assert len(answers) - len(refused) >= 2
    assert refused[0].headers["retry-after"] == "1"
    assert refused[0].json()["error"]["code"] == "rate_limit_exceeded"
    assert after.status_code == 200


async def test_short_request_is_answered_while_a_long_one_is_under_way() -> None:
    async with serving() as client:
        long = asyncio.create_task(
            client.post(EMBED, json={"model": "lumina/minilm", "input": ["many words. " * 60] * 60})
        )
        await asyncio.sleep(0)
        short = await client.post(EMBED, json={"model": "lumina/minilm", "input": "x"})
        pending = not long.done()
        await long

    assert short.status_code == 200
    assert pending


async def test_same_request_gets_the_same_answer() -> None:
    async with serving() as client:
        body = json.dumps(chat(QUESTION, context=CONTEXT)).encode()
        answers = [(await client.post(CHAT, content=body)).json() for _ in range(3)]

    assert len({json.dumps([answer["choices"], answer["usage"]]) for answer in answers}) == 1
