"""Standard input: questions to the user, and passing it on to a command that runs.

Bytes are read one by one and unbuffered, so that what a question or a command did not take is there for
the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import os
import stat
import sys
import termios
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bedside.fabric1.env import env
from bedside.fabric1.messages import abort, complain, say

_LOOP_S = 5.0
"""Seconds that the event loop may take to do a little thing for us."""


def ask(question: str) -> str:
    """Ask on standard output and return one line. Raises EOFError at the end of input."""
    if _is_terminal():
        return input(question)
    say(question, end="")
    return _line()


def ask_secret(question: str) -> str:
    """Ask for a password without showing it, where there is a terminal to ask on."""
    sys.stdout.flush()
    try:
        with Path("/dev/tty").open("rb"):
            pass
    except OSError:
        complain("Warning: Password input may be echoed.")
        complain(question, end="")
        try:
            return _line()
        finally:
            complain("")
    return getpass.getpass(question)


def refuse_to_ask(what: str) -> None:
    """Abort where questions are forbidden (`env.abort_on_prompts`)."""
    if env.get("abort_on_prompts"):
        abort(f"Needed to prompt for {what} (host: {env.host_string}), but abort-on-prompts was set to True")


def password(question: str) -> str:
    """Ask for a password until it is not empty."""
    refuse_to_ask("a connection or sudo password")
    while not (given := ask_secret(question)):
        complain("Sorry, you can't enter an empty password. Please try again.")
    return given


class Forwarding:
    """Passes standard input on to a command, from `start` to `stop`, byte by byte.

    `send` is called on the loop. A terminal gives characters at once meanwhile, and shows none itself.
    The end of input is not passed on. Where there is no input of ours, nothing happens.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, send: Callable[[bytes], None]) -> None:
        self._loop, self._send = loop, send
        number = _number()
        self._number = number if number is not None and _ours(number) else None
        self._modes: list[Any] | None = None
        self._watched = False
        self._stepping: asyncio.Task[None] | None = None

    def __enter__(self) -> Forwarding:
        self.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Let a question have the keyboard."""
        self.stop()
        try:
            yield
        finally:
            self.start()

    def start(self) -> None:
        """Begin to pass on."""
        if self._number is None:
            return
        if os.isatty(self._number):
            self._modes = termios.tcgetattr(self._number)
            tty.setcbreak(self._number, termios.TCSADRAIN)  # what was typed ahead is kept
        self._on_loop(self._begin)

    def stop(self) -> None:
        """Stop passing on, and give the terminal back as it was."""
        if self._number is None:
            return
        self._on_loop(self._end)
        if self._modes is not None:
            termios.tcsetattr(self._number, termios.TCSADRAIN, self._modes)
            self._modes = None

    def _on_loop(self, call: Callable[[], None]) -> None:
        done = threading.Event()

        def work() -> None:
            try:
                call()
            finally:
                done.set()

        self._loop.call_soon_threadsafe(work)
        done.wait(_LOOP_S)

    def _begin(self) -> None:
        if self._number is None:
            return
        if stat.S_ISREG(os.fstat(self._number).st_mode):
            self._stepping = self._loop.create_task(self._step())  # a file is always ready
            return
        with contextlib.suppress(PermissionError):  # /dev/null can't be watched, and has nothing
            self._loop.add_reader(self._number, self._take)
            self._watched = True

    def _end(self) -> None:
        if self._watched and self._number is not None:
            self._loop.remove_reader(self._number)
            self._watched = False
        if self._stepping:
            self._stepping.cancel()
            self._stepping = None

    def _take(self) -> bool:
        try:
            data = os.read(self._number or 0, 1)
        except OSError:  # the terminal is gone
            data = b""
        if data:
            self._send(data)
        else:
            self._end()
        return bool(data)

    async def _step(self) -> None:
        while self._take():  # noqa: ASYNC110 (a file has no event to wait for)
            await asyncio.sleep(0)


def _ours(number: int) -> bool:
    """Return False for a terminal whose foreground is another job: reading would stop us."""
    try:
        return not os.isatty(number) or os.tcgetpgrp(number) == os.getpgrp()
    except OSError:
        return False


def _number() -> int | None:
    try:
        return sys.stdin.fileno()
    except (OSError, ValueError, AttributeError):
        return None


def _is_terminal() -> bool:
    number = _number()
    return number is not None and os.isatty(number)


def _line() -> str:
    number = _number()
    data = b""
    while number is not None and not data.endswith(b"\n"):
        if not (byte := os.read(number, 1)):
            break
        data += byte
    if not data:
        raise EOFError("EOF when reading a line")
    return data.decode("utf-8", "surrogateescape").rstrip("\r\n")
