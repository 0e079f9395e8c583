"""Requests side by side, answers in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Any, Generic, Self, TypeVar

T = TypeVar("T")


class Pipeline(Generic[T]):
    """A context; when it is left, what is still under way is cancelled, and its errors are not heard."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._tasks: deque[asyncio.Task[T]] = deque()

    @property
    def full(self) -> bool:
        """True when as much as is allowed is under way."""
        return len(self._tasks) >= self._limit

    def __bool__(self) -> bool:
        return bool(self._tasks)

    def add(self, work: Coroutine[Any, Any, T]) -> None:
        """Start a request."""
        self._tasks.append(asyncio.ensure_future(work))

    async def next(self) -> T:
        """Wait for the answer to the oldest request."""
        answer = await self._tasks[0]
        self._tasks.popleft()
        return answer

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
