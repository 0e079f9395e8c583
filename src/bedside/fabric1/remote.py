"""One remote command as Fabric 1 runs it: its output shown as it arrives, its prompts answered."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import os
import queue
import shutil
import sys
import time
from dataclasses import dataclass
from typing import Any

from bedside.errors import HostError, TimedOut
from bedside.fabric1 import connections, keyboard, passwords
from bedside.fabric1.env import env
from bedside.fabric1.errors import CommandTimeout
from bedside.fabric1.messages import say
from bedside.runner import Channel, Command, Pty, Result, Runner, Stream

CAPTURE_LIMIT = 64 * 1024 * 1024
"""Bytes of output that a return value holds at most: the last ones."""


class Printer:
    """Writes output with `[H] out: ` before each line. CR LF, LF and a lone CR end a line."""

    def __init__(self, stream: Any, prefix: str, *, shown: bool, linewise: bool) -> None:
        self._stream, self._prefix, self._shown, self._linewise = stream, prefix, shown, linewise
        self._decode = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode
        self._held = ""
        self._begun = self._after_return = self._line_ended = False

    def feed(self, data: bytes) -> None:
        """Show what arrived."""
        if not self._shown:
            return
        text = self._lines(self._decode(data))
        if self._linewise:
            whole, newline, self._held = (self._held + text).rpartition("\n")
            text = whole + newline
        self._write(text)

    def finish(self) -> None:
        """Show what was held back, and end the bare prefix that follows a line's end."""
        if not self._shown:
            return
        self._write(self._held + self._decode(b"", True))
        if self._line_ended and self._prefix:
            self._emit("\n")

    def _lines(self, text: str) -> str:
        if self._after_return and text.startswith("\n"):
            text = text[1:]
            self._after_return = False
        if text:
            self._after_return = text.endswith("\r")
        return text.replace("\r\n", "\n").replace("\r", "\n")

    def _write(self, text: str) -> None:
        if not text:
            return
        start = "" if self._begun else self._prefix
        self._begun, self._line_ended = True, text.endswith("\n")
        self._emit(start + text.replace("\n", "\n" + self._prefix))

    def _emit(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()


class Captured:
    """What was captured of a stream, without the prompts that were answered; the last `limit` bytes."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit or CAPTURE_LIMIT
        self._data = bytearray()

    def feed(self, data: bytes) -> None:
        """Keep what arrived."""
        self._data += data
        if len(self._data) > self._limit:
            del self._data[: -self._limit]

    def take(self, ending: str) -> bool:
        """Return True, and forget the ending, where this is how the output ends now."""
        tail = ending.encode("utf-8", "surrogateescape")
        if not tail or not self._data.endswith(tail):
            return False
        del self._data[-len(tail) :]
        return True

    @property
    def text(self) -> str:
        """The text, white space at its ends cut."""
        return self._data.decode("utf-8", "surrogateescape").strip()


@dataclass(slots=True)
class Conversation:
    """How a command is run and what is done with its output."""

    line: str
    pty: bool
    combine: bool
    timeout: float | None
    out: Printer
    err: Printer
    stdout: Captured
    stderr: Captured

    def run(self) -> int:
        """Run the command on the current host; return its code, -1 for a signal.

        Raises CommandTimeout, NetworkError.
        """
        runner = connections.runner()
        try:
            result = self._mixed(runner) if self.pty or self.combine else self._apart(runner)
        except TimedOut:
            raise CommandTimeout(self.timeout or 0) from None
        except HostError as error:
            env._engine.forget(connections.key())
            raise connections.network_error(error) from None
        self.out.finish()
        self.err.finish()
        return -1 if result.exit is None else result.exit

    def _mixed(self, runner: Runner) -> Result:
        """Both outputs as one, in the order in which they arrive, with someone to talk to."""
        engine = env._engine
        deadline = time.monotonic() + self.timeout if self.timeout else None
        channel = engine.wait(runner.open(self._command()))
        try:
            typing = _Typing(channel, echo=not self.pty and env.echo_stdin)
            with keyboard.Forwarding(engine.loop, typing) as forwarding:
                while data := engine.wait(channel.read(timeout=_left(deadline))):
                    self.out.feed(data)
                    self.stdout.feed(data)
                    self._answer(channel, forwarding)
            return engine.wait(channel.wait(timeout=_left(deadline)))
        finally:
            engine.wait(channel.close())

    def _apart(self, runner: Runner) -> Result:
        """The outputs apart; nothing can be answered."""
        arrived: queue.SimpleQueue[tuple[Stream, bytes] | None] = queue.SimpleQueue()
        running = env._engine.start(
            runner.run(self._command(), on_data=lambda stream, data: arrived.put((stream, data)))
        )
        running.add_done_callback(lambda _: arrived.put(None))
        try:
            while event := arrived.get():
                stream, data = event
                (self.out if stream == "stdout" else self.err).feed(data)
                (self.stdout if stream == "stdout" else self.stderr).feed(data)
            return running.result()
        finally:
            running.cancel()

    def _command(self) -> Command:
        return Command(
            self.line, pty=_terminal() if self.pty else None, timeout=self.timeout or 0, idle_timeout=0
        )

    def _answer(self, channel: Channel, forwarding: keyboard.Forwarding) -> None:
        """Send what is known, or asked for, where the output ends in a prompt."""
        if self.stdout.take(env.sudo_prompt):
            refused = self.stdout.take(env.again_prompt + "\r\n") or self.stdout.take(env.again_prompt + "\n")
            with forwarding.paused():
                password = passwords.for_sudo(refused=refused)
            self._send(channel, password)
            return
        for ending, answer in env.prompts.items():
            if self.stdout.take(ending):
                self._send(channel, answer)
                return

    @staticmethod
    def _send(channel: Channel, text: str) -> None:
        env._engine.wait(channel.write(text.encode("utf-8", "surrogateescape") + b"\n"))


class _Typing:
    """Passes typed bytes on to a channel, from the loop's thread, in order."""

    def __init__(self, channel: Channel, *, echo: bool) -> None:
        self._channel, self._echo = channel, echo
        self._writing: set[asyncio.Task[None]] = set()

    def __call__(self, data: bytes) -> None:
        if self._echo:
            say(data.decode("utf-8", "surrogateescape"), end="")
        task = asyncio.get_running_loop().create_task(self._write(data))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, data: bytes) -> None:
        with contextlib.suppress(HostError):  # the command has ended: the reader sees that
            await self._channel.write(data)


def _left(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.001, deadline - time.monotonic())


def _terminal() -> Pty:
    size = shutil.get_terminal_size((80, 24)) if sys.stdout.isatty() else os.terminal_size((80, 24))
    return Pty("vt100", size.columns, size.lines)
