"""Cursors: what they name comes back, and what is not one is refused."""

import pytest

from lumina_kit.pages import BadCursor, cursor_of, page_after, page_of, position_of


def test_a_cursor_names_its_position() -> None:
    assert position_of(cursor_of("2026-11-20T00:00:00", "größer"), 2) == ("2026-11-20T00:00:00", "größer")


@pytest.mark.parametrize("cursor", ["", "a", "%%%", "////", cursor_of("one"), "é" * 10])
def test_what_is_no_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        position_of(cursor, 2)


def test_the_last_page_has_no_next() -> None:
    assert page_of([1, 2], 2, ["a", "b"]).next_cursor is None


def test_a_page_points_behind_its_last_row() -> None:
    page = page_of([1, 2, 3], 2, ["a", "b", "c"])

    assert (page.items, page.next_cursor) == ([1, 2], "b")


def test_rows_at_hand_are_paged_in_order_of_their_position() -> None:
    rows = ["c", "a", "b"]

    first = page_after(rows, str, None, 2)
    second = page_after(rows, str, first.next_cursor, 2)

    assert (first.items, second.items, second.next_cursor) == (["a", "b"], ["c"], None)
