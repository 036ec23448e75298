"""Settings: the environment over the file over defaults, and a clear word about what is wrong."""

from pathlib import Path
from typing import Annotated

import pytest
from msgspec import Meta, Struct

from lumina_kit.home import Home
from lumina_kit.settings import BadSetting, load


class Demo(Struct, frozen=True):
    size_bytes: Annotated[int, Meta(ge=1)] = 10
    wait_seconds: float = 1.5
    names: tuple[str, ...] = ()


def home_with(tmp_path: Path, text: str) -> Home:
    (tmp_path / "lumina.yaml").write_text(text)
    return Home(tmp_path)


def test_defaults_hold_without_a_file(tmp_path: Path) -> None:
    assert load(Demo, "demo", Home(tmp_path), {}) == Demo()


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    home = home_with(tmp_path, "demo:\n  size_bytes: 20\n  wait_seconds: 3\n")

    assert load(Demo, "demo", home, {"LUMINA_DEMO_SIZE_BYTES": "30"}) == Demo(size_bytes=30, wait_seconds=3)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("demo:\n  sise_bytes: 20\n", "sise_bytes"),
        ("demo:\n  size_bytes: 0\n", r"demo\.size_bytes is 0: Expected `int` >= 1"),
        ("demo:\n  size_bytes: many\n", r"demo\.size_bytes is 'many': Expected `int`"),
        ("demo:\n  names: [1, {}]\n", r"demo\.names is \[1, \{\}\]: Expected `str`"),
        ("demo: 7\n", "demo must be a mapping"),
        ("- 1\n", "demo must be a mapping"),
        ("a: [\n", "is not YAML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, names: str) -> None:
    with pytest.raises(BadSetting, match=names) as wrong:
        load(Demo, "demo", home_with(tmp_path, text), {})

    assert wrong.value.next_step


def test_a_hyphen_in_an_app_is_an_underscore_in_the_environment(tmp_path: Path) -> None:
    assert load(Demo, "my-app", Home(tmp_path), {"LUMINA_MY_APP_SIZE_BYTES": "3"}).size_bytes == 3


def test_a_list_can_be_given_in_the_environment(tmp_path: Path) -> None:
    assert load(Demo, "demo", Home(tmp_path), {"LUMINA_DEMO_NAMES": "a, b"}).names == ("a", "b")
