"""Output of a command that waits to be read; when there is much of it, the host is made to wait."""

from __future__ import annotations

import asyncio

from bedside.ssh.process import Process

_LIMIT = 512 * 1024


class Inbox:
    """Bytes in the order in which they came."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._news = asyncio.Event()
        self._process: Process
        self._paused = False

    def attach(self, process: Process) -> None:
        """Say whose output it is; its end is the end of what can be read."""
        self._process = process
        process.closed.add_done_callback(lambda _: self._news.set())

    def feed(self, data: bytes) -> None:
        """Take the next bytes."""
        self._bytes += data
        self._news.set()
        if len(self._bytes) > _LIMIT and not self._paused:
            # Not at once: AsyncSSH widens the window for each piece that it hands out after a pause. Paused
            # among those pieces, it would keep the rest, let the host send more, and so grow without bound.
            self._paused = True
            asyncio.get_running_loop().call_soon(self._pause)

    async def read(self, limit: int) -> bytes:
        """Wait for bytes and return up to `limit` of them; b"" when all is read and the command is over."""
        while not self._bytes and not self._process.closed.done():
            self._news.clear()
            await self._news.wait()
        return self.take(limit)

    def take(self, limit: int) -> bytes:
        """Return up to `limit` bytes that are here."""
        data = bytes(self._bytes[:limit])
        del self._bytes[:limit]
        if self._paused and len(self._bytes) < _LIMIT // 2:
            self._paused = False
            self._process.channel.resume_reading()
        return data

    def _pause(self) -> None:
        if self._paused:
            self._process.channel.pause_reading()
