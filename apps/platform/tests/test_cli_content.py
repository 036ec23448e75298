"""Commands for captured content, against a small server that speaks the API's wire format."""

import json
from typing import Any

import pytest

from apps.platform.tests.conftest import Contract, Lumina

ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
TRACE = "0af7651916cd43dd8448eb211c80319c"
PROJECT = {"id": ID, "slug": "research", "name": "Research", "created_at": "2026-11-20T12:00:00Z"}
CAPTURE = {
    "enabled": True,
    "retention_days": 30,
    "since": "2026-11-20T12:00:00Z",
    "changed_by": {"kind": "key", "id": ID, "name": "admin.key"},
}
RECORD: dict[str, Any] = {
    "trace_id": TRACE,
    "span_id": "b7ad6b7169203331",
    "at": "2026-11-20T12:00:00Z",
    "kind": "request",
    "source": "gateway",
    "route": "chat",
    "status": 200,
    "size_bytes": 12,
    "cut": False,
    "body": "what [red]ana[/red] asked",
}
GRANT = {
    "id": ID,
    "permission": "content.read",
    "holder_name": "ana",
    "granted_by": "admin.key",
    "why": "incident 7",
    "expires_at": "2026-11-21T12:00:00Z",
    "revoked_at": None,
}
CAPTURE_PATH = f"/api/governance/projects/{ID}/capture"


@pytest.mark.parametrize(
    ("flags", "method", "sent"),
    [
        ([], "GET", None),
        (["--on", "--days", "30"], "PUT", {"enabled": True, "retention_days": 30, "why": None}),
        (["--off", "--why", "done"], "PUT", {"enabled": False, "retention_days": None, "why": "done"}),
    ],
)
def test_capture_of_a_project_is_shown_and_switched(
    lumina: Lumina, contract: Contract, flags: list[str], method: str, sent: Any
) -> None:
    contract.answer("GET", "/api/governance/projects", [PROJECT])
    contract.answer(method, CAPTURE_PATH, CAPTURE)

    done = lumina("projects", "capture", "research", *flags)

    assert (done.status, "30" in done.out, "admin.key" in done.out) == (0, True, True)
    assert (contract.asked[-1].method, contract.asked[-1].body) == (method, sent)


@pytest.mark.parametrize(
    "arguments",
    [
        ["projects", "capture", "research", "--on"],
        ["content", "forget"],
        ["content", "forget", "t", "--all"],
        ["content", "show", TRACE],
    ],
)
def test_what_is_not_said_is_asked_for(lumina: Lumina, contract: Contract, arguments: list[str]) -> None:
    assert (lumina(*arguments).status, contract.asked) == (2, [])


def test_words_of_others_do_not_steer_the_terminal(lumina: Lumina, contract: Contract) -> None:
    body = "one\n\ttwo\x1b[2J\x1b]0;title\x07"
    contract.answer("GET", f"/api/telemetry/content/{TRACE}", [RECORD | {"body": body, "route": "a\x1b[31m"}])

    done = lumina("content", "show", TRACE, "--why", "a look")

    assert (done.status, "\x1b" in done.out, "\x07" in done.out) == (0, False, False)
    assert "two [2J" in done.out


def test_content_is_shown_with_the_request_first_and_as_it_is(lumina: Lumina, contract: Contract) -> None:
    answer = RECORD | {"kind": "answer", "body": '{"said": "answered:\\n\\nyes"}'}
    program = RECORD | {"span_id": "00f067aa0ba902b7", "at": "2026-11-20T12:00:01Z", "source": "otlp", "route": None,
                        "kind": "attributes", "body": {"gen_ai.prompt": "by OTLP"}}  # fmt: skip
    contract.answer("GET", f"/api/telemetry/content/{TRACE}", {"items": [program, RECORD, answer], "next_cursor": None})

    done = lumina("content", "show", TRACE, "--why", "incident 7", "--project", "research")

    assert done.status == 0
    told = ("REQUEST from the gateway", "what [red]ana[/red] asked", "ANSWER", "answered:\n\n    yes",
            "ATTRIBUTES from a program, by OTLP", "00f067aa0ba902b7", "gen_ai.prompt: by OTLP")  # fmt: skip
    places = [done.out.replace("\n  \n", "\n\n").index(each) for each in told]
    assert places == sorted(places)
    assert contract.asked[0].query == {"why": "incident 7"}
    assert contract.asked[0].headers["x-lumina-project"] == "research"


@pytest.mark.parametrize(("arguments", "path"), [([TRACE], f"/{TRACE}"), (["--all"], "")])
def test_content_is_forgotten(lumina: Lumina, contract: Contract, arguments: list[str], path: str) -> None:
    contract.answer("DELETE", f"/api/telemetry/content{path}", {"deleted": 2})

    done = lumina("content", "forget", *arguments, "--why", "she asked")

    assert (done.status, "2" in done.out, contract.asked[0].query) == (0, True, {"why": "she asked"})


@pytest.mark.parametrize(
    ("noun", "name", "row"), [("people", "ana", {"id": ID, "login": "ana"}), ("keys", "nb", {"id": ID, "name": "nb"})]
)
def test_reading_is_granted_to_people_and_keys(
    lumina: Lumina, contract: Contract, noun: str, name: str, row: dict[str, Any]
) -> None:
    contract.answer("GET", f"/api/governance/{noun}", [row])
    contract.answer("PUT", f"/api/governance/{noun}/{ID}/grants/content.read", GRANT)

    done = lumina(noun, "grant", name, "--hours", "24", "--why", "incident 7")

    assert (done.status, contract.asked[-1].body) == (0, {"hours": 24, "why": "incident 7"})


def test_accesses_and_grants_are_listed_and_a_grant_is_revoked(lumina: Lumina, contract: Contract) -> None:
    entry = {"at": "2026-11-20T12:00:00Z", "actor": {"name": "ana"}, "action": "content.read", "trace_id": TRACE}
    contract.answer("GET", "/api/governance/access", {"items": [entry | {"records": 2}], "next_cursor": None})
    contract.answer("GET", "/api/governance/grants", {"items": [GRANT], "next_cursor": None})
    contract.answer("DELETE", f"/api/governance/grants/{ID}", GRANT)
    contract.answer("GET", "/api/telemetry/content", {"items": [RECORD], "next_cursor": None})

    done = [
        lumina(*arguments)
        for arguments in (
            ["access", "ls", "--trace", TRACE], ["access", "grants"], ["access", "revoke", ID[:8]], ["content", "ls"],
        )
    ]  # fmt: skip

    assert [each.status for each in done] == [0, 0, 0, 0]
    assert all(word in done[0].out for word in ("ana", "read", TRACE))
    assert "incident 7" in done[1].out
    assert "ana" not in done[3].out


CHAT = [{"choices": [{"index": 0, "delta": {"role": "assistant", "content": part}}]} for part in ("", "Port ", "4000.")]
MESSAGES = [{"type": "message_start"}, {"type": "content_block_delta", "delta": {"text": "Port 4000."}}]
RESPONSES = [{"type": "response.output_text.delta", "delta": "Port 4000."}, {"type": "response.completed"}]
TOOL = {"choices": [{"index": 0, "delta": {"tool_calls": [{"id": "call_1"}]}}]}


@pytest.mark.parametrize(
    ("events", "shown"),
    [
        (CHAT, "streamed: Port 4000."),
        (MESSAGES, "streamed: Port 4000."),
        (RESPONSES, "streamed: Port 4000."),
        ([*CHAT, TOOL], '"call_1"'),
        (["neither"], 'data: "neither"'),
    ],
)
def test_words_of_a_stream_are_joined_and_what_else_it_holds_is_shown_as_it_is(
    lumina: Lumina, contract: Contract, events: list[Any], shown: str
) -> None:
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n"
    contract.answer("GET", f"/api/telemetry/content/{TRACE}", [RECORD | {"kind": "answer", "body": body}])

    assert shown in lumina("content", "show", TRACE, "--why", "a look").out
