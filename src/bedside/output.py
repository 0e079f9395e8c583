"""The only place that writes to the terminal.

Voice: results go to standard output, everything else to standard error. Plain words, no exclamation
marks; an error says what happened, where, and what to do. What came from a host passes `text.safe`
before it reaches a terminal; in a pipe it is written as it is, since a program reads it.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal, TextIO

from bedside import text

if TYPE_CHECKING:
    from rich.progress import Progress

ColorChoice = Literal["auto", "always", "never"]
Style = Literal["good", "bad", "warn", "dim", "bold"]

_CODES: dict[Style, str] = {"good": "32", "bad": "31", "warn": "33", "dim": "2", "bold": "1"}


class Output:
    """Standard output and standard error of one command."""

    def __init__(
        self,
        *,
        color: ColorChoice = "auto",
        verbosity: int = 0,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr
        self.verbosity = verbosity
        environ = os.environ if environ is None else environ
        wanted = color == "always" or (
            color == "auto" and "NO_COLOR" not in environ and environ.get("TERM") != "dumb"
        )
        self._color = {
            stream: wanted and (color == "always" or stream.isatty()) for stream in (self.stdout, self.stderr)
        }
        self._progress: Progress | None = None

    @property
    def interactive(self) -> bool:
        """True where a person reads standard error on a terminal: progress may be drawn there."""
        return self.stderr.isatty()

    @property
    def for_people(self) -> bool:
        """True where standard output is a terminal."""
        return self.stdout.isatty()

    def result(self, line: str = "", *, style: Style | None = None) -> None:
        """Write a line of the answer to standard output."""
        self._line(self.stdout, text.safe(line) if self.for_people else line, style)

    def note(self, line: str, *, style: Style | None = None) -> None:
        """Write a line about what is going on to standard error; not with `-q`."""
        if self.verbosity >= 0:
            self._line(self.stderr, text.safe(line), style)

    def remote_error(self, line: str) -> None:
        """Write a line of a host's standard error to ours, also with `-q`."""
        self._line(self.stderr, text.safe(line) if self.interactive else line, None)

    def detail(self, line: str) -> None:
        """Write a line that only `-v` shows."""
        if self.verbosity > 0:
            self._line(self.stderr, text.safe(line), "dim")

    def warn(self, line: str) -> None:
        """Write a warning to standard error, also with `-q`."""
        self._line(self.stderr, f"warning: {text.safe(line)}", "warn")

    def error(self, line: str) -> None:
        """Write an error to standard error."""
        self._line(self.stderr, f"error: {text.safe(line)}", "bad")

    def paint(self, words: str, style: Style, *, to_stderr: bool = False) -> str:
        """Return the words in a style, if that stream shows colours."""
        stream = self.stderr if to_stderr else self.stdout
        return f"\x1b[{_CODES[style]}m{words}\x1b[0m" if self._color[stream] else words

    @contextlib.contextmanager
    def bar(self, words: str, total: int) -> Iterator[Callable[[], None]]:
        """Draw a progress bar on standard error while a person looks; yields what counts one host done.

        Nothing is drawn in a pipe or with `-q`. Lines written meanwhile appear above the bar.
        """
        if not self.interactive or self.verbosity < 0:
            yield lambda: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        console = Console(file=self.stderr, no_color=not self._color[self.stderr], highlight=False)
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True, redirect_stdout=False) as progress:
            bar = progress.add_task(words, total=total)
            self._progress = progress
            try:
                yield lambda: progress.advance(bar)
            finally:
                self._progress = None

    @contextlib.contextmanager
    def question(self) -> Iterator[None]:
        """Take the bar away while a person is asked something on the terminal."""
        progress = self._progress
        if progress:
            progress.stop()
        try:
            yield
        finally:
            if progress:
                progress.start()

    def _line(self, stream: TextIO, line: str, style: Style | None) -> None:
        if style and self._color[stream]:
            line = f"\x1b[{_CODES[style]}m{line}\x1b[0m"
        if self._progress and stream.isatty():
            from rich.text import Text

            self._progress.console.print(Text.from_ansi(line), soft_wrap=True)
            return
        data = (line + "\n").encode("utf-8", "surrogateescape")
        try:
            stream.flush()
            stream.buffer.write(data)
            stream.buffer.flush()
        except BrokenPipeError:  # nobody reads any more: what is under way on hosts goes on all the same
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)
