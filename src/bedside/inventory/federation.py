"""Asks every source at once, and makes one list of hosts of the answers.

A source that fails is an answer with an error, never an empty list. The answers are merged first, and
only then is a query decided: `service ~ ssh and facts.os.family = Debian` is about what Livestatus and
CouchDB know together, and no source alone could say which hosts fit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from bedside.clock import Clock
from bedside.errors import SourceError
from bedside.inventory.source import Answer, Source
from bedside.query import Node
from bedside.text import one_line


async def ask_all(sources: Sequence[Source], query: Node, clock: Clock) -> tuple[Answer, ...]:
    """Ask the sources, all at once, each within its own time-out; the answers are in their order."""
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(_ask(source, query, clock)) for source in sources]
    return tuple(task.result() for task in asked)


async def _ask(source: Source, query: Node, clock: Clock) -> Answer:
    started = clock.monotonic()
    try:
        answer = await source.ask(query)
    except SourceError as error:
        answer = Answer(source.name, source.site, error=error)
    return replace(_only_names(answer), seconds=clock.monotonic() - started)


def _only_names(answer: Answer) -> Answer:
    """Leave out records whose name can't be a host's: it would reach a terminal, a pipe or ssh."""
    bad = [h.name for h in answer.hosts if not _is_name(h.name)]
    if not bad:
        return answer
    return replace(
        answer,
        hosts=tuple(h for h in answer.hosts if _is_name(h.name)),
        doubts=(*answer.doubts, *(f"{one_line(name)!r} is no host name: left out" for name in bad)),
    )


def _is_name(name: str) -> bool:
    return bool(name) and name.isprintable() and not any(c.isspace() for c in name) and name[0] != "-"
