"""The Livestatus query language: reading a request. Pure.

It knows `GET` on a table with Columns, Filter, And, Or, Negate, Stats, StatsAnd, StatsOr, StatsNegate,
Limit, OutputFormat csv, json and python, ColumnHeaders, Separators, ResponseHeader fixed16 and KeepAlive;
other headers are ignored, as Icinga does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]
Test = Callable[[Row], bool]
_FILTER = re.compile(r"(\w+)\s+(!?(?:=~|~~|=|~)|[<>]=?)(?:\s(.*))?")
_AGGREGATE = re.compile(r"(sum|avg|min|max|std|suminv|avginv)\s+(\w+)")


class LivestatusError(Exception):
    """An error with a Livestatus code, which the client sees where it asked for a response header."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class NonsenseError(Exception):
    """Not a request at all: the connection is closed without a word."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`Stats: sum COLUMN` and the like."""

    function: str
    column: str


@dataclass(slots=True)
class Request:
    """A request as it was written; filters and stats are stacks, as the protocol has it."""

    table: str
    columns: list[str] = field(default_factory=list)
    filters: list[Test] = field(default_factory=list)
    stats: list[Test | Aggregate] = field(default_factory=list)
    limit: int | None = None
    output: str = "csv"
    fixed16: bool = False
    keep_alive: bool = False
    headers: bool | None = None
    separators: tuple[str, ...] = ("\n", ";", ",", "|")


# --- reading a request


def parse(text: str, columns: Mapping[str, Sequence[str]]) -> tuple[Request, LivestatusError | None]:
    """Read a request against the known columns of each table.

    An error comes with what was read, which says how it is to be answered. Raises NonsenseError.
    """
    first, *lines = [line.rstrip("\r") for line in text.splitlines() if line.strip()] or [""]
    if not (found := re.fullmatch(r"GET (\w+)", first)):
        raise NonsenseError(first)
    request, wrong = Request(found[1]), None
    known = columns.get(request.table)
    if known is None:
        wrong = LivestatusError(404, f"Table '{request.table}' does not exist.")
    for line in lines:
        name, _, value = line.partition(":")
        try:
            _header(request, name.strip(), value.strip(), known or ())
        except LivestatusError as error:
            wrong = wrong or error
    for column in request.columns:
        wrong = wrong or _unknown(request.table, column, known or ())
    return request, wrong


def _unknown(table: str, column: str, known: Sequence[str]) -> LivestatusError | None:
    return (
        None
        if column in known
        else LivestatusError(452, f"Column '{column}' does not exist in table '{table}'.")
    )


def _header(request: Request, name: str, value: str, known: Sequence[str]) -> None:
    match name:
        case "Columns":
            request.columns = value.split()
        case "Filter":
            request.filters.append(_filter(request.table, value, known))
        case "And" | "Or":
            _combine(request.filters, value, name)
        case "Negate":
            _negate(request.filters)
        case "Stats" | "StatsAnd" | "StatsOr" | "StatsNegate":
            _stats_header(request, name, value, known)
        case _:
            _form_header(request, name, value)


def _form_header(request: Request, name: str, value: str) -> None:
    """Read a header that says how the answer is to look."""
    match name:
        case "Limit":
            request.limit = _number(value)
        case "OutputFormat":
            if value not in ("csv", "json", "python"):
                raise NonsenseError(value)
            request.output = value
        case "ResponseHeader":
            request.fixed16 = value == "fixed16"
        case "KeepAlive":
            request.keep_alive = value == "on"
        case "ColumnHeaders":
            request.headers = value == "on"
        case "Separators":
            request.separators = tuple(chr(_number(n)) for n in value.split()) or request.separators


def _number(value: str) -> int:
    if not value.isdecimal():
        raise NonsenseError(value)
    return int(value)


def _filter(table: str, value: str, known: Sequence[str]) -> Test:
    words = value.split(None, 2)
    if len(words) < 2:
        raise NonsenseError(value)
    if error := _unknown(table, words[0], known):
        raise error
    if not (found := _FILTER.fullmatch(value)):
        raise LivestatusError(452, f"Unknown operator '{words[1]}' in filter")
    return _compare(found[1], found[2], found[3] or "")


def _compare(column: str, op: str, wanted: str) -> Test:
    negated = op.startswith("!")
    op = op.removeprefix("!")
    try:
        pattern = re.compile(wanted, re.IGNORECASE if op == "~~" else 0) if op in ("~", "~~") else None
    except re.error as error:
        raise LivestatusError(452, f"Bad regular expression: {error}") from None

    def test(row: Row) -> bool:
        return _matches(row[column], op, wanted, pattern) != negated

    return test


def _matches(value: Any, op: str, wanted: str, pattern: re.Pattern[str] | None) -> bool:
    if isinstance(value, list | tuple):
        return _list_matches(value, op, wanted, pattern)
    if pattern:
        return pattern.search(str(value)) is not None
    if op == "=~":
        return str(value).casefold() == wanted.casefold()
    if isinstance(value, bool | int | float):
        try:
            return _order(float(value), op, float(wanted))
        except ValueError:
            raise LivestatusError(452, f"'{wanted}' is not a number") from None
    return _order(str(value), op, wanted)


def _order(value: Any, op: str, wanted: Any) -> bool:
    results: Mapping[str, bool] = {
        "=": value == wanted,
        "<": value < wanted,
        ">": value > wanted,
        "<=": value <= wanted,
        ">=": value >= wanted,
    }
    return results[op]


def _list_matches(value: Sequence[Any], op: str, wanted: str, pattern: re.Pattern[str] | None) -> bool:
    if pattern:
        return any(pattern.search(str(v)) for v in value)
    if op == "=":
        return not value if not wanted else False
    return (wanted in value) == (op in (">=", "<="))


def _combine(stack: list[Any], value: str, name: str) -> None:
    count = _number(value)
    if not 0 < count <= len(stack) or any(isinstance(t, Aggregate) for t in stack[-count:]):
        raise NonsenseError(name)
    tests, every = stack[-count:], all if name.endswith("And") else any
    stack[-count:] = [lambda row: every(test(row) for test in tests)]


def _negate(stack: list[Any]) -> None:
    if not stack or isinstance(stack[-1], Aggregate):
        raise NonsenseError("Negate")
    test = stack.pop()
    stack.append(lambda row: not test(row))


def _stats_header(request: Request, name: str, value: str, known: Sequence[str]) -> None:
    if name == "StatsNegate":
        _negate(request.stats)
    elif name != "Stats":
        _combine(request.stats, value, name)
    elif found := _AGGREGATE.fullmatch(value):
        if error := _unknown(request.table, found[2], known):
            raise error
        request.stats.append(Aggregate(found[1], found[2]))
    else:
        request.stats.append(_filter(request.table, value, known))
