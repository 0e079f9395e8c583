"""A long-lived command with both ends open: a shell to talk to."""

from __future__ import annotations

from contextlib import AsyncExitStack

import asyncssh

from bedside.runner import Command, Result, Stream
from bedside.ssh.execution import BELOW, Execution, Link
from bedside.ssh.inbox import Inbox
from bedside.ssh.patience import Patience
from bedside.ssh.process import Process
from bedside.ssh.quoting import placed


class OpenChannel:
    """A `runner.Channel` over SSH. Reads give standard output and standard error mixed, as they come.

    It has no time-outs but those that a call is given.
    """

    def __init__(self, link: Link, command: Command) -> None:
        self._link, self._command = link, command
        self._execution = Execution(link, command, "channel")
        self._ending = AsyncExitStack()
        self._process: Process
        self._inbox = Inbox()
        self._waited = False

    async def open(self) -> None:
        """Start the command. Raises TimedOut, ConnectionLost, Denied."""
        command = self._command
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._execution)
            self._process = await self._execution.start(
                placed(command.line, command.env, command.cwd), stdin=None, pty=command.pty, feed=self._feed
            )
            self._execution.patience.close()
            self._inbox.attach(self._process)
            if command.stdin:
                self._process.send(command.stdin)
            self._ending = stack.pop_all()

    async def write(self, data: bytes) -> None:
        """Send bytes to its standard input, and wait until most are on their way. Raises ConnectionLost."""
        self._process.send(data)
        await self._process.drain()
        if self._process.closed.done():
            raise self._execution.failure(self._why_lost())

    async def write_eof(self) -> None:
        """Close its standard input."""
        if not self._process.closed.done():
            self._process.end_input()

    async def read(self, limit: int = 65536, *, timeout: float | None = None) -> bytes:
        """Return up to `limit` bytes of output, b"" at the end. Raises TimedOut, ConnectionLost."""
        try:
            data = await Patience(self._link.clock, total=timeout).run(self._inbox.read(limit))
        except BELOW as error:
            raise self._execution.failure(error) from error
        if not data and self._execution.lost:
            raise self._execution.failure(self._why_lost())
        return data

    async def wait(self, *, timeout: float | None = None) -> Result:
        """Wait for its end. The result holds what was not read. Raises TimedOut, ConnectionLost."""
        if not self._waited:
            self._waited = True
            while unread := self._inbox.take(65536):
                self._execution.recorder.feed("stdout", unread)
        self._execution.patience = self._process.patience = Patience(self._link.clock, total=timeout)
        try:
            return await self._execution.finish()
        except BELOW as error:
            raise self._execution.failure(error) from error

    async def close(self) -> None:
        """End it and let go of the channel; safe to call twice."""
        await self._ending.aclose()

    def _feed(self, stream: Stream, data: bytes) -> None:
        if self._waited:
            self._execution.recorder.feed(stream, data)
        else:
            self._inbox.feed(data)

    def _why_lost(self) -> Exception:
        return self._process.lost or asyncssh.ConnectionLost("the command has ended")
