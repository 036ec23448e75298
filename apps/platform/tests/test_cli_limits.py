"""Limits on the command line: what it asks for, what it refuses, and how they are shown."""

import json
from typing import Any

import pytest

from apps.platform.tests.conftest import Contract, Lumina

LIMITS = {
    "models": ["gpt-4o", "openai/*"],
    "requests_per_minute": 60,
    "tokens_per_minute": 100_000,
    "budget_usd": "5",
    "budget_period": "day",
}
KEY = {
    "id": "7c9e6679-7425-40de-944b-e07fc1f90ae7", "name": "notebook", "role": None, "scopes": ["inference"],
    "last_four": "wxyz", "created_at": "2026-11-20T12:00:00Z", "expires_at": None, "revoked_at": None, "limits": LIMITS,
}  # fmt: skip
PROJECT = {"id": "1b4e28ba-2fa1-41d2-883f-0016d3cca427", "slug": "research", "name": "Research", "limits": LIMITS}
SHOWN = "models gpt-4o, openai/*; 60 requests per minute; 100,000 tokens per minute; 5 USD per day"
FLAGS = ["--model", "gpt-4o", "--model", "openai/*", "--rpm", "60", "--tpm", "100000", "--budget", "5/day"]


def test_a_new_key_is_asked_for_with_its_limits(lumina: Lumina, contract: Contract) -> None:
    contract.answer("POST", "/api/governance/keys", KEY | {"secret": "lum_new"}, 201)

    done = lumina("keys", "create", "notebook", *FLAGS)

    assert contract.asked[0].body["limits"] == LIMITS
    assert SHOWN in done.out


@pytest.mark.parametrize(
    ("noun", "name", "row"), [("keys", "notebook", KEY), ("projects", "research", PROJECT), ("keys", "7c9e", KEY)]
)
def test_limits_are_changed_by_name_and_shown(
    lumina: Lumina, contract: Contract, noun: str, name: str, row: dict[str, Any]
) -> None:
    contract.answer("GET", f"/api/governance/{noun}", [row])
    contract.answer("PATCH", f"/api/governance/{noun}/{row['id']}", row)

    done = lumina(noun, "limit", name, "--rpm", "30", "--remove", "budget", "--remove", "models")

    assert contract.asked[-1].body == {"limits": {"requests_per_minute": 30, "budget_usd": None, "models": None}}
    assert SHOWN in done.out
    assert json.loads(lumina(noun, "limit", name, "--rpm", "30", "--json").out) == row


@pytest.mark.parametrize(("noun", "row"), [("keys", KEY), ("projects", PROJECT)])
def test_a_listing_shows_limits(lumina: Lumina, contract: Contract, noun: str, row: dict[str, Any]) -> None:
    contract.answer("GET", f"/api/governance/{noun}", [row])

    assert SHOWN in lumina(noun, "ls").out
    assert json.loads(lumina(noun, "ls", "--json").out) == [row]


@pytest.mark.parametrize(
    ("budget", "asked"),
    [
        ("12.50/month", {"budget_usd": "12.50", "budget_period": "month"}),
        ("$0.000000001/day", {"budget_usd": "0.000000001", "budget_period": "day"}),
        ("0", {"budget_usd": "0", "budget_period": "month"}),
    ],
)
def test_a_budget_is_sent_exactly(lumina: Lumina, contract: Contract, budget: str, asked: dict[str, str]) -> None:
    contract.answer("POST", "/api/governance/keys", KEY | {"secret": "lum_new"}, 201)

    lumina("keys", "create", "notebook", "--budget", budget)

    assert contract.asked[0].body["limits"] == asked


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        ([], "Name a limit"),
        (["--budget", "five/day"], "is no budget"),
        (["--budget", "5/week"], "is no budget"),
        (["--budget=-5/day"], "is no budget"),
        (["--budget", "nan"], "is no budget"),
        (["--budget", "5/"], "is no budget"),
        (["--rpm", "0"], "--rpm"),
        (["--rpm", "5", "--remove", "rpm"], "set and removed at once"),
        (["--remove", "everything"], "--remove"),
    ],
)
def test_limits_that_cannot_be_are_wrong_usage(
    lumina: Lumina, contract: Contract, flags: list[str], reason: str
) -> None:
    done = lumina("keys", "limit", "notebook", *flags)

    assert done.status == 2
    assert reason in done.err
    assert contract.asked == []
