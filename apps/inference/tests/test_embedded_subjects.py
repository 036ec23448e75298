"""Which subject a pronoun at the start of a sentence is compared as, and which word forms are one word."""

import pytest

from lumina_inference.embedded.subjects import named, subject_of
from lumina_inference.embedded.wordforms import stems


@pytest.mark.parametrize(
    ("sentence", "subject"),
    [
        ("The Vasa was a warship.", "The Vasa"),
        ("Ingrid Solheim bought the orchard.", "Ingrid Solheim"),
        ("The ingest service reads from the queue.", "The ingest service"),
        ("Lumina's gateway listens on port 4000.", "Lumina's gateway"),
        ("In August the birds leave.", ""),
        ("and so on", ""),
        ("A" * 500 + " is long.", ""),
    ],
)
def test_subject_is_what_stands_before_the_verb(sentence: str, subject: str) -> None:
    assert subject_of(sentence, "Somebody") == subject


def test_pronoun_stands_for_the_subject_and_hands_it_on() -> None:
    assert named("She sank in 1628.", "The Vasa") == "The Vasa sank in 1628."
    assert named("Its mast broke.", "The Vasa") == "The Vasa's mast broke."
    assert named("Item 4 is late.", "The Vasa") == "Item 4 is late."
    assert named("It sank.", "") == "It sank."
    assert subject_of("She sank in 1628.", "The Vasa") == "The Vasa"


@pytest.mark.parametrize(
    ("one", "other"), [("sink", "sank"), ("build", "built"), ("listens", "listen"), ("Lumina's", "Lumina")]
)
def test_forms_of_a_word_are_the_same_word(one: str, other: str) -> None:
    assert stems(one) == stems(other) != frozenset()
