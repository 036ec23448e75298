import pytest

from lumina_inference.config.tree import Unreadable, read_tree, walk

BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
)


def test_values_know_their_line_and_path() -> None:
    tree = read_tree("a: 1\nb:\n  - c: [x, 2]\n")

    assert {(value.path, value.line) for value in walk(tree)} == {
        ("", 1), ("a", 1), ("b", 2), ("b[0]", 3), ("b[0].c", 3), ("b[0].c[0]", 3), ("b[0].c[1]", 3),
    }  # fmt: skip


def test_scalars_are_read_as_litellm_reads_them() -> None:
    tree = read_tree("a: yes\nb: 1e3\nc: 0x10\nd: null\ne: 2026-11-20\nf: '1'\ng: 1.5\n")

    assert {name: value.data for name, value in (tree.mapping or {}).items()} == {
        "a": True, "b": "1e3", "c": 16, "d": None, "e": "2026-11-20", "f": "1", "g": 1.5,
    }  # fmt: skip


def test_anchors_and_merge_keys_unfold_and_own_keys_win() -> None:
    tree = read_tree("base: &b {x: 1, y: 2}\nother: {<<: *b, y: 3}\nlist: {<<: [{x: 5}, *b]}\n")

    mapping = tree.mapping or {}
    assert {name: value.data for name, value in (mapping["other"].mapping or {}).items()} == {"x": 1, "y": 3}
    assert {name: value.data for name, value in (mapping["list"].mapping or {}).items()} == {"x": 5, "y": 2}


@pytest.mark.parametrize("text", ["", "\n# only a comment\n", "---\n"])
def test_empty_file_is_an_empty_mapping(text: str) -> None:
    assert not read_tree(text).data


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: 1\nb: 2\na: 3", 3, "stands twice here, first in line 1"),
        ("a:\n\t- b", 2, "this is a tab"),
        ("a: 1\n---\nb: 2", 2, "another document"),
        ("a: *none", 1, "undefined alias"),
        ("a: 1\nx: !!python/object/apply:os.system [ls]", 2, "is not taken"),
        ("a: !Custom {b: 1}", 1, "is not taken"),
        ("? [a]\n: b", 1, "a key must be text"),
        ("a: {<<: 3}", 1, "takes a mapping"),
        ('a: 1\nb: "\x00"', 2, "control characters"),
        ("[" * 100_000, 1, "nested more than"),
        ("a: &a [*a]", 1, "unfold"),
        (BOMB, 1, "unfold"),
        ("- x\n" * 100_001, 100_000, "more than 100000 values"),
    ],
)
def test_what_cannot_be_used_is_named_with_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(Unreadable, match=says) as raised:
        read_tree(text)

    assert raised.value.line == line
