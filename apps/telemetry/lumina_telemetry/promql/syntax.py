"""PromQL text to a tree, and the refusal of what the engine does not evaluate."""

import re
from collections.abc import Callable
from datetime import timedelta

import promql_parser as parser

from lumina_telemetry.promql.errors import SUPPORTED, UnsupportedPromql
from lumina_telemetry.promql.models import Node

LONGEST = 8192
DEEPEST = 64
MOST_OPERATORS = 400
"""The parser's time grows with the square of their number."""
LONGEST_TIME = timedelta(days=36_500)
_TEXT = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|`[^`]*`')
_OPERATOR = re.compile(r"[-+*/%^<>=!(]|\b(?:and|or|unless|atan2)\b", re.IGNORECASE)
WINDOW_FUNCTIONS = frozenset(
    {"rate", "increase", "delta", "irate", "idelta", "changes", "resets"}
    | {f"{name}_over_time" for name in ("sum", "avg", "min", "max", "count", "last", "present")}
)
POINTWISE = frozenset({"abs", "ceil", "floor", "exp", "ln", "log2", "log10", "sqrt", "sgn"})
CLAMPS = frozenset({"clamp", "clamp_min", "clamp_max"})
OTHER_FUNCTIONS = frozenset({"histogram_quantile", "absent", "vector", "scalar", "time", "round"})
FUNCTIONS = WINDOW_FUNCTIONS | POINTWISE | CLAMPS | OTHER_FUNCTIONS
AGGREGATIONS = frozenset({"sum", "avg", "min", "max", "count", "group", "topk", "bottomk"})
OPERATORS = frozenset({"+", "-", "*", "/", "%", "^", "==", "!=", ">", "<", ">=", "<=", "and", "or", "unless"})


def parsed(expression: str) -> Node:
    """The tree. Raises UnsupportedPromql, which names what is wrong or not supported."""
    _bound(expression)
    try:
        tree = parser.parse(expression)
        _check(tree, 0)
    except (ValueError, OverflowError) as error:
        raise _no_promql(expression, str(error)) from None
    except BaseException as error:
        # The parser is in Rust: a bug of it comes as a PanicException, which is no Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise _no_promql(expression, str(error)) from None
    if isinstance(_inner(tree), parser.MatrixSelector):
        raise _refusal("a range of time that no function reads")
    return tree


def _no_promql(expression: str, reason: str) -> UnsupportedPromql:
    return UnsupportedPromql(f"{expression[:200]!r} is no PromQL expression: {reason}.", next_step=SUPPORTED)


def _inner(node: Node) -> Node:
    while isinstance(node, parser.ParenExpr):
        node = node.expr
    return node


def _bound(expression: str) -> None:
    if len(expression) > LONGEST:
        raise UnsupportedPromql(
            f"The expression has {len(expression)} characters; at most {LONGEST} are read.",
            next_step="Split it into recording rules.",
        )
    operators = len(_OPERATOR.findall(_TEXT.sub("", expression)))
    if operators > MOST_OPERATORS:
        raise UnsupportedPromql(
            f"The expression has {operators} operators and brackets; at most {MOST_OPERATORS} are read.",
            next_step="Split it into recording rules.",
        )
    if not expression.strip():
        raise UnsupportedPromql("The expression is empty.", next_step=SUPPORTED)


def _check(node: Node, depth: int) -> None:
    if depth > DEEPEST:
        raise _refusal(f"nesting deeper than {DEEPEST}")
    check = _CHECKS.get(type(node))
    if check is None:
        raise _refusal(_KINDS.get(type(node), type(node).__name__))
    for child in check(node):
        _check(child, depth + 1)


def _call(node: Node) -> list[Node]:
    if node.func.name not in FUNCTIONS:
        raise _refusal(f"the function {node.func.name}")
    return list(node.args)


def _aggregation(node: Node) -> list[Node]:
    if str(node.op) not in AGGREGATIONS:
        raise _refusal(f"the aggregation {node.op}")
    return [node.expr] if node.param is None else [node.param, node.expr]


def _binary(node: Node) -> list[Node]:
    if str(node.op) not in OPERATORS:
        raise _refusal(f"the operator {node.op}")
    modifier = node.modifier
    if modifier is not None and (modifier.fill_values.lhs is not None or modifier.fill_values.rhs is not None):
        raise _refusal("the modifier fill")
    return [node.lhs, node.rhs]


def _selector(node: Node) -> list[Node]:
    if node.at is not None:
        raise _refusal("the modifier @")
    if node.matchers.or_matchers:
        raise _refusal("or between matchers")
    _check_time(node.offset)
    return []


def _matrix(node: Node) -> list[Node]:
    _check_time(node.range)
    return _selector(node.vector_selector)


def _check_time(duration: timedelta | None) -> None:
    if duration is not None and abs(duration) > LONGEST_TIME:
        raise _refusal("times beyond a hundred years")


def _refusal(construct: str) -> UnsupportedPromql:
    return UnsupportedPromql(f"PromQL here does without {construct}.", next_step=SUPPORTED)


_CHECKS: dict[type, Callable[[Node], list[Node]]] = {
    parser.Call: _call,
    parser.AggregateExpr: _aggregation,
    parser.BinaryExpr: _binary,
    parser.VectorSelector: _selector,
    parser.MatrixSelector: _matrix,
    parser.UnaryExpr: lambda node: [node.expr],
    parser.ParenExpr: lambda node: [node.expr],
    parser.NumberLiteral: lambda _node: [],
    parser.StringLiteral: lambda _node: [],
}
_KINDS = {parser.SubqueryExpr: "subqueries"}


def selectors(node: Node) -> list[Node]:
    """All selectors of a tree that was parsed."""
    if isinstance(node, parser.VectorSelector):
        return [node]
    if isinstance(node, parser.MatrixSelector):
        return [node.vector_selector]
    return [found for child in _CHECKS[type(node)](node) for found in selectors(child)]


def is_scalar(expression: str) -> bool:
    """Whether an expression comes to a number for each time, and not to series."""
    return _comes_to_a_number(parsed(expression))


def _comes_to_a_number(node: Node) -> bool:
    if isinstance(node, parser.ParenExpr | parser.UnaryExpr):
        return _comes_to_a_number(node.expr)
    if isinstance(node, parser.BinaryExpr):
        return _comes_to_a_number(node.lhs) and _comes_to_a_number(node.rhs)
    if isinstance(node, parser.Call):
        return node.func.name in ("scalar", "time")
    return isinstance(node, parser.NumberLiteral)
