"""The line discipline of a simulated PTY: echo, erase, end of file, interrupt."""

from __future__ import annotations

import asyncio
from typing import Any

from bedside.lab.simulated import streams

_INTERRUPT, _EOF, _KILL = b"\x03", b"\x04", b"\x15"
_ERASE = (b"\x7f", b"\x08")


class Terminal:
    """Turns typed bytes into lines on `lines`; what is typed is echoed on `screen` while `echo` is true."""

    def __init__(self, lines: streams.Pipe, screen: streams.Output) -> None:
        self._lines, self._screen = lines, screen
        self._line = b""
        self.echo = True
        self.foreground: asyncio.Task[Any] | None = None
        """What an interrupt cancels."""

    async def type(self, data: bytes) -> None:
        """Take typed bytes."""
        for number in data:
            await self._key(bytes([number]))

    async def _key(self, key: bytes) -> None:
        if key in (b"\r", b"\n"):
            line, self._line = self._line + b"\n", b""
            await self._screen.write(b"\n" if self.echo else b"")
            await self._lines.write(line)
        elif key in _ERASE:
            await self._show(b"\b \b" if self._line else b"")
            self._line = self._line[:-1]
        elif key == _KILL:
            await self._show(b"\b \b" * len(self._line))
            self._line = b""
        elif key == _EOF and not self._line:
            await self._lines.close_writer()
        elif key == _INTERRUPT:
            self._line = b""
            await self._screen.write(b"^C\n")
            if self.foreground:
                self.foreground.cancel()
        else:
            self._line += key
            await self._show(key)

    async def _show(self, data: bytes) -> None:
        if self.echo:
            await self._screen.write(data)
