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
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

from bedside.fabric1.env import env
from bedside.fabric1.messages import abort, complain, say


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


@contextlib.contextmanager
def passed_on(loop: asyncio.AbstractEventLoop, send: Callable[[bytes], None]) -> Iterator[None]:
    """While the block runs, call `send` on the loop with each byte of standard input.

    A terminal gives characters at once and shows none itself. The end of input is not passed on.
    """
    number = _number()
    if number is None or not _ours(number):
        yield
        return
    with _characters_at_once(number):
        reading = asyncio.run_coroutine_threadsafe(_Reading(number, send).begin(), loop).result(5)
        try:
            yield
        finally:
            asyncio.run_coroutine_threadsafe(reading.end(), loop).result(5)


class _Reading:
    def __init__(self, number: int, send: Callable[[bytes], None]) -> None:
        self._number, self._send = number, send
        self._stepping: asyncio.Task[None] | None = None
        self._watched = False

    async def begin(self) -> _Reading:
        if stat.S_ISREG(os.fstat(self._number).st_mode):
            self._stepping = asyncio.create_task(self._step())  # a file is always ready
        else:
            with contextlib.suppress(PermissionError):  # /dev/null can't be watched, and has nothing
                asyncio.get_running_loop().add_reader(self._number, self._take)
                self._watched = True
        return self

    async def end(self) -> None:
        if self._watched:
            asyncio.get_running_loop().remove_reader(self._number)
            self._watched = False
        if self._stepping:
            self._stepping.cancel()

    def _take(self) -> bool:
        data = os.read(self._number, 1)
        if data:
            self._send(data)
        elif self._watched:
            asyncio.get_running_loop().remove_reader(self._number)
            self._watched = False
        return bool(data)

    async def _step(self) -> None:
        while self._take():  # noqa: ASYNC110 (a file has no event to wait for)
            await asyncio.sleep(0)


@contextlib.contextmanager
def _characters_at_once(number: int) -> Iterator[None]:
    if not os.isatty(number):
        yield
        return
    before = termios.tcgetattr(number)
    tty.setcbreak(number)
    try:
        yield
    finally:
        termios.tcsetattr(number, termios.TCSADRAIN, before)


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
