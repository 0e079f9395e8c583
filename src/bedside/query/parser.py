"""Text to syntax tree, with errors that point at the column and speak of queries, not of tokens."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from bedside.errors import QueryError
from bedside.query import regex, vocabulary
from bedside.query.ast import All, Among, And, Compare, Field, Has, Node, Not, Operator, Or, Word, depth
from bedside.query.matching import number

if TYPE_CHECKING:
    from lark import Lark, Token

LONGEST = 4000
DEEPEST = 100

_SPACE = re.compile(r"[\t\r\n]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_OPERATORS = "an operator (= != ~ !~ < > <= >= in)"


def parse(text: str) -> Node:
    """Read a query. Raises QueryError with the column, and what was expected there."""
    from lark.exceptions import UnexpectedInput

    text = _SPACE.sub(" ", text)
    try:
        if len(text) > LONGEST:
            raise _Problem(f"a query of more than {LONGEST} characters", LONGEST)
        if control := _CONTROL.search(text):
            raise _Problem("a control character can't stand in a query", control.start())
        node = cast("Node", _parser().parse(text))
        if depth(node) > DEEPEST:
            raise _Problem(f"brackets or not more than {DEEPEST} deep", 0)
    except _Problem as problem:
        raise problem.as_error(text) from None
    except UnexpectedInput as error:
        raise _syntax_error(text, error) from None
    return node


class _Problem(Exception):
    """What is wrong at a position (from 0) of the query."""

    def __init__(self, message: str, position: int, expected: tuple[str, ...] = (), advice: str = "") -> None:
        super().__init__(message)
        self.position, self.expected, self.advice = position, expected, advice

    def as_error(self, text: str) -> QueryError:
        shown = _CONTROL.sub("?", text)
        start = max(0, self.position - 200)  # a very long query: show the part around the fault
        return QueryError(
            str(self), query=shown[start : self.position + 200], column=self.position - start + 1,
            expected=self.expected, advice=self.advice,
        )  # fmt: skip


@cache
def _parser() -> Lark:
    from lark import Lark

    grammar = Path(__file__).with_name("grammar.lark").read_text("utf-8")
    return Lark(grammar, parser="lalr", lexer="contextual", transformer=_Build())


class _Build:
    """Makes our tree while the parser goes along, and checks what the grammar can't."""

    def either(self, nodes: list[Node]) -> Node:
        return Or(tuple(nodes))

    def both(self, nodes: list[Node]) -> Node:
        return And(tuple(nodes))

    def negation(self, nodes: list[Node]) -> Node:
        return Not(nodes[0])

    def group(self, nodes: list[Node]) -> Node:
        return nodes[0]

    def everything(self, _: list[Token]) -> Node:
        return All()

    def has(self, tokens: list[Token]) -> Node:
        return Has(_field(tokens[0]))

    def compare(self, tokens: list[Token]) -> Node:
        name, operator, value = tokens
        field = _field(name)
        _check_value(field, str(operator), value)
        return Compare(field, cast("Operator", str(operator)), _value(value))

    def among(self, tokens: list[Token]) -> Node:
        field = _field(tokens[0])
        for value in tokens[1:]:
            _check_value(field, "=", value)
        return Among(field, tuple(map(_value, tokens[1:])))

    def word(self, tokens: list[Token]) -> Node:
        token = tokens[0]
        if token.type == "WORD" and vocabulary.looks_like(token):
            raise _Problem(
                f"{token} is a field, and is compared with nothing",
                _position(token) + len(token),
                (_OPERATORS,),
                f"write `{token} = VALUE`, `has {token}`, or quote it to look for the word",
            )
        if not _value(token):
            raise _Problem("an empty word stands in every name", _position(token), advice="write `all`")
        return Word(_value(token))


def _field(token: Token) -> Field:
    try:
        return vocabulary.read(str(token))
    except KeyError as error:
        raise _Problem(
            f"there is no field {str(token)!r}", _position(token), advice=str(error.args[0])
        ) from None


def _value(token: Token) -> str:
    text = str(token)
    if token.type != "STRING":
        return text
    return text[1:-1].replace(text[0] * 2, text[0])


def _check_value(field: Field, operator: str, token: Token) -> None:
    value, position = _value(token), _position(token)
    if operator in ("~", "!~"):
        try:
            regex.check(value)
        except regex.BadPattern as error:
            inside = position + (token.type == "STRING")
            raise _Problem(str(error), inside + error.position) from None
    elif operator in ("<", ">", "<=", ">="):
        if number(value) is None:
            raise _Problem(f"{operator} compares numbers, and {value!r} is none", position, ("a number",))
    elif (known := vocabulary.STATES.get(field.name)) and value.lower() not in known:
        raise _Problem(f"{value!r} is never the value of {field}", position, known)


def _position(token: Token) -> int:
    return token.start_pos or 0


def _syntax_error(text: str, error: Any) -> QueryError:
    known = (getattr(error, name, None) for name in ("accepts", "expected", "allowed"))
    allowed = set(next(filter(None, known), ()))
    at_end = getattr(getattr(error, "token", None), "type", "") == "$END"
    position = len(text.rstrip()) if at_end else error.pos_in_stream
    quote = text[position : position + 1]
    if at_end:
        message = "the query ends too early" if text.strip() else "the query is empty"
    elif quote in "'\"" and text.count(quote, position) % 2:
        message = f"the quote {quote} is never closed"
    else:
        message = f"{_piece(text, position)!r} can't stand here"
    if text.count("(", 0, position) <= text.count(")", 0, position):
        allowed.discard("_CLOSE")
    return _Problem(message, position, _in_words(allowed)).as_error(text)


def _piece(text: str, position: int) -> str:
    found = re.compile(r"[^\s()\"',=!~<>]+|\S").match(text, position)
    return found[0] if found else text[position : position + 1]


def _in_words(allowed: set[str]) -> tuple[str, ...]:
    """Return what may stand here, in the words of the documentation."""
    words: list[str] = []
    if "_NOT" in allowed:
        words += ["a comparison (name ~ web)", "a word", "has", "not", "all", "("]
    elif "STRING" in allowed:
        words.append("a value")
    elif "WORD" in allowed:
        words.append("a field")
    if "COMPARISON" in allowed:
        words.append(_OPERATORS)
    names = {"_AND": "and", "_OR": "or", "_CLOSE": ")", "_COMMA": ",", "$END": "the end"}
    words += [word for name, word in names.items() if name in allowed]
    if "_OPEN" in allowed and "_NOT" not in allowed:
        words.append("(")
    return tuple(words)
