"""A simulated host's TCP port: open, shut, or silent as behind a cut cable. Needs no privilege.

A silent port is a listening socket whose queue has room for one connection, which we fill ourselves, and
from which nobody accepts: the kernel then drops every further SYN, so that clients run into their own
time-outs. (A socket filter would do too, but not everywhere may a plain user attach one.)
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import asyncssh

Listener = asyncio.Server | asyncssh.SSHAcceptor
Accept = Callable[[socket.socket], Awaitable[Listener]]
"""Starts to accept connections on a socket, which it then owns."""


class Door:
    """The port of one host. It keeps its number, which is chosen as it first opens."""

    def __init__(self, address: str, accept: Accept) -> None:
        self.address, self.port = address, 0
        self._accept = accept
        self._socket: socket.socket | None = None
        self._listener: Listener | None = None
        self._filler: socket.socket | None = None
        self._lock = asyncio.Lock()

    async def open(self) -> None:
        """Accept connections."""
        async with self._lock:
            self._unfill()
            if self._listener is None:
                self._listener = await self._accept(self._bound().dup())

    async def silence(self) -> None:
        """Answer nobody: connections that come now meet silence."""
        async with self._lock:
            self._stop_accepting()
            if self._filler is None:
                self._bound().listen(0)
                self._filler = socket.socket()
                self._filler.setblocking(False)
                self._filler.connect_ex((self.address, self.port))

    async def shut(self) -> None:
        """Let the kernel refuse connections."""
        async with self._lock:
            self._stop_accepting()
            self._unfill()
            if self._socket:
                self._socket.close()
                self._socket = None

    def _bound(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.socket()
            self._socket.setblocking(False)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((self.address, self.port))
            self.port = self._socket.getsockname()[1]
        return self._socket

    def _stop_accepting(self) -> None:
        if self._listener:
            self._listener.close()
            self._listener = None

    def _unfill(self) -> None:
        if self._filler:
            self._filler.close()
            self._filler = None
