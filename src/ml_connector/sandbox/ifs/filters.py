"""A `$filter` tree becomes one closure over a row's values and, where it can, a range of the leading key."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from odata_query import ast

from ml_connector.sandbox.ifs.filter_grammar import EnumLiteral, parse_filter
from ml_connector.sandbox.ifs.model import META_MEMBERS, Attribute, Entity, Kind
from ml_connector.sandbox.ifs.refusals import bad_request, not_implemented
from ml_connector.sandbox.ifs.switches import IfsSwitches

Values = list[Any]
Getter = Callable[[Values], Any]


@dataclass(frozen=True, slots=True)
class Term:
    """A compiled part of a filter: its type (a Kind, `null`, `time` or `logic`), its getter, and what it came from."""

    type: str
    get: Getter
    attribute: Attribute | None = None
    constant: bool = False


_COMPARE: dict[type, Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq, ast.NotEq: operator.ne, ast.Lt: operator.lt,
    ast.LtE: operator.le, ast.Gt: operator.gt, ast.GtE: operator.ge,
}  # fmt: skip
_ARITHMETIC: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
}  # fmt: skip
_NUMBERS = (Kind.INTEGER, Kind.DECIMAL)
_DATE_PARTS = {"year", "month", "day", "hour", "minute", "second"}


def compile_filter(
    tree: Any, entity: Entity, namespace: str, switches: IfsSwitches, now: datetime
) -> Callable[[Values], bool]:
    """The test a row's values must pass. Refused: 400 for names, types and enums that do not fit, 501 beyond."""
    term = _Compiler(entity, namespace, switches, now).term(tree)
    if term.type not in ("logic", Kind.BOOLEAN):
        raise bad_request("$filter must be a condition.")
    get = term.get
    return lambda values: get(values) is True


class _Compiler:
    """Walks one tree; a node class without a method is refused with 501."""

    def __init__(self, entity: Entity, namespace: str, switches: IfsSwitches, now: datetime) -> None:
        self.lu, self.namespace, self.switches, self.now = entity.lu, namespace, switches, now
        self._handlers: dict[type, Callable[[Any], Term]] = {
            ast.Identifier: self._identifier,
            ast.Attribute: self._attribute,
            EnumLiteral: self._enum_literal,
            ast.String: self._string,
            ast.Integer: self._integer,
            ast.Float: self._float,
            ast.Boolean: self._boolean,
            ast.Null: self._null,
            ast.Date: self._date,
            ast.DateTime: self._date_time,
            ast.Time: self._time,
            ast.BoolOp: self._bool_op,
            ast.UnaryOp: self._unary_op,
            ast.Compare: self._compare,
            ast.BinOp: self._bin_op,
            ast.Call: self._call,
        }

    def term(self, node: Any) -> Term:
        handler = self._handlers.get(type(node))
        if handler is None:
            raise not_implemented(f"{type(node).__name__} in $filter")
        return handler(node)

    # -- names and literals

    def _identifier(self, node: Any) -> Term:
        name = node.full_name()
        if name in META_MEMBERS:
            raise not_implemented(f"$filter on {name}")
        attribute = self.lu.by_name.get(name)
        if attribute is None or attribute.hidden:
            raise bad_request(f"$filter names '{name}', which the type does not have.")
        if name == "Objstate" and self.switches.objstate_filter == "always_400":
            raise bad_request("$filter on Objstate is not possible here.")
        return Term(attribute.kind, operator.itemgetter(self.lu.index[name]), attribute)

    def _attribute(self, node: Any) -> Term:
        raise not_implemented("a path over a navigation in $filter")

    def _enum_literal(self, node: EnumLiteral) -> Term:
        return _constant(Kind.ENUM, node)

    def _string(self, node: Any) -> Term:
        return _constant(Kind.TEXT, node.val)

    def _integer(self, node: Any) -> Term:
        return _constant(Kind.INTEGER, _parsed(int, node.val))

    def _float(self, node: Any) -> Term:
        return _constant(Kind.DECIMAL, _parsed(Decimal, node.val))

    def _boolean(self, node: Any) -> Term:
        return _constant(Kind.BOOLEAN, node.val.lower() == "true")

    def _null(self, node: Any) -> Term:
        return _constant("null", None)

    def _date(self, node: Any) -> Term:
        return _constant(Kind.DATE, _parsed(date.fromisoformat, node.val))

    def _date_time(self, node: Any) -> Term:
        moment = _parsed(datetime.fromisoformat, node.val)
        return _constant(Kind.TIMESTAMP, moment if moment.tzinfo else moment.replace(tzinfo=UTC))

    def _time(self, node: Any) -> Term:
        return _constant("time", _parsed(time.fromisoformat, node.val))

    # -- logic

    def _bool_op(self, node: Any) -> Term:
        left, right = self._condition(node.left), self._condition(node.right)
        if isinstance(node.op, ast.And):
            return Term("logic", lambda values: left(values) and right(values))
        return Term("logic", lambda values: left(values) or right(values))

    def _condition(self, node: Any) -> Getter:
        term = self.term(node)
        if term.type not in ("logic", Kind.BOOLEAN):
            raise bad_request("and, or and not join conditions only.")
        return term.get

    def _unary_op(self, node: Any) -> Term:
        if isinstance(node.op, ast.Not):
            inner = self._condition(node.operand)
            return Term("logic", lambda values: not inner(values))
        term = self.term(node.operand)
        if term.type not in _NUMBERS:
            raise bad_request("A minus sign stands before numbers only.")
        get = term.get
        return Term(term.type, lambda values: None if (value := get(values)) is None else -value)

    def _compare(self, node: Any) -> Term:
        compare = _COMPARE.get(type(node.comparator))
        if compare is None:
            raise not_implemented("`in` in $filter")
        left, right = self._fitted(self.term(node.left), self.term(node.right))
        if isinstance(node.comparator, ast.Eq | ast.NotEq):
            return Term("logic", _equality(compare, left, right))
        return Term("logic", _order(compare, left, right))

    def _fitted(self, left: Term, right: Term) -> tuple[Term, Term]:
        """Both sides in one type: enum literals become identifiers; unlike types are refused with 400."""
        left, right = self._enum_side(left, right), self._enum_side(right, left)
        both = {left.type, right.type}
        if "null" in both or len(both) == 1 or both <= set(_NUMBERS) or both <= {"logic", Kind.BOOLEAN}:
            return left, right
        raise bad_request(f"$filter compares {left.type} with {right.type}.")

    def _enum_side(self, term: Term, other: Term) -> Term:
        attribute = other.attribute
        if attribute is None or attribute.enum is None:
            if term.constant and term.type == Kind.ENUM:
                raise bad_request("$filter compares an enum literal with something that is no enum.")
            return term
        if not term.constant or term.type == "null":
            return term
        literal = term.get([])
        if isinstance(literal, EnumLiteral):
            if literal.type_name != f"{self.namespace}.{attribute.enum.name}":
                raise bad_request(f"$filter uses the enum {literal.type_name} for {attribute.name}.")
            member = literal.member
        elif term.type == Kind.TEXT and self.switches.enum_filter_plain_string == "accept":
            member = str(literal)
        else:
            raise bad_request(f"$filter compares the enum {attribute.name} with a plain {term.type}.")
        if member not in attribute.enum.identifiers:
            raise bad_request(f"The enum {attribute.enum.name} has no member '{member}'.")
        return _constant(Kind.ENUM, member)

    # -- arithmetic and functions

    def _bin_op(self, node: Any) -> Term:
        work = _ARITHMETIC.get(type(node.op))
        if work is None:
            raise not_implemented("mod in $filter")
        left, right = self.term(node.left), self.term(node.right)
        if left.type not in _NUMBERS or right.type not in _NUMBERS:
            raise not_implemented("arithmetic on anything but numbers")
        return Term(Kind.DECIMAL, _worked(work, left.get, right.get))

    def _call(self, node: Any) -> Term:
        name: str = node.func.full_name()
        if name == "contains" and not self.switches.contains_allowed:
            raise not_implemented("contains, which is blocked on this environment")
        if name == "cast":
            return self._cast(node)
        if name == "now":
            return _constant(Kind.TIMESTAMP, self.now)
        terms = [self.term(arg) for arg in node.args]
        if name in _DATE_PARTS or name in ("date", "time"):
            return _date_call(name, terms[0])
        return _text_call(name, terms)

    def _cast(self, node: Any) -> Term:
        target = node.args[1]
        if not isinstance(target, ast.Identifier) or _name(target) != "Edm.String":
            raise not_implemented("cast to anything but Edm.String")
        get = self.term(node.args[0]).get
        return Term(Kind.TEXT, lambda values: None if (value := get(values)) is None else str(value))


def _name(node: Any) -> str:
    return str(node.full_name())


def _constant(kind: str, value: Any) -> Term:
    return Term(kind, lambda values: value, constant=True)


def _parsed(read: Callable[[str], Any], text: str) -> Any:
    try:
        return read(text)
    except (ValueError, ArithmeticError) as error:
        raise bad_request(f"'{text[:40]}' is no literal.") from error


def _equality(compare: Callable[[Any, Any], bool], left: Term, right: Term) -> Getter:
    if left.attribute is not None and right.constant:
        get, constant = left.get, right.get([])
        return lambda values: compare(get(values), constant)
    one, other = left.get, right.get
    return lambda values: compare(one(values), other(values))


def _order(compare: Callable[[Any, Any], bool], left: Term, right: Term) -> Getter:
    """gt, ge, lt, le: never true when a side is null."""
    if left.attribute is not None and right.constant:
        get, constant = left.get, right.get([])
        if constant is None:
            return lambda values: False
        return lambda values: (value := get(values)) is not None and compare(value, constant)
    one, other = left.get, right.get

    def test(values: Values) -> bool:
        first, second = one(values), other(values)
        return first is not None and second is not None and compare(first, second)

    return test


def _worked(work: Callable[[Any, Any], Any], left: Getter, right: Getter) -> Getter:
    def result(values: Values) -> Any:
        first, second = left(values), right(values)
        if first is None or second is None:
            return None
        try:
            return work(Decimal(first), Decimal(second))
        except ArithmeticError as error:
            raise bad_request("$filter calculates what has no result.") from error

    return result


def _date_call(name: str, term: Term) -> Term:
    if term.type not in (Kind.DATE, Kind.TIMESTAMP) or (
        term.type == Kind.DATE and name not in ("year", "month", "day")
    ):
        raise bad_request(f"{name} cannot be taken of {term.type}.")
    get = term.get
    if name == "date":
        return Term(Kind.DATE, lambda values: None if (v := get(values)) is None else v.date())
    if name == "time":
        return Term("time", lambda values: None if (v := get(values)) is None else v.time())
    return Term(Kind.INTEGER, lambda values: None if (v := get(values)) is None else getattr(v, name))


def _text_call(name: str, terms: list[Term]) -> Term:
    if name not in _TEXT_CALLS:
        raise not_implemented(f"{name} in $filter")
    work, takes, result = _TEXT_CALLS[name]
    if any(term.type not in (kind, "null") for term, kind in zip(terms, takes, strict=False)):
        raise bad_request(f"{name} takes {', '.join(takes)}.")
    getters = [term.get for term in terms]

    def run(values: Values) -> Any:
        arguments = [get(values) for get in getters]
        return None if any(argument is None for argument in arguments) else work(*arguments)

    return Term(result, run)


def _substring(text: str, start: int, length: int | None = None) -> str:
    return text[start:] if length is None else text[start : start + length]


_TEXT, _TWO_TEXTS = (Kind.TEXT,), (Kind.TEXT, Kind.TEXT)
_TEXT_CALLS: dict[str, tuple[Callable[..., Any], tuple[Kind, ...], str]] = {
    "contains": (operator.contains, _TWO_TEXTS, "logic"),
    "startswith": (str.startswith, _TWO_TEXTS, "logic"),
    "endswith": (str.endswith, _TWO_TEXTS, "logic"),
    "tolower": (str.lower, _TEXT, Kind.TEXT),
    "toupper": (str.upper, _TEXT, Kind.TEXT),
    "trim": (str.strip, _TEXT, Kind.TEXT),
    "length": (len, _TEXT, Kind.INTEGER),
    "indexof": (str.find, _TWO_TEXTS, Kind.INTEGER),
    "substring": (_substring, (Kind.TEXT, Kind.INTEGER, Kind.INTEGER), Kind.TEXT),
    "concat": (operator.add, _TWO_TEXTS, Kind.TEXT),
}
"""Text functions: the work, the types they take and the type they give."""


def key_range(tree: Any, attribute: Attribute) -> tuple[Any, Any]:
    """The least and greatest value (both included, None: open) that `attribute` can have where the filter holds.

    This is what makes key-set paging cheap: `OrderNo gt 'X' or (OrderNo eq 'X' and ...)` starts reading at X.
    """
    if isinstance(tree, ast.BoolOp):
        left, right = key_range(tree.left, attribute), key_range(tree.right, attribute)
        if isinstance(tree.op, ast.And):
            return _tightest(left[0], right[0], max), _tightest(left[1], right[1], min)
        return _loosest(left[0], right[0], min), _loosest(left[1], right[1], max)
    if (
        not isinstance(tree, ast.Compare)
        or not isinstance(tree.left, ast.Identifier)
        or _name(tree.left) != attribute.name
    ):
        return None, None
    value = _key_constant(tree.right, attribute)
    low = value if isinstance(tree.comparator, ast.Gt | ast.GtE | ast.Eq) else None
    high = value if isinstance(tree.comparator, ast.Lt | ast.LtE | ast.Eq) else None
    return low, high


def _key_constant(node: Any, attribute: Attribute) -> Any:
    if attribute.kind == Kind.TEXT and isinstance(node, ast.String):
        return node.val
    if attribute.kind == Kind.INTEGER and isinstance(node, ast.Integer):
        return _parsed(int, node.val)
    return None


def _tightest(one: Any, other: Any, pick: Callable[[Any, Any], Any]) -> Any:
    return (other if one is None else one) if one is None or other is None else pick(one, other)


def _loosest(one: Any, other: Any, pick: Callable[[Any, Any], Any]) -> Any:
    return None if one is None or other is None else pick(one, other)


__all__ = ["Values", "compile_filter", "key_range", "parse_filter"]
