"""Prices of answers, and estimates of requests."""

import pytest

from lumina_contracts.snapshot import Backend
from lumina_inference.gateway.answers import InputDetails, Usage
from lumina_inference.gateway.limits import Estimate
from lumina_inference.gateway.limits.pricing import cost_nano_usd, estimate

USAGE = Usage(prompt_tokens=100, completion_tokens=10, prompt_tokens_details=InputDetails(cached_tokens=60))


def backend(
    per_input: float | None = None, per_output: float | None = None, per_cached: float | None = None
) -> Backend:
    return Backend(
        id="b",
        provider="openai",
        model="m",
        url="http://b/v1",
        input_nano_usd_per_token=per_input,
        output_nano_usd_per_token=per_output,
        cached_input_nano_usd_per_token=per_cached,
    )


@pytest.mark.parametrize(
    ("prices", "cost"),
    [
        (backend(), None),
        (backend(2), 200),
        (backend(2, 5), 250),
        (backend(2, 5, 1), 190),
        (backend(2, 5, 0), 130),
        (backend(0.5, 0.26), 53),
    ],
)
def test_an_answer_costs_its_tokens_and_cached_ones_their_own_price(prices: Backend, cost: int | None) -> None:
    assert cost_nano_usd(prices, USAGE) == cost


def test_no_more_is_taken_for_cached_than_came_in() -> None:
    odd = Usage(prompt_tokens=10, prompt_tokens_details=InputDetails(cached_tokens=999))

    assert cost_nano_usd(backend(2, 5, 1), odd) == 10


def test_an_estimate_is_the_input_and_the_output_asked_for_at_the_dearest_price() -> None:
    assert estimate([backend(2, 5), backend(), backend(3, 1)], input_tokens=101, output_tokens=50) == Estimate(151, 452)
    assert estimate([], input_tokens=0, output_tokens=0) == Estimate(0, 0)
