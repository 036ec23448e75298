from time import perf_counter

import pytest

from lumina_inference.embedded.sentences import sentences


def texts(text: str) -> list[str]:
    return [sentence.text for sentence in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Dr. Smith paid $3.50 on Jan. 3. He left.", ["Dr. Smith paid $3.50 on Jan. 3.", "He left."]),
        ("It is v1.2.3 of node.js and iOS. Good.", ["It is v1.2.3 of node.js and iOS.", "Good."]),
        ('"Why?" she said. (See Fig. 2.) End.', ['"Why?" she said.', "(See Fig. 2.)", "End."]),
        ("# Title\nProse.\n- one\n- two\n1. first", ["# Title", "Prose.", "- one", "- two", "1. first"]),
        ("port: 4000\nhost: localhost", ["port: 4000", "host: localhost"]),
        ("今日は晴れです。明日は雨です。", ["今日は晴れです。", "明日は雨です。"]),
        ("  \n\n ", []),
    ],
)
def test_text_falls_into_sentences(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


def test_hard_wrapped_sentence_stays_one_and_keeps_its_line_break() -> None:
    text = "The ferry leaves every morning at a quarter past\nseven and comes back at dusk. It is slow."

    assert texts(text)[0] == "The ferry leaves every morning at a quarter past\nseven and comes back at dusk."


def test_every_sentence_is_a_verbatim_piece_in_order() -> None:
    text = "A first one, e.g. this.\n\n* item (with a note).\nLast: done... Yes!\ttabs too."
    position = 0

    for sentence in texts(text):
        position = text.index(sentence, position) + len(sentence)


@pytest.mark.parametrize("junk", ["." * 400_000, "a." * 200_000, ". " * 200_000, "a\n" * 200_000, " " * 400_000])
def test_hostile_text_costs_time_in_proportion_to_its_length(junk: str) -> None:
    begun = perf_counter()
    sentences(junk[: len(junk) // 10])
    tenth = perf_counter() - begun
    begun = perf_counter()
    sentences(junk)

    # Quadratic work would take a hundred times as long; the floor keeps the noise of a fast tenth out.
    assert perf_counter() - begun < 50 * max(tenth, 0.05)
