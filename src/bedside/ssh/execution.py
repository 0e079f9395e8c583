"""One command from start to end: its limits, its output, and its failures in our own words."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import asyncssh

from bedside import text
from bedside.clock import Clock
from bedside.errors import ConnectionLost, Denied, HostError, TimedOut, UsageError
from bedside.runner import Command, OnData, OnLine, Pty, Result
from bedside.ssh.capture import CaptureSettings, Recorder
from bedside.ssh.patience import OutOfPatience, Patience
from bedside.ssh.process import Feed, Process, start
from bedside.ssh.translate import translate

LINGER_S = 5.0
"""A command that has ended, but whose output is held open (by a daemon it left behind), is waited for as
long as output keeps coming, and these seconds more."""


BELOW = (OutOfPatience, asyncssh.Error, OSError)
"""What may come up from the layers below, and never leaves this room."""


@dataclass(frozen=True, slots=True)
class Link:
    """What every command on one host shares. Time-outs are seconds, 0 means none."""

    host: str
    raw: asyncssh.SSHClientConnection
    clock: Clock
    capture: CaptureSettings
    command_timeout: float = 0.0
    idle_timeout: float = 0.0


class Execution:
    """A context in which one command runs; what goes wrong in it leaves as a HostError of this phase.

    However it is left, the command is ended and its channel given back.
    """

    def __init__(
        self, link: Link, command: Command, phase: str,
        *, on_line: OnLine | None = None, on_data: OnData | None = None,
    ) -> None:  # fmt: skip
        self._link, self._command, self._phase = link, command, phase
        self.recorder = Recorder(link.capture, link.host, on_line=on_line, on_data=on_data)
        self.patience = Patience(
            link.clock,
            total=link.command_timeout if command.timeout is None else command.timeout,
            idle=link.idle_timeout if command.idle_timeout is None else command.idle_timeout,
        )
        self.process: Process | None = None
        """The command, once it was started."""

    async def start(
        self, line: str, *, stdin: bytes | None, pty: Pty | None = None, feed: Feed | None = None
    ) -> Process:
        """Start the line; with `stdin` None the caller writes and ends the input."""
        if not line.strip():
            raise UsageError("there is no command to run")
        self.process = await start(
            self._link.raw, line, feed or self.recorder.feed, self.patience, stdin=stdin, pty=pty
        )
        return self.process

    async def finish(self) -> Result:
        """Wait for the end of the command that was started."""
        process = self.process
        if process is None:
            raise RuntimeError("finish before start")
        await self.patience.wait(process.exited)
        if not process.closed.done():
            try:
                self.patience.shorten(LINGER_S)
                await self.patience.wait(process.closed)
            except OutOfPatience:
                process.channel.abort()
        if process.broken:
            raise process.broken
        if self.lost:
            raise process.lost or asyncssh.ConnectionLost("Connection closed")
        self.recorder.close()
        return self.result()

    @property
    def lost(self) -> bool:
        """True when the connection broke before the command said how it ended."""
        process = self.process
        return bool(
            process and process.closed.done() and process.exit is None and process.signal is None
            and (process.lost or self._link.raw.is_closed())
        )  # fmt: skip

    def result(self) -> Result:
        """Return what is known so far."""
        out, err = self.recorder.stdout, self.recorder.stderr
        return Result(
            host=self._link.host,
            command=self._command.line,
            exit=self.process.exit if self.process else None,
            signal=self.process.signal if self.process else None,
            stdout=out.kept(),
            stderr=err.kept(),
            seconds=self.patience.seconds,
            truncated=out.truncated or err.truncated,
            stdout_file=out.path,
            stderr_file=err.path,
        )

    def failure(self, error: Exception) -> HostError:
        """Return what to raise in place of an error from below."""
        failure = self._translated(error)
        if isinstance(failure, TimedOut | ConnectionLost):
            failure.result = self.result()
        return failure

    def _translated(self, error: Exception) -> HostError:
        host, phase, seconds = self._link.host, self._phase, self.patience.seconds
        if isinstance(error, OutOfPatience):
            what = text.one_line(self._command.line, 60)
            advice = "give it more time, or look at what it waits for"
            return TimedOut(
                f"{what!r} reached {error}", host=host, phase=phase, seconds=seconds, advice=advice
            )
        if isinstance(error, asyncssh.ChannelOpenError):
            if self._link.raw.is_closed():
                return ConnectionLost("the connection broke", host=host, phase=phase, seconds=seconds)
            words = f"the host opens no channel: {text.one_line(error.reason)}"
            advice = "it may allow only few at once (MaxSessions in its sshd_config)"
            return Denied(words, host=host, phase=phase, seconds=seconds, advice=advice)
        return translate(error, host=host, phase=phase, seconds=seconds)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.patience.close()
        process = self.process
        if process and not process.closed.done():
            if isinstance(error, OutOfPatience | asyncio.CancelledError):
                await process.stop()
            else:
                process.channel.abort()
        try:
            if isinstance(error, BELOW) and error is not (process and process.broken):
                raise self.failure(error) from error
        finally:
            self.recorder.close()
