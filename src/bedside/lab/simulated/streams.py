"""Byte streams between simulated commands: bounded, so that a flood waits instead of filling memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

_PIPE = 65536
_CAPTURE = 1 << 20


class Output(Protocol):
    """Where a command writes."""

    async def write(self, data: bytes) -> None:
        """Write; waits while the other side is slow. Raises BrokenPipeError, OSError (ENOSPC)."""


class Input:
    """Where a command reads: `more` returns some bytes, b"" at the end."""

    def __init__(self, more: Callable[[], Awaitable[bytes]]) -> None:
        self._more = more
        self._kept = b""

    async def read(self) -> bytes:
        """Return some bytes, b"" at the end."""
        kept, self._kept = self._kept, b""
        return kept or await self._more()

    async def readline(self) -> bytes:
        """Return one line with its line end; less at the end."""
        line = b""
        while b"\n" not in line and (data := await self.read()):
            line += data
        head, newline, self._kept = line.partition(b"\n")
        return head + newline

    async def read_all(self) -> bytes:
        """Return all that is left."""
        parts = []
        while data := await self.read():
            parts.append(data)
        return b"".join(parts)


async def _nothing() -> bytes:
    return b""


def empty() -> Input:
    """Return an input that is at its end."""
    return Input(_nothing)


def of_bytes(data: bytes) -> Input:
    """Return an input that gives `data` once."""
    parts = [data]

    async def more() -> bytes:
        return parts.pop() if parts else b""

    return Input(more)


class Sink:
    """`/dev/null`."""

    async def write(self, data: bytes) -> None:
        """Forget it."""


class Capture:
    """Keeps what is written, for `$(...)`; raises OSError past a megabyte."""

    def __init__(self) -> None:
        self.data = bytearray()

    async def write(self, data: bytes) -> None:
        """Keep it."""
        if len(self.data) + len(data) > _CAPTURE:
            raise OSError("the simulated shell captures a megabyte at most")
        self.data += data


class Pipe:
    """`|`: an output whose other end is `input`."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._changed = asyncio.Condition()
        self._written = self._unread = False
        self.input = Input(self._take)

    async def write(self, data: bytes) -> None:
        """Write, waiting while the pipe is full. Raises BrokenPipeError once the reader has gone."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._unread or len(self._data) < _PIPE)
            if self._unread:
                raise BrokenPipeError
            self._data += data
            self._changed.notify_all()

    async def _take(self) -> bytes:
        async with self._changed:
            await self._changed.wait_for(lambda: self._data or self._written)
            data = bytes(self._data)
            self._data.clear()
            self._changed.notify_all()
            return data

    async def close_writer(self) -> None:
        """Let the reader see the end."""
        async with self._changed:
            self._written = True
            self._changed.notify_all()

    async def close_reader(self) -> None:
        """Let the writer fail."""
        async with self._changed:
            self._unread = True
            self._changed.notify_all()
