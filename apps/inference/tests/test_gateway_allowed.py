import pytest

from lumina_contracts.snapshot import UNLIMITED, Limits, Route
from lumina_inference.gateway.allowed import allowed, visible


@pytest.mark.parametrize(
    ("models", "asked", "route", "is_allowed"),
    [
        (("gpt-4o",), "gpt-4o", "gpt-4o", True),
        (("gpt-4o",), "fast", "gpt-4o", True),  # an alias of a route that is named
        (("fast",), "fast", "gpt-4o", True),
        (("fast",), "gpt-4o", "gpt-4o", False),  # of the alias alone
        (("gpt-4o",), "gpt-4o-mini", "gpt-4o-mini", False),
        (("openai/*",), "openai/gpt-4o", "openai/*", True),
        (("openai/gpt-4o",), "openai/gpt-4o", "openai/*", True),
        (("openai/gpt-4o",), "openai/o3", "openai/*", False),
        (("openai/gpt*",), "openai/o3", "openai/*", False),
        (("openai/*",), "openai-cheap", "openai-cheap", False),
        (("*",), "m", "m", True),
        ((), "m", "m", False),
        (None, "m", "m", True),
    ],
)
def test_model_is_allowed_by_the_name_asked_for_or_its_route(
    models: tuple[str, ...] | None, asked: str, route: str, is_allowed: bool
) -> None:
    limits = Limits(models=models)

    assert allowed(limits, UNLIMITED, asked, route) is is_allowed
    assert allowed(UNLIMITED, limits, asked, route) is is_allowed


def test_model_must_be_allowed_by_both_key_and_project() -> None:
    assert not allowed(Limits(models=("a", "b")), Limits(models=("b", "c")), "a", "a")
    assert allowed(Limits(models=("a", "b")), Limits(models=("b", "c")), "b", "b")


def test_listing_shows_what_the_caller_may_use() -> None:
    routes = {"m": Route(name="m", backends=(), kinds=()), "o": Route(name="o", backends=(), kinds=())}
    listed = {**routes, "alias": routes["m"]}

    assert visible(UNLIMITED, UNLIMITED, listed) == ["alias", "m", "o"]
    assert visible(Limits(models=("m",)), UNLIMITED, listed) == ["alias", "m"]
    assert visible(Limits(models=("m",)), Limits(models=("alias",)), listed) == ["alias"]
