"""The fields a query may name, and what a host has in each."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from bedside.model import Host
from bedside.query.ast import Field
from bedside.query.facter import LEGACY

PLAIN = (
    "name", "address", "site", "service", "service.state", "service.output", "state", "tag", "group",
    "excluded",
)  # fmt: skip
WITH_PATH = ("label", "facts")
STATES = {
    "state": ("up", "down", "unreachable", "pending"),
    "service.state": ("ok", "warning", "critical", "unknown", "pending"),
    "excluded": ("true", "false"),
}
"""Fields that have one of a few values; comparing them with another is a mistake."""

FOLDED = frozenset({"name", "address", *STATES})
"""Fields in which `=` and `in` don't tell capital letters from small ones."""

_TOPS = frozenset({"kernel", "virtual", *(path[0] for path in LEGACY.values())})

_SEGMENT = re.compile(r'"((?:[^"]|"")*)"|([^."]+)')
_PATH = re.compile(rf"(?:{_SEGMENT.pattern})(?:\.(?:{_SEGMENT.pattern}))*")


class Value(NamedTuple):
    """One value of a field, and in which words to speak of where it stands."""

    where: str
    value: Any


def read(text: str) -> Field:
    """Read a field's name. Raises KeyError with advice for the user."""
    if text in PLAIN:
        return Field(text)
    name, _, path = text.partition(".")
    if name in WITH_PATH and _PATH.fullmatch(path):
        found = [a.replace('""', '"') if b == "" else b for a, b in _SEGMENT.findall(path)]
        return Field(
            name, LEGACY.get(found[0], tuple(found)) if text == f"facts.{found[0]}" else tuple(found)
        )
    raise KeyError(_advice(text, name))


def looks_like(text: str) -> bool:
    """Return True where a bare word is a field's name: its operator was probably forgotten."""
    return text in PLAIN or text.partition(".")[0] in WITH_PATH


def values(host: Host, field: Field) -> Iterator[Value]:
    """Yield what the host has in the field: nothing where it lacks it."""
    where = str(field)
    match field.name:
        case "service":
            yield from (Value("service", s.name) for s in host.services)
        case "service.state":
            yield from (Value(f"state of service {s.name!r}", s.state) for s in host.services if s.state)
        case "service.output":
            yield from (Value(f"output of service {s.name!r}", s.output) for s in host.services if s.output)
        case "site" | "tag" | "group":
            yield from (Value(where, v) for v in getattr(host, f"{field.name}s"))
        case "label":
            if (label := host.labels.get(".".join(field.path))) is not None:
                yield Value(where, label)
        case "facts":
            yield from (Value(where, v) for v in _fact(host.facts, field.path))
        case "excluded":
            yield from _excluded(host)
        case name:
            if (value := getattr(host, name)) is not None:
                yield Value(where, value)


def has(host: Host, field: Field) -> bool:
    """Return True where the host has the field."""
    if field.name == "excluded":
        return host.excluded is not None
    return any(True for _ in values(host, field))


def _excluded(host: Host) -> Iterator[Value]:
    yield Value("excluded", "false" if host.excluded is None else "true")
    if host.excluded is not None:
        yield Value("excluded", host.excluded.reason)
        if host.excluded.rule:
            yield Value("excluded", host.excluded.rule)


def _fact(facts: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Any]:
    found: Any = facts
    for segment in path:
        found = found.get(segment) if isinstance(found, Mapping) else None
    if isinstance(found, list | tuple):
        yield from (v for v in found if v is not None)
    elif found is not None:
        yield found


def _advice(text: str, name: str) -> str:
    if name in WITH_PATH:
        example = "facts.os.family" if name == "facts" else "label.role"
        return f"{name} needs a path: {example}"
    rest = text.removeprefix(name)
    known = [*PLAIN, *(f"{n}{rest}" for n in WITH_PATH if rest), "facts", "label"]
    close = [k for k in difflib.get_close_matches(text, known, 3, 0.6) if k not in WITH_PATH or not rest]
    if text in LEGACY or name in _TOPS:
        close = [f"facts.{text}"]
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"fields: {', '.join(PLAIN)}, label.NAME, facts.NAME"
