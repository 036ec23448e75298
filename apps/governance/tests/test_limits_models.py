from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from lumina_contracts import snapshot
from lumina_governance.errors import NoBudget
from lumina_governance.limits.models import UNLIMITED, Limits, LimitsUpdate


def limits(**fields: Any) -> Limits:
    return LimitsUpdate.model_validate(fields).applied(UNLIMITED)


@pytest.mark.parametrize(
    ("given", "nano"),
    [("0.1", 100_000_000), (0.1, 100_000_000), (5, 5 * 10**9), ("0.000000001", 1), ("999999999.999999999", 10**18 - 1)],
)
def test_budget_is_exact_to_the_nano_dollar(given: object, nano: int) -> None:
    assert limits(budget_usd=given).budget_nano_usd == nano


@pytest.mark.parametrize(
    "given", [-1, "1e10", "0.0000000001", 123456789.123456789, "NaN", "Infinity", True, "five", 1e999]
)
def test_budget_that_is_no_exact_amount_is_refused(given: object) -> None:
    with pytest.raises(ValidationError):
        LimitsUpdate.model_validate({"budget_usd": given})


@pytest.mark.parametrize(("given", "shown"), [("5.00", "5"), ("1000", "1000"), ("0.25", "0.25"), (0, "0")])
def test_budget_is_shown_as_a_plain_decimal(given: object, shown: str) -> None:
    assert limits(budget_usd=given).model_dump(mode="json")["budget_usd"] == shown


def test_limits_come_back_from_the_database_as_they_went() -> None:
    given = limits(models=["gpt-4o", "openai/*"], requests_per_minute=60, budget_usd="0.000000001", budget_period="day")

    assert Limits.stored(given.columns()) == given


def test_budget_without_a_period_is_per_month_and_keeps_the_one_it_had() -> None:
    per_day = limits(budget_usd=5, budget_period="day")

    assert limits(budget_usd=5).budget_period == "month"
    assert LimitsUpdate(budget_usd=Decimal(4)).applied(per_day).budget_period == "day"


def test_period_leaves_with_its_budget() -> None:
    after = LimitsUpdate(budget_usd=None).applied(limits(budget_usd=5, tokens_per_minute=9))

    assert after == limits(tokens_per_minute=9)


def test_period_without_a_budget_is_refused() -> None:
    with pytest.raises(NoBudget):
        limits(budget_period="day")


@pytest.mark.parametrize("models", [[], ["gpt-*-mini"], ["a b"], [""], ["\x00"], ["x" * 201], ["m"] * 201])
def test_malformed_models_are_refused(models: list[str]) -> None:
    with pytest.raises(ValidationError):
        LimitsUpdate.model_validate({"models": models})


@pytest.mark.parametrize(
    ("before", "after", "raised"),
    [
        ({}, {"requests_per_minute": 1, "budget_usd": 1, "models": ["m"]}, []),
        ({"requests_per_minute": 2}, {"requests_per_minute": 1}, []),
        ({"requests_per_minute": 2}, {"requests_per_minute": 3}, ["requests_per_minute"]),
        ({"tokens_per_minute": 2}, {}, ["tokens_per_minute"]),
        ({"models": ["openai/*", "m"]}, {"models": ["openai/gpt-4o", "openai/o*"]}, []),
        ({"models": ["openai/gpt-4o"]}, {"models": ["openai/*"]}, ["models"]),
        ({"models": ["m"]}, {}, ["models"]),
        ({"budget_usd": 5, "budget_period": "day"}, {"budget_usd": 5, "budget_period": "month"}, []),
        ({"budget_usd": 5, "budget_period": "month"}, {"budget_usd": 1, "budget_period": "day"}, ["budget_period"]),
        ({"budget_usd": 5}, {}, ["budget_usd"]),
    ],
)
def test_what_a_change_raises_is_named(before: dict[str, Any], after: dict[str, Any], raised: list[str]) -> None:
    assert limits(**after).exceeding(limits(**before)) == raised


def test_gateway_is_given_whole_nano_dollars() -> None:
    given = limits(models=["m"], tokens_per_minute=7, budget_usd="0.1", budget_period="day").for_gateway()

    assert given == snapshot.Limits(
        models=("m",), tokens_per_minute=7, budget_nano_usd=100_000_000, budget_period="day"
    )
    assert UNLIMITED.for_gateway() == snapshot.UNLIMITED
