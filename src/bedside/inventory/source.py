"""What a source of hosts is, and what it answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from bedside.errors import SourceError
from bedside.model import Host
from bedside.query import Node

LARGEST_ANSWER = 128 * 1024 * 1024
"""Bytes; a source that answers more is not believed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source said, or in `error` why it said nothing; then `hosts` is empty and says nothing.

    `doubts` are sentences on parts that could not be understood. `seconds` is how long it took.
    """

    source: str
    site: str
    hosts: tuple[Host, ...] = ()
    doubts: tuple[str, ...] = ()
    error: SourceError | None = None
    seconds: float = 0.0

    @property
    def complete(self) -> bool:
        """True where nothing that the source knows is missing."""
        return self.error is None and not self.doubts


class Source(Protocol):
    """Something that can be asked about hosts."""

    @property
    def name(self) -> str:
        """What to call it: its URL without secrets."""

    @property
    def site(self) -> str:
        """The site it belongs to."""

    def requests(self, query: Node) -> Sequence[str]:
        """Return what `ask` would send, for people to read."""

    async def ask(self, query: Node) -> Answer:
        """Return every host it knows, with all that the query needs to be decided about it.

        It may leave out services that no part of the query speaks of, and nothing else: whether a host
        is chosen is decided on what all sources together know. Raises SourceError, within its time-out.
        """


@asynccontextmanager
async def within(seconds: float, source: str) -> AsyncIterator[None]:
    """Bound what is done in the block. Raises SourceError when the time is over."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise SourceError(
            f"no complete answer within {seconds:g} s",
            source=source,
            advice="is it overloaded, or does a firewall drop the connection? `timeout` in the"
            " configuration gives it longer",
        ) from None
