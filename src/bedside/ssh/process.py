"""One command on its SSH channel, straight from AsyncSSH's callbacks.

AsyncSSH's own process objects put streams, readers and text codecs between the packets and us; here
bytes go to a function. Nothing of ours may raise inside its callbacks, or it would end the connection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

import asyncssh

from bedside.runner import Pty, Stream
from bedside.ssh.patience import Patience

Feed = Callable[[Stream, bytes], None]

_ATTEMPTS = 4
"""dropbear (2022) closes a channel that was just opened when a command on another one ends in that moment.
No command has run then, so it is tried again."""
_END_OF_INPUT = b"\x04"


class Process(asyncssh.SSHClientSession[bytes]):
    """A command that was started. `exited` is done when its status is known, `closed` when all is over."""

    def __init__(self, feed: Feed, patience: Patience, *, stdin: bytes | None, pty: bool) -> None:
        loop = asyncio.get_running_loop()
        self._feed, self._stdin, self._pty = feed, stdin, pty
        self.patience = patience
        """Told of every sign of life."""
        self._writable: asyncio.Future[None] | None = None
        self.channel: asyncssh.SSHClientChannel[bytes]
        self.exited: asyncio.Future[None] = loop.create_future()
        self.closed: asyncio.Future[None] = loop.create_future()
        self.exit: int | None = None
        self.signal: str | None = None
        self.lost: Exception | None = None
        """Why the connection broke, if it did."""
        self.broken: Exception | None = None
        """What a caller's own function raised when it was shown output."""

    def send(self, data: bytes) -> None:
        """Put bytes in the queue to standard input. Silent when the command no longer listens."""
        if not self.channel.is_closing():
            self.channel.write(data)

    async def drain(self) -> None:
        """Wait until the queue to standard input is short, or the command is over."""
        if self._writable and not self.closed.done():
            await asyncio.wait((self._writable, self.closed), return_when=asyncio.FIRST_COMPLETED)

    def end_input(self, last: bytes = b"") -> None:
        """Close standard input. A terminal knows no such thing: it is sent control-D."""
        if not self._pty:
            self.channel.write_eof()
        else:  # behind an unfinished line the first control-D only hands out that line
            self.send(_END_OF_INPUT if last.endswith(b"\n") or not last else _END_OF_INPUT * 2)

    async def stop(self, grace: float = 0.5) -> None:
        """End the command with SIGTERM, after `grace` seconds with SIGKILL, and let go of the channel."""
        if not self.closed.done():
            self.channel.send_signal("TERM")
            await asyncio.wait((self.closed,), timeout=grace)
            self.channel.send_signal("KILL")
        self.channel.abort()

    def session_started(self) -> None:
        """Called by AsyncSSH when the command runs."""
        if self._stdin is not None:
            stdin, self._stdin = self._stdin, None
            self.send(stdin)
            self.end_input(stdin)

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Called by AsyncSSH with output."""
        self.patience.progress()
        if self.broken:
            return
        try:
            self._feed("stderr" if datatype else "stdout", data)
        except Exception as error:  # a caller's function: its error belongs to the caller, not to AsyncSSH
            self.broken = error
            self.channel.abort()

    def pause_writing(self) -> None:
        """Called by AsyncSSH when its queue is long."""
        self._writable = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """Called by AsyncSSH when its queue is short again."""
        self.patience.progress()
        if self._writable:
            self._writable.set_result(None)
            self._writable = None

    def eof_received(self) -> bool:
        """Called by AsyncSSH at the end of output; True keeps our side open for writing."""
        return True

    def exit_status_received(self, status: int) -> None:
        """Called by AsyncSSH with the exit status."""
        self.exit = status
        self._settle(self.exited)

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        """Called by AsyncSSH when a signal ended the command."""
        self.signal = signal
        self._settle(self.exited)

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        """Called by AsyncSSH when the channel is open."""
        self.channel = chan

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by AsyncSSH when the channel is closed, or with the reason when the connection broke."""
        self.lost = exc
        self._settle(self.exited)
        self._settle(self.closed)

    @staticmethod
    def _settle(future: asyncio.Future[None]) -> None:
        if not future.done():
            future.set_result(None)


async def start(
    raw: asyncssh.SSHClientConnection, line: str, feed: Feed, patience: Patience, *,
    stdin: bytes | None = None, pty: Pty | None = None,
) -> Process:  # fmt: skip
    """Start a command line in the login shell. With `stdin` None the caller feeds and ends the input.

    Raises OutOfPatience, asyncssh.Error, OSError.
    """
    for attempt in range(_ATTEMPTS):
        process = Process(feed, patience, stdin=stdin, pty=pty is not None)
        try:
            await _open(raw, line, process, patience, pty)
            break
        except asyncssh.ChannelOpenError:
            await asyncio.sleep(0)  # a close that came before the answer is told in the next round
            if attempt + 1 == _ATTEMPTS or not process.closed.done() or raw.is_closed():
                raise
    return process


async def _open(
    raw: asyncssh.SSHClientConnection, line: str, process: Process, patience: Patience, pty: Pty | None
) -> None:
    opening = asyncio.ensure_future(
        raw.create_session(
            lambda: process,
            cast(str, line.encode("utf-8", "surrogateescape")),  # AsyncSSH sends bytes as they are
            encoding=None,
            request_pty="force" if pty else False,
            term_type=pty.term if pty else None,
            term_size=(pty.columns, pty.rows) if pty else None,
            x11_forwarding=False,
        )
    )
    try:
        await patience.wait(opening)
    except BaseException:
        if not opening.done():  # it may still come about; then nobody wants it
            opening.add_done_callback(lambda done: _let_go(done, process))
        raise


def _let_go(opening: asyncio.Task[object], process: Process) -> None:
    if not opening.cancelled() and opening.exception() is None:
        process.channel.abort()
