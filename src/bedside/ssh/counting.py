"""Copying several files at once, and counting their bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bedside import text
from bedside.ssh.patience import Patience

Job = Callable[[], Awaitable[None]]
Progress = Callable[[str, int, int], None]
"""Called with a file's path on this side, its bytes copied so far, and its size."""


class Count:
    """Bytes of one file copied so far."""

    def __init__(self, patience: Patience, progress: Progress | None, path: bytes, size: int) -> None:
        self._patience, self._progress, self._path, self._size = patience, progress, path, size
        self.done = 0

    def more(self, count: int) -> None:
        """So many bytes more were copied."""
        self.done += count
        self._patience.progress()
        if self._progress:
            self._progress(text.decode(self._path), self.done, self._size)


async def side_by_side(jobs: list[Job], limit: int) -> None:
    """Run the jobs, so many at once. The first that fails ends the others."""
    waiting = iter(jobs)

    async def work() -> None:
        for job in waiting:
            await job()

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(limit, len(jobs))):
                group.create_task(work())
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
