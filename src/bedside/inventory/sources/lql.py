"""Livestatus queries (LQL): what is sent for a query of ours.

All hosts are asked for, and only those services that can matter: a part of our query such as
`service ~ ssh` is true if *some* service fits, so a service that fits no part decides nothing, and
leaving it out changes no answer, whatever stands around the part. A part that speaks of all services
(`!=`, `!~`, `has`) needs them all, and so does one that the server might read differently from us.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bedside.query import All, Among, Atom, Compare, Has, Node, Word, atoms, fields

HOST_COLUMNS = ("name", "address", "state", "has_been_checked", "groups")
LABEL_COLUMNS = ("custom_variable_names", "custom_variable_values")

_END = ("OutputFormat: json", "ResponseHeader: fixed16", "KeepAlive: on")
_STATES = {"ok": 0, "warning": 1, "critical": 2, "unknown": 3}
_COLUMN = {"service": "description", "service.output": "plugin_output"}

# Words that LQL leaves as they are: it trims spaces, ends a line at a newline, and knows no quotes.
_PLAIN = re.compile(r"[!-~]+( [!-~]+)*")

# Regular expressions that Python and the servers (Boost, RE2) read alike, but for a final $, which is
# left out when they are sent: the server then sends a little more. No single dot: on the server it may
# stand for a byte, here it stands for a character.
_COMMON = re.compile(r"\^?(?:[A-Za-z0-9_/:-]|\\\.|\.[*+]| (?=[^ ]))+\$?")

_ANY = re.compile(r"\.[*+]")
_TELLING = 4  # characters of a beginning, from which on it leaves out most

_LITERAL = re.compile(r"[A-Za-z0-9_/:. -]+")


@dataclass(frozen=True, slots=True)
class Request:
    """One query for one table. `text` is what is sent, up to and with the empty line."""

    table: str
    columns: tuple[str, ...]
    filters: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """Return the words on the wire."""
        lines = [f"GET {self.table}", f"Columns: {' '.join(self.columns)}", *self.filters, *_END]
        return "\n".join(lines) + "\n\n"


def requests(query: Node, *, push_down: bool = True) -> list[Request]:
    """Return what is to be asked so that the query can be decided here."""
    needed = fields(query)
    labels = LABEL_COLUMNS if any(f.startswith("label.") for f in needed) else ()
    asked = [Request("hosts", HOST_COLUMNS + labels)]
    if any(f.partition(".")[0] == "service" for f in needed):
        columns = ["host_name", "description"]
        columns += ["state", "has_been_checked"] if "service.state" in needed else []
        columns += ["plugin_output"] if "service.output" in needed else []
        asked.append(Request("services", tuple(columns), _service_filters(query) if push_down else ()))
    return asked


def _service_filters(query: Node) -> tuple[str, ...]:
    lines: list[str] = []
    for atom in dict.fromkeys(atoms(query)):
        wanted = list(_wanted(atom))
        if None in wanted:
            return ()
        lines += [f"Filter: {w}" for w in wanted]
    lines = list(dict.fromkeys(lines))
    return (*lines, f"Or: {len(lines)}") if len(lines) > 1 else tuple(lines)


def _wanted(atom: Atom) -> Iterator[str | None]:
    """Yield filters which together let through all services that can make the part true; None for all."""
    match atom:
        case Word(text):
            yield _like("description", text.replace(".", r"\.")) if _LITERAL.fullmatch(text) else None
        case Compare(field) | Among(field) | Has(field) if field.name.partition(".")[0] != "service":
            return
        case Compare(field, "~", value) if field.name in _COLUMN:
            yield _like(_COLUMN[field.name], value)
        case Compare(field, "=", value):
            yield _equal(field.name, value)
        case Among(field, values):
            yield from (_equal(field.name, v) for v in values)
        case All():
            return
        case _:
            yield None


def _equal(field: str, value: str) -> str | None:
    if field == "service.state":
        state = value.lower()
        return "has_been_checked = 0" if state == "pending" else f"state = {_STATES[state]}"
    return f"{_COLUMN[field]} = {value}" if _PLAIN.fullmatch(value) else None


def _like(column: str, pattern: str) -> str | None:
    parts: Sequence[str] = pattern.split("|")
    if not all(_COMMON.fullmatch(p) and p.strip() == p for p in parts):
        return None
    return f"{column} ~~ {'|'.join(dict.fromkeys(map(_shorter, parts)))}"


def _shorter(pattern: str) -> str:
    """Return a pattern that lets through the same and a little more, and costs the server less.

    Icinga 2 reads a regular expression anew for each row: nine banners that begin alike are one beginning.
    """
    start = _ANY.split(pattern, 1)[0]
    return (start if len(start) >= _TELLING else pattern).removesuffix("$")
