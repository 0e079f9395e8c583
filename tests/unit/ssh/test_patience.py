"""Waits end."""

from __future__ import annotations

import asyncio
import contextlib

import pytest

from bedside.clock import SystemClock
from bedside.ssh.patience import OutOfPatience, Patience


class Jumping(SystemClock):
    """A clock on which every sleep is over at once."""

    def __init__(self) -> None:
        self.time = 100.0

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        await asyncio.sleep(0)


async def test_work_within_its_limits_gives_its_result() -> None:
    async def work() -> int:
        return 7

    assert await Patience(SystemClock(), total=10, idle=10).run(work()) == 7
    assert await Patience(SystemClock()).run(work()) == 7


async def test_the_whole_time_ends_work_that_shows_progress() -> None:
    clock = Jumping()
    patience = Patience(clock, total=60, idle=10)

    async def work() -> None:
        while True:
            patience.progress()
            await asyncio.sleep(0)

    with pytest.raises(OutOfPatience) as caught:
        await patience.run(work())
    assert caught.value.which == "total"
    assert patience.seconds == pytest.approx(60)


async def test_the_idle_time_ends_work_that_shows_none() -> None:
    with pytest.raises(OutOfPatience, match="idle time-out of 10 s"):
        await Patience(Jumping(), total=60, idle=10).run(asyncio.Event().wait())


async def test_a_wait_leaves_its_future_alone() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    patience = Patience(Jumping(), total=1)
    with pytest.raises(OutOfPatience):
        await patience.wait(future)
    assert not future.done()


async def test_given_up_work_is_cancelled_and_cleans_up() -> None:
    cleaned = asyncio.Event()

    async def work() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        cleaned.set()

    with pytest.raises(OutOfPatience):
        await Patience(Jumping(), idle=1).run(work())
    assert cleaned.is_set()


async def test_restart_forgets_the_time_that_has_passed() -> None:
    clock = Jumping()
    patience = Patience(clock, total=10)
    clock.time += 9
    patience.restart()
    assert patience.seconds == 0


async def test_shorten_only_shortens() -> None:
    patience = Patience(Jumping(), idle=5)
    patience.shorten(50)
    with pytest.raises(OutOfPatience, match="of 5 s"):
        await patience.run(asyncio.Event().wait())
