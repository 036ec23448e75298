import pytest

from lumina_inference.embedded.conversation import Turn, asked, split_question


@pytest.mark.parametrize(
    ("text", "question", "rest"),
    [
        ("Paris is big. Where is it? Thanks.", "Where is it?", "Paris is big.\n\nThanks."),
        ("Is it? Or is it not?", "Or is it not?", "Is it?"),
        ("Facts here.\nTell me the facts", "Tell me the facts", "Facts here."),
        ("Tell me\n\n", "Tell me", ""),
        ("", "", ""),
    ],
)
def test_question_is_the_last_one_asked_else_the_last_line(text: str, question: str, rest: str) -> None:
    assert split_question(text) == (question, rest)


def test_context_is_everything_but_the_question_and_what_an_assistant_says_after_it() -> None:
    turns = [
        Turn("system", "S"),
        Turn("developer", "D"),
        Turn("user", "U1?"),
        Turn("assistant", "A1"),
        Turn("user", "Rest. Q?"),
        Turn("assistant", "A2"),
        Turn("tool", "T"),
    ]

    found = asked(turns)

    assert found.question == "Q?"
    assert found.context == ("S", "D", "U1?", "A1", "Rest.", "T")


def test_without_a_user_nothing_is_asked() -> None:
    assert asked([Turn("system", "S.")]).question == ""


def test_label_before_a_question_is_not_compared() -> None:
    assert asked([Turn("user", "A fact.\nQuestion: Where is it?")]).bare_question == "Where is it?"
