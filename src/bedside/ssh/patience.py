"""Waiting with an end: a limit on the whole, and one on the time without any sign of life."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Literal, TypeVar

from bedside.clock import Clock

T = TypeVar("T")

CLEANUP_S = 5.0
"""What is given up gets this many seconds to put things in order."""


class OutOfPatience(Exception):
    """A limit was reached: `which` one, of how many `seconds`."""

    def __init__(self, which: Literal["total", "idle"], seconds: float) -> None:
        super().__init__(which, seconds)
        self.which, self.seconds = which, seconds

    def __str__(self) -> str:
        kind = "the time-out" if self.which == "total" else "the idle time-out"
        return f"{kind} of {self.seconds:g} s"


class Patience:
    """The limits of one piece of work, in seconds; None and 0 mean none."""

    def __init__(self, clock: Clock, *, total: float | None = None, idle: float | None = None) -> None:
        self._clock = clock
        self._total = total or 0.0
        self._idle = idle or 0.0
        self._start = self._last = clock.monotonic()
        self._alarm: asyncio.Task[OutOfPatience] | None = None

    @property
    def seconds(self) -> float:
        """Seconds since the work began."""
        return self._clock.monotonic() - self._start

    def progress(self) -> None:
        """Something happened: the idle time starts anew."""
        self._last = self._clock.monotonic()

    def shorten(self, idle: float) -> None:
        """From now on, wait at most `idle` seconds without a sign of life."""
        self._idle = min(self._idle, idle) if self._idle else idle
        self.progress()
        self.close()

    def restart(self) -> None:
        """Both times start anew: what went before was not the work's own (a person was asked)."""
        self._start = self._last = self._clock.monotonic()
        self.close()

    async def wait(self, future: asyncio.Future[T]) -> T:
        """Return the future's result. Raises OutOfPatience and leaves the future as it is.

        Who waits calls `close` in the end.
        """
        if future.done() or not (self._total or self._idle):
            return await future
        if self._alarm is None:  # one for all waits: starting it anew costs as much as a packet
            self._alarm = asyncio.ensure_future(self._watch())
        alarm = self._alarm
        await asyncio.wait((future, alarm), return_when=asyncio.FIRST_COMPLETED)
        if not future.done():
            raise alarm.result()
        return future.result()

    def close(self) -> None:
        """Nothing is waited for any more."""
        if self._alarm:
            self._alarm.cancel()
            self._alarm = None

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the work's result; where a limit is reached or we are cancelled, cancel it.

        Raises OutOfPatience.
        """
        task = asyncio.ensure_future(work)
        try:
            return await self.wait(task)
        finally:
            self.close()
            if not task.done():
                task.cancel()
                await asyncio.wait((task,), timeout=CLEANUP_S)
            if task.done() and not task.cancelled():
                task.exception()  # seen, even where a limit came first

    async def _watch(self) -> OutOfPatience:
        while True:
            now = self._clock.monotonic()
            total_left = self._start + self._total - now if self._total else float("inf")
            idle_left = self._last + self._idle - now if self._idle else float("inf")
            if total_left <= 0:
                return OutOfPatience("total", self._total)
            if idle_left <= 0:
                return OutOfPatience("idle", self._idle)
            await self._clock.sleep(min(total_left, idle_left))
