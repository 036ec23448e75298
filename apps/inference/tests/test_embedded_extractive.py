import pytest

from apps.inference.tests.embedded_world import minilm
from apps.inference.tests.extractive_cases import (
    CASES,
    CONFIG,
    EXACT_CASES,
    HARBOUR,
    PORTS,
    UNSEEN_CASES,
    Case,
)
from lumina_inference.embedded.conversation import Turn, asked
from lumina_inference.embedded.extractive import NO_ANSWER, answer, candidates
from lumina_inference.embedded.minilm import shortened
from lumina_inference.embedded.sentences import sentences


def answered(context: str, question: str) -> str:
    found = candidates(asked([Turn("system", context), Turn("user", question)]))
    assert found is not None
    return answer(found, minilm().embed([shortened(each) for each in minilm().ids(found.texts)]))


def solved(case: Case) -> bool:
    given = answered(case.context, case.question)
    return given == NO_ANSWER if case.expected is None else case.expected in given


def made_up(context: str, given: str) -> str:
    """What is left of an answer without the sentences of the context."""
    for sentence in sentences(context):
        given = given.replace(sentence.text, "")
    return given.strip()


def test_right_sentence_is_in_nine_of_ten_answers_and_nothing_is_made_up() -> None:
    answerable = [case for case in CASES if case.expected is not None]
    unanswerable = [case for case in CASES if case.expected is None]

    assert sum(map(solved, answerable)) >= 0.9 * len(answerable)
    assert all(map(solved, unanswerable))


@pytest.mark.parametrize("case", EXACT_CASES, ids=lambda case: case.question)
def test_question_for_one_fact_gets_the_one_sentence_that_tells_it(case: Case) -> None:
    assert answered(case.context, case.question) == case.expected


def test_question_after_its_context_in_one_message_gets_one_sentence() -> None:
    found = candidates(asked([Turn("user", f"{PORTS} Where does the gateway listen?")]))
    assert found is not None

    given = answer(found, minilm().embed([shortened(each) for each in minilm().ids(found.texts)]))

    assert given == "Lumina's gateway listens on port 4000."


def test_right_sentence_is_in_nine_of_ten_answers_to_questions_that_nothing_was_tuned_on() -> None:
    assert sum(map(solved, UNSEEN_CASES)) >= 0.9 * len(UNSEEN_CASES)


def test_answers_are_short_and_verbatim() -> None:
    for case in CASES:
        given = answered(case.context, case.question)
        if given != NO_ANSWER:
            assert made_up(case.context, given) == ""
            assert len(given) < 0.7 * len(case.context)


def test_picked_sentences_keep_the_order_of_the_context() -> None:
    context = "Backups are made at night. Cats sleep. Backups are kept for a week."

    given = answered(context, "Are backups made, and are backups kept?")

    assert given == "Backups are made at night. Backups are kept for a week."


def test_question_asked_before_is_no_answer() -> None:
    context = "Which port does the gateway use?\nThe gateway listens on port 4000."

    assert answered(context, "Which port does the gateway use?") == "The gateway listens on port 4000."


def test_sentence_that_stands_twice_is_given_once() -> None:
    assert answered(f"{CONFIG}\n\n{CONFIG}", "Which port does the gateway use?").count("port 4000") == 1


def test_right_sentence_is_found_among_thousands() -> None:
    noise = "\n".join(f"Note {number} tells of the weather on day {number}." for number in range(3_000))

    assert "Marta Lindqvist" in answered(f"{noise}\n\n{HARBOUR}", "Who built the granite lighthouse?")


def test_nothing_is_picked_where_nothing_was_asked_or_given() -> None:
    assert candidates(asked([Turn("user", "Where is it?")])) is None
    assert candidates(asked([Turn("system", "A fact.")])) is None
    assert candidates(asked([Turn("user", "Context:\n---\nWhere is it?")])) is None
