"""CouchDB's Mango selectors (the `selector` of `POST /db/_find`): from JSON to a decision. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Test = Callable[[Any], bool]
_MISSING = object()
_ORDER: tuple[type | tuple[type, ...], ...] = (type(None), bool, (int, float), str, list, dict)


class SelectorError(Exception):
    """The selector is no selector."""


def compile_selector(selector: object) -> Test:
    """Return the test that a document must pass. Raises SelectorError."""
    if not isinstance(selector, dict):
        raise SelectorError("Selector must be a JSON object")
    return _every([_entry(name, value) for name, value in selector.items()])


def _every(tests: list[Test]) -> Test:
    return lambda doc: all(test(doc) for test in tests)


def _entry(name: str, value: Any) -> Test:
    if name in ("$and", "$or", "$nor"):
        if not isinstance(value, list):
            raise SelectorError(f"Bad argument for operator {name}: {value!r}")
        tests = [compile_selector(v) for v in value]
        if name == "$and":
            return _every(tests)
        return lambda doc: any(test(doc) for test in tests) == (name == "$or")
    if name == "$not":
        negated = compile_selector(value)
        return lambda doc: not negated(doc)
    if name.startswith("$"):
        raise SelectorError(f"Invalid operator: {name}")
    path = [part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", name)]
    condition = _condition(value, path[-1])
    return lambda doc: condition(_at(doc, path))


def _at(doc: Any, path: list[str]) -> Any:
    for part in path:
        if not isinstance(doc, dict) or part not in doc:
            return _MISSING
        doc = doc[part]
    return doc


def _condition(value: Any, name: str) -> Test:
    """Return the test of one field's value: operators, nested fields, or plain equality."""
    if not isinstance(value, dict) or not value:
        return _operator("$eq", value)
    if all(key.startswith("$") for key in value):
        return _every([_operator(key, wanted) for key, wanted in value.items()])
    if any(key.startswith("$") for key in value):
        raise SelectorError(f"operators and fields are mixed in {name}")
    return compile_selector(value)


def _operator(op: str, wanted: Any) -> Test:
    present = _COMPARISONS.get(op)
    if present:
        return lambda value: value is not _MISSING and present(value, wanted)
    match op:
        case "$exists":
            return lambda value: (value is not _MISSING) == bool(wanted)
        case "$not":
            negated = _condition(wanted, op)
            return lambda value: not negated(value)
        case "$regex":
            try:
                pattern = re.compile(wanted)
            except (re.error, TypeError) as error:
                raise SelectorError(f"Bad argument for operator $regex: {error}") from None
            return lambda value: isinstance(value, str) and pattern.search(value) is not None
        case "$elemMatch" | "$allMatch":
            inner, every = _condition(wanted, op), all if op == "$allMatch" else any
            return lambda value: isinstance(value, list) and bool(value) and every(inner(v) for v in value)
        case _:
            raise SelectorError(f"Invalid operator: {op}")


def _rank(value: Any) -> int:
    return next(n for n, kind in enumerate(_ORDER) if isinstance(value, kind))


def _key(value: Any) -> tuple[Any, ...]:
    """Return what sorts as CouchDB does, roughly: null, booleans, numbers, strings, arrays, objects."""
    rank = _rank(value)
    if isinstance(value, list):
        return rank, tuple(_key(v) for v in value)
    if isinstance(value, dict):
        return rank, tuple((name, _key(value[name])) for name in sorted(value))
    return (rank,) if value is None else (rank, value)


def _less(left: Any, right: Any) -> bool:
    return _key(left) < _key(right)


def _kind(value: Any) -> str:
    return ("null", "boolean", "number", "string", "array", "object")[_rank(value)]


def _same(left: Any, right: Any) -> bool:
    return _key(left) == _key(right)


_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "$eq": _same,
    "$ne": lambda value, wanted: not _same(value, wanted),
    "$gt": lambda value, wanted: _less(wanted, value),
    "$gte": lambda value, wanted: not _less(value, wanted),
    "$lt": _less,
    "$lte": lambda value, wanted: not _less(wanted, value),
    "$in": lambda value, wanted: any(
        _same(v, w) for w in wanted for v in (value if isinstance(value, list) else [value])
    ),
    "$nin": lambda value, wanted: not any(_same(value, w) for w in wanted),
    "$all": lambda value, wanted: isinstance(value, list) and all(w in value for w in wanted),
    "$size": lambda value, wanted: isinstance(value, list) and len(value) == wanted,
    "$type": lambda value, wanted: _kind(value) == wanted,
    "$beginsWith": lambda value, wanted: isinstance(value, str) and value.startswith(str(wanted)),
}
