"""Decides a query about one host, and says why.

A comparison on a field that the host lacks is false, `!=`, `!~` and `<` included; `not` is the plain
complement. Of several values (services, tags, a list among the facts) one must satisfy `= ~ < in`,
and all must satisfy `!=` and `!~`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import assert_never

from bedside.model import Host
from bedside.query import regex, vocabulary
from bedside.query.ast import All, Among, And, Compare, Has, Node, Not, Operator, Or, Word, atoms
from bedside.query.vocabulary import Value

_NUMBER = re.compile(r"-?\d+(\.\d+)?")


def matches(node: Node, host: Host) -> bool:
    """Return True where the host answers the query."""
    match node:
        case All():
            return True
        case Not(inner):
            return not matches(inner, host)
        case And(nodes):
            return all(matches(n, host) for n in nodes)
        case Or(nodes):
            return any(matches(n, host) for n in nodes)
        case Has(field):
            return vocabulary.has(host, field)
        case Compare(field, "!=" | "!~" as operator, wanted):
            found = list(vocabulary.values(host, field))
            return bool(found) and not any(_holds(v, field.name, _PLAIN[operator], wanted) for v in found)
        case Word() | Compare() | Among():
            return any(True for _ in hits(node, host))
        case _:
            assert_never(node)


def hits(node: Word | Compare | Among, host: Host) -> Iterator[Value]:
    """Yield the host's values that satisfy a word or a comparison (other than `!=` and `!~`)."""
    match node:
        case Word(text):
            pattern = re.escape(text)
            named = (vocabulary.Value("name", host.name), *(Value("service", s.name) for s in host.services))
            yield from (v for v in named if regex.search(pattern, v.value))
        case Compare(field, operator, wanted):
            held = vocabulary.values(host, field)
            yield from (v for v in held if _holds(v, field.name, operator, wanted))
        case Among(field, several):
            held = vocabulary.values(host, field)
            yield from (v for v in held if any(_holds(v, field.name, "=", w) for w in several))


def explain(node: Node, host: Host) -> tuple[str, ...]:
    """Return the evidence for the query's being true (or, if it is, false) of the host, in plain words."""
    return tuple(dict.fromkeys(_explain(node, host)))


def services(node: Node, host: Host) -> tuple[str, ...]:
    """Return the names of those services that a part of the query speaks of and fits."""
    parts = [
        part
        for part in atoms(node)
        if isinstance(part, Word)
        or (isinstance(part, Compare | Among) and part.field.name.startswith("service"))
    ]
    found = (s.name for s in host.services if any(matches(p, Host("", services=(s,))) for p in parts))
    return tuple(dict.fromkeys(found))


def number(text: str) -> float | None:
    """Return the number a text is, or None."""
    return float(text) if _NUMBER.fullmatch(text) else None


_PLAIN: dict[Operator, Operator] = {"!=": "=", "!~": "~"}


def _explain(node: Node, host: Host) -> Iterator[str]:
    match node:
        case All():
            yield "all hosts were asked for"
        case Not(inner):
            yield from _explain(inner, host)
        case And(nodes) | Or(nodes):
            truth = matches(node, host)
            for part in nodes:
                if matches(part, host) == truth:
                    yield from _explain(part, host)
        case Word() | Compare() | Among():
            found = list(hits(node, host))
            yield from (f"{v.where} is {_text(v.value)!r}" for v in found[:3])
            if not found:
                yield from _lacking(node, host)
        case Has(field):
            yield f"has {field}" if vocabulary.has(host, field) else f"has no {field}"
        case _:
            assert_never(node)


def _lacking(node: Word | Compare | Among, host: Host) -> Iterator[str]:
    if isinstance(node, Word):
        yield f"neither its name nor a service holds {node.text!r}"
        return
    held = list(vocabulary.values(host, node.field))
    if len(held) == 1:
        yield f"{held[0].where} is {_text(held[0].value)!r}"
    else:
        yield f"none of its {len(held)} values of {node.field} fits" if held else f"has no {node.field}"


def _holds(held: Value, field: str, operator: Operator, wanted: str) -> bool:
    value = held.value
    if operator == "~":
        return not isinstance(value, dict) and regex.search(wanted, _text(value))
    if operator == "=":
        return _equal(value, wanted, folded=field in vocabulary.FOLDED)
    found, limit = _number_of(value), number(wanted)
    if found is None or limit is None:
        return False
    match operator:
        case "<":
            return found < limit
        case ">":
            return found > limit
        case "<=":
            return found <= limit
        case _:
            return found >= limit


def _equal(value: object, wanted: str, *, folded: bool) -> bool:
    if isinstance(value, dict):
        return False
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _text(value) == wanted or number(wanted) == value
    text = _text(value)
    return text.lower() == wanted.lower() if folded else text == wanted


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number_of(value: object) -> float | None:
    if isinstance(value, bool):
        return None
    return (
        float(value) if isinstance(value, int | float) else number(value) if isinstance(value, str) else None
    )
