"""The query language: text to tree, and the tree's decision about a host. Pure: it asks nobody."""

from __future__ import annotations

from bedside.query.ast import All, Among, And, Atom, Compare, Field, Has, Node, Not, Or, Word, atoms
from bedside.query.matching import explain, matches, services
from bedside.query.parser import parse

__all__ = [
    "All", "Among", "And", "Atom", "Compare", "Field", "Has", "Node", "Not", "Or", "Word",
    "atoms", "explain", "fields", "matches", "parse", "services",
]  # fmt: skip


def fields(node: Node) -> frozenset[str]:
    """Return the names of the fields that decide the query (`service`, `facts.os.family`)."""
    found: set[str] = set()
    for atom in atoms(node):
        match atom:
            case Word():
                found |= {"name", "service"}
            case Compare(field) | Among(field) | Has(field):
                found.add(str(field))
    return frozenset(found)
