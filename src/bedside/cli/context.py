"""What every command is handed: the wired application, the output, the environment."""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import logging
import sys
import termios
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

from bedside.app import App
from bedside.clock import SystemClock
from bedside.config import private_opener
from bedside.errors import UsageError
from bedside.output import Output
from bedside.text import safe


@dataclass
class Context:
    """`ctx.obj` of every command; the application is wired at its first use."""

    config_path: str | None
    out: Output
    environ: Mapping[str, str]

    @classmethod
    def make(
        cls, config_path: str | None, out: Output, environ: Mapping[str, str], log_file: str | None
    ) -> Context:
        """Make the context of one call; with `log_file`, debug messages are appended there."""
        if log_file:
            _log_to(log_file)
        return cls(config_path, out, environ)

    @cached_property
    def app(self) -> App:
        """The application. Raises ConfigError."""
        person = partial(ask, self.out) if sys.stdin.isatty() else None
        return App.load(
            self.config_path, self.environ, Path.cwd(), SystemClock(), warn=self.out.warn, ask=person
        )


async def ask(out: Output, question: str, visible: bool) -> str | None:
    """Ask the person at the terminal; None where they only press enter, or end the input."""
    before = termios.tcgetattr(sys.stdin)
    with out.question():
        try:
            return await _answer(question, visible=visible)
        finally:  # getpass, broken off, would leave the terminal without echo
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


async def _answer(question: str, *, visible: bool) -> str | None:
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str | None] = loop.create_future()

    def settle(given: str | None) -> None:
        if not answer.done():
            answer.set_result(given)

    def wait() -> None:
        try:
            given = input(safe(question)) if visible else getpass.getpass(safe(question))
        except (EOFError, OSError):
            given = ""
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, given or None)

    # A daemon of its own: Ctrl-C must not wait for a line that never comes.
    threading.Thread(target=wait, name="bedside-ask", daemon=True).start()
    return await answer


def _log_to(path: str) -> None:
    try:
        stream = open(path, "a", encoding="utf-8", opener=private_opener)  # noqa: SIM115 (closed at exit)
    except OSError as error:
        raise UsageError(f"the log file {path} can't be opened: {error.strerror}") from None
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(stream=stream, level=logging.DEBUG, format=form)
