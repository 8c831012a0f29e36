"""The `$filter` grammar of odata-query, taught the vendor's qualified enum literals (facts/ifs.md section 6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from odata_query import ast
from odata_query.exceptions import ODataException, UnknownFunctionException
from odata_query.grammar import ODataLexer, ODataParser

from ml_connector.sandbox.ifs.refusals import bad_request, not_implemented


@dataclass(frozen=True)
class EnumLiteral(ast._Literal):
    """A literal such as IfsApp.ProjectsHandling.ProjectState'Started': the type's full name and the member."""

    type_name: str
    member: str


_Rule = Callable[[Any, Any], Any]


def _token(pattern: str, make: Callable[[str], Any]) -> _Rule:
    def rule(_lexer: Any, token: Any) -> Any:
        token.value = make(token.value)
        return token

    # sly reads the pattern from this attribute; its own decorator exists only inside a class body, unseen by checkers.
    rule.__dict__["pattern"] = pattern
    return rule


def _string(text: str) -> Any:
    name, _, quoted = text[:-1].partition("'")
    literal = quoted.replace("''", "'")
    return EnumLiteral(name, literal) if name else ast.String(literal)


class _Lexer(ODataLexer):
    """odata-query's lexer with enum literals, and with words such as `all` ended where the word ends.

    Without the second change AllowTolerance is read as `all` and a rest, NullDate as `null` and a rest.
    """

    tokens = ODataLexer.tokens
    STRING = _token(r"(?:[a-z_]\w*(?:\.\w+)+)?'(?:[^']|'')*'", _string)
    BOOLEAN = _token(r"(?:true|false)\b", ast.Boolean)
    NULL = _token(r"null\b", lambda text: ast.Null())
    ANY = _token(r"any(?=\s*\()", lambda text: ast.Any())
    ALL = _token(r"all(?=\s*\()", lambda text: ast.All())


_LIBRARY_CALL: Callable[[Any, Any], Any] = ODataParser()._function_call


def _call(func: Any, args: Any) -> Any:
    # cast is part of OData but unknown to the library; every other unknown name stays refused by it.
    if func.full_name() == "cast" and len(args) == 2:
        return ast.Call(func, args)
    return _LIBRARY_CALL(func, args)


def parse_filter(text: str) -> Any:
    """The syntax tree of a filter. Refused: 400 for bad syntax, 501 for a function nobody knows here."""
    parser = ODataParser()
    parser._function_call = _call  # type: ignore[method-assign]
    try:
        tree = parser.parse(_Lexer().tokenize(text.strip()))
    except UnknownFunctionException as error:
        raise not_implemented(f"the function in $filter ({error})") from error
    except (ODataException, RecursionError) as error:
        raise bad_request(f"$filter cannot be understood: {error}") from error
    if tree is None:
        raise bad_request("$filter is empty.")
    return tree
