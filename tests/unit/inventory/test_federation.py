from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from bedside.clock import SystemClock
from bedside.errors import SourceError
from bedside.inventory.federation import ask_all
from bedside.inventory.source import Answer, within
from bedside.model import Host
from bedside.query import All, Node


@dataclass
class Told:
    """A source that says what it is told to, after all others have been asked too."""

    name: str
    barrier: asyncio.Barrier
    hosts: tuple[Host, ...] = ()
    error: bool = False
    site: str = "x"

    def requests(self, query: Node) -> Sequence[str]:
        return []

    async def ask(self, query: Node) -> Answer:
        await self.barrier.wait()
        if self.error:
            raise SourceError("down", source=self.name)
        return Answer(self.name, self.site, self.hosts)


async def test_all_sources_are_asked_at_once_and_a_dead_one_is_an_error_in_its_answer() -> None:
    barrier = asyncio.Barrier(3)
    told = [Told("a", barrier, (Host("h"),)), Told("b", barrier, error=True), Told("c", barrier)]
    async with asyncio.timeout(5):
        one, two, three = await ask_all(told, All(), SystemClock())
    assert one.hosts == (Host("h"),)
    assert one.complete
    assert isinstance(two.error, SourceError)
    assert not two.complete
    assert three.complete


async def test_names_that_could_drive_a_terminal_or_ssh_are_left_out_and_told() -> None:
    names = ["web1", "-oProxyCommand=x", "a\nb", "a b", "\x1b[2J", ""]
    told = Told("a", asyncio.Barrier(1), tuple(map(Host, names)))
    (answer,) = await ask_all([told], All(), SystemClock())
    assert [h.name for h in answer.hosts] == ["web1"]
    assert len(answer.doubts) == 5
    assert not answer.complete
    assert not any("\x1b" in doubt or "\n" in doubt for doubt in answer.doubts)


async def test_silence_ends_in_an_error_with_advice() -> None:
    with pytest.raises(SourceError, match=r"0\.01 s.*timeout"):
        async with within(0.01, "tcp://mon"):
            await asyncio.Event().wait()
