"""YAML into a tree that knows its lines, read as LiteLLM reads it (PyYAML, YAML 1.1), with bounds on everything.

Duplicate keys and tags that make objects are errors. Aliases and merge keys work; what they unfold to is counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import yaml
from yaml.constructor import SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MOST_DEPTH = 32
MOST_NODES = 100_000
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE = "tag:yaml.org,2002:merge"
_STANDARD_TAG = "tag:yaml.org,2002:"
_TEXTS = frozenset({"str", "timestamp", "value"})
_TAGS = frozenset(_STANDARD_TAG + kind for kind in (*_TEXTS, "map", "seq", "int", "float", "bool", "null"))

Scalar = str | int | float | bool | None


@dataclass(frozen=True)
class Value:
    """A value and its place: the `line` of its key, or its own in a list; `start` and `end` are offsets in the text."""

    data: "Scalar | tuple[Value, ...] | dict[str, Value]"
    line: int
    path: str
    start: int
    end: int

    @property
    def mapping(self) -> "dict[str, Value] | None":
        return self.data if isinstance(self.data, dict) else None

    @property
    def items(self) -> "tuple[Value, ...] | None":
        return self.data if isinstance(self.data, tuple) else None

    @property
    def text(self) -> str | None:
        return self.data if isinstance(self.data, str) else None

    @property
    def kind(self) -> str:
        """What it is, in words for a message."""
        names = {dict: "a mapping", tuple: "a list", str: "text", bool: "true or false", type(None): "empty"}
        return names.get(type(self.data), "a number")


class Unreadable(Exception):
    """The text is no YAML that can be used; `line` counts from 1."""

    def __init__(self, line: int, message: str, path: str = "") -> None:
        super().__init__(message)
        self.line = line
        self.path = path
        self.message = message


def read_tree(text: str) -> Value:
    """The tree of the text's one document; an empty one is an empty mapping. Raises Unreadable."""
    try:
        _check_size(text)
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        raise _unreadable(error, text) from None
    except yaml.YAMLError as error:
        raise Unreadable(_line_of(text, getattr(error, "position", 0)), f"not YAML: {error}") from None
    if node is None:
        return Value({}, 1, "", 0, 0)
    return _Builder().value(node, "", node.start_mark.line + 1, 0)


def walk(value: Value) -> Iterator[Value]:
    """The value and all below it."""
    yield value
    for child in value.items or (value.mapping or {}).values():
        yield from walk(child)


def _check_size(text: str) -> None:
    """Refuse what is too deep or too large before anything recursive reads it."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        nodes += isinstance(event, yaml.NodeEvent)
        if depth > MOST_DEPTH or nodes > MOST_NODES:
            what = f"nested more than {MOST_DEPTH} deep" if depth > MOST_DEPTH else f"more than {MOST_NODES} values"
            mark = cast(yaml.Mark, event.start_mark)
            raise Unreadable(mark.line + 1, f"{what}; no gateway configuration is")


def _unreadable(error: yaml.MarkedYAMLError, text: str) -> Unreadable:
    mark = error.problem_mark or error.context_mark
    problem = error.problem or str(error)
    tab = mark is not None and text[mark.index : mark.index + 1] == "\t"
    hint = "; this is a tab, and YAML is indented with spaces" if tab else ""
    context = f" {error.context}" if error.context else ""
    return Unreadable(mark.line + 1 if mark else 1, f"not YAML:{context} {problem}{hint}")


def _line_of(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1


class _Builder:
    """Nodes into values; counts what aliases unfold to."""

    def __init__(self) -> None:
        self._count = 0
        self._scalars = SafeConstructor()

    def value(self, node: Node, path: str, line: int, depth: int) -> Value:
        self._count += 1
        if self._count > MOST_NODES or depth > MOST_DEPTH:
            raise Unreadable(line, "its aliases unfold to more than a gateway configuration can hold", path)
        if node.tag not in _TAGS:
            raise Unreadable(line, f"the tag {node.tag!r} is not taken", path)
        data: Scalar | tuple[Value, ...] | dict[str, Value]
        if isinstance(node, MappingNode):
            data = self._mapping(node, path, depth)
        elif isinstance(node, SequenceNode):
            data = tuple(self._items(node, path, depth))
        else:
            data = self._scalar(cast(ScalarNode, node), line, path)
        return Value(data, line, path, node.start_mark.index, node.end_mark.index)

    def _items(self, node: SequenceNode, path: str, depth: int) -> Iterator[Value]:
        for index, item in enumerate(node.value):
            yield self.value(item, f"{path}[{index}]", item.start_mark.line + 1, depth + 1)

    def _mapping(self, node: MappingNode, path: str, depth: int) -> dict[str, Value]:
        merged: dict[str, Value] = {}
        own: dict[str, Value] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag == _MERGE:
                # Of several merged mappings the first wins, as in YAML's own rule.
                merged = {**self._merged(value, path, depth), **merged}
                continue
            name = self._key(key, path)
            below = f"{path}.{name}" if path else name
            if name in own:
                raise Unreadable(line, f"the key {name!r} stands twice here, first in line {own[name].line}", below)
            own[name] = self.value(value, below, line, depth + 1)
        return {**merged, **own}

    def _merged(self, node: Node, path: str, depth: int) -> dict[str, Value]:
        sources = node.value if isinstance(node, SequenceNode) else [node]
        result: dict[str, Value] = {}
        for source in sources:
            if not isinstance(source, MappingNode):
                raise Unreadable(source.start_mark.line + 1, "'<<' takes a mapping", path)
            result = {**self._mapping_counted(source, path, depth), **result}
        return result

    def _mapping_counted(self, node: MappingNode, path: str, depth: int) -> dict[str, Value]:
        return self.value(node, path, node.start_mark.line + 1, depth + 1).mapping or {}

    def _key(self, node: Node, path: str) -> str:
        if isinstance(node, ScalarNode):
            return str(node.value)
        raise Unreadable(node.start_mark.line + 1, "a key must be text", path)

    def _scalar(self, node: ScalarNode, line: int, path: str) -> Scalar:
        kind = node.tag.removeprefix(_STANDARD_TAG)
        if kind in _TEXTS:
            return str(node.value)
        try:
            return cast(Scalar, self._scalars.construct_object(node))
        except ValueError:
            return str(node.value)
