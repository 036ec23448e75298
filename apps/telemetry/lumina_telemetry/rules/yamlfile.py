"""YAML read strictly: every value knows its line, and a field that nobody asked for is an error."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from lumina_telemetry.rules.durations import parse_seconds

MOST_BYTES = 1 << 20
_MOST_DIGITS = 9
_NULL = "tag:yaml.org,2002:null"
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class BadFile(Exception):
    """What is wrong with a file, and in which line."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


@dataclass(frozen=True)
class Value:
    """One value of the file. `where` names it in errors, such as `groups[0].rules[2].expr`."""

    node: Node
    where: str

    @property
    def line(self) -> int:
        return int(self.node.start_mark.line) + 1

    def wrong(self, why: str) -> BadFile:
        return BadFile(f"{self.where or 'the file'}: {why}", self.line)

    def text(self) -> str:
        if not isinstance(self.node, ScalarNode):
            raise self.wrong("must be text")
        return str(self.node.value)

    def seconds(self) -> float:
        try:
            return parse_seconds(self.text())
        except ValueError as error:
            raise self.wrong(str(error)) from None

    def whole(self) -> int:
        text = self.text()
        if not text.isdecimal() or len(text) > _MOST_DIGITS:
            raise self.wrong(f"{text!r} is not a whole number")
        return int(text)

    def flag(self) -> bool:
        if self.text() not in ("true", "false"):
            raise self.wrong(f"{self.text()!r} is neither true nor false")
        return self.text() == "true"

    def items(self) -> list["Value"]:
        if _is_null(self.node):
            return []
        if not isinstance(self.node, SequenceNode):
            raise self.wrong("must be a list")
        return [Value(node, f"{self.where}[{index}]") for index, node in enumerate(self.node.value)]

    def fields(self, *known: str) -> "Fields":
        """The fields of a mapping, which may have no others than these."""
        found = dict(self._pairs())
        for name, value in found.items():
            if name not in known:
                raise value.wrong(f"is not a known field; known are {', '.join(known)}")
        return Fields(self, found)

    def texts(self) -> dict[str, str]:
        """A mapping of text to text."""
        return {name: value.text() for name, value in self._pairs()}

    def _pairs(self) -> Iterator[tuple[str, "Value"]]:
        if _is_null(self.node):
            return
        if not isinstance(self.node, MappingNode):
            raise self.wrong("must be a mapping")
        seen = set()
        for key, node in self.node.value:
            name = str(key.value) if isinstance(key, ScalarNode) else "?"
            value = Value(node, f"{self.where}.{name}".lstrip("."))
            if name in seen:
                raise BadFile(f"{value.where}: is there twice", key.start_mark.line + 1)
            seen.add(name)
            yield name, value


@dataclass(frozen=True)
class Fields:
    """The fields of one mapping. An absent one reads as None, or raises where it is needed."""

    owner: Value
    found: Mapping[str, Value]

    def get(self, name: str) -> Value | None:
        value = self.found.get(name)
        return None if value is None or _is_null(value.node) else value

    def need(self, name: str) -> Value:
        value = self.get(name)
        if value is None:
            raise self.owner.wrong(f"{name} is missing")
        return value

    def text(self, name: str) -> str:
        value = self.get(name)
        return value.text() if value else ""

    def texts(self, name: str) -> dict[str, str]:
        value = self.get(name)
        return value.texts() if value else {}

    def seconds(self, name: str) -> float | None:
        value = self.get(name)
        return value.seconds() if value else None


def read(body: bytes) -> Value:
    """The document in a file. Raises BadFile."""
    if len(body) > MOST_BYTES:
        raise BadFile(f"the file has {len(body)} bytes; {MOST_BYTES} are the most", 1)
    try:
        node = yaml.compose(body.decode(), Loader=_Loader)  # nosec B506 - composing makes no objects
    except UnicodeDecodeError:
        raise BadFile("the file is not UTF-8 text", 1) from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadFile(f"no YAML: {error.problem}", line) from None
    except (yaml.YAMLError, RecursionError):
        raise BadFile("no YAML", 1) from None
    if node is None:
        raise BadFile("the file is empty", 1)
    return Value(node, "")


def _is_null(node: Node) -> bool:
    return isinstance(node, ScalarNode) and node.tag == _NULL
