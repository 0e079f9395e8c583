"""The syntax tree of a query. `str(node)` is a query that parses to the same tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Operator = Literal["=", "!=", "~", "!~", "<", ">", "<=", ">="]

KEYWORDS = frozenset({"and", "or", "not", "has", "in", "all"})

_PLAIN = re.compile(r"""[^\s()"',=!~<>]+""")
_SEGMENT = re.compile(r"""[^\s()"',=!~<>.]+""")


@dataclass(frozen=True, slots=True)
class Field:
    """What is compared: `name`, `service.state`, or with a path `facts.os.family`, `label.role`."""

    name: str
    path: tuple[str, ...] = ()

    def __str__(self) -> str:
        return ".".join([self.name, *map(_segment, self.path)])


@dataclass(frozen=True, slots=True)
class All:
    """Every host."""

    def __str__(self) -> str:
        return "all"


@dataclass(frozen=True, slots=True)
class Word:
    """Hosts in whose name, or in the name of one of whose services, the text stands."""

    text: str

    def __str__(self) -> str:
        return quoted(self.text, also=_FIELD_LIKE)


@dataclass(frozen=True, slots=True)
class Compare:
    """A field compared with a value; false where the host lacks the field."""

    field: Field
    operator: Operator
    value: str

    def __str__(self) -> str:
        return f"{self.field} {self.operator} {quoted(self.value)}"


@dataclass(frozen=True, slots=True)
class Among:
    """`field in (a, b)`: true where the field equals one of the values."""

    field: Field
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.field} in ({', '.join(map(quoted, self.values))})"


@dataclass(frozen=True, slots=True)
class Has:
    """`has field`: true where the host has the field at all."""

    field: Field

    def __str__(self) -> str:
        return f"has {self.field}"


@dataclass(frozen=True, slots=True)
class Not:
    """The plain complement."""

    node: Node

    def __str__(self) -> str:
        return f"not {_bracketed(self.node)}"


@dataclass(frozen=True, slots=True)
class And:
    """Two or more, all of which must hold."""

    nodes: tuple[Node, ...]

    def __str__(self) -> str:
        return " and ".join(map(_bracketed, self.nodes))


@dataclass(frozen=True, slots=True)
class Or:
    """Two or more, one of which must hold."""

    nodes: tuple[Node, ...]

    def __str__(self) -> str:
        return " or ".join(map(_bracketed, self.nodes))


Atom = All | Word | Compare | Among | Has
Node = Atom | Not | And | Or

_FIELD_LIKE = re.compile(r"(name|address|site|service|state|tag|group|excluded|label|facts)(\..*)?")


def quoted(value: str, *, also: re.Pattern[str] | None = None) -> str:
    """Return the value as it may stand in a query: quoted where it must be, or is like `also`."""
    plain = _PLAIN.fullmatch(value) and value.lower() not in KEYWORDS
    if plain and not (also and also.fullmatch(value)):
        return value
    if "'" in value and '"' not in value:
        return f'"{value}"'
    return "'" + value.replace("'", "''") + "'"


def atoms(node: Node) -> Iterator[Atom]:
    """Yield the leaves of the tree, from left to right."""
    match node:
        case Not(inner):
            yield from atoms(inner)
        case And(nodes) | Or(nodes):
            for part in nodes:
                yield from atoms(part)
        case _:
            yield node


def depth(node: Node) -> int:
    """Return how deep the tree is; safe on trees too deep to recurse into."""
    deepest, queue = 0, [(node, 1)]
    while queue:
        here, level = queue.pop()
        deepest = max(deepest, level)
        match here:
            case Not(inner):
                queue.append((inner, level + 1))
            case And(nodes) | Or(nodes):
                queue += [(part, level + 1) for part in nodes]
    return deepest


def _bracketed(node: Node) -> str:
    return f"({node})" if isinstance(node, And | Or) else str(node)


def _segment(text: str) -> str:
    return text if _SEGMENT.fullmatch(text) else '"' + text.replace('"', '""') + '"'
