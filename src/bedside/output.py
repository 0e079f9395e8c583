"""The only place that writes to the terminal.

Voice: results go to standard output, everything else to standard error. Plain words, no exclamation
marks; an error says what happened, where, and what to do. What came from a host passes `text.safe`
before it reaches a terminal; in a pipe it is written as it is, since a program reads it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import IO, Literal

from bedside import text

ColorChoice = Literal["auto", "always", "never"]
Style = Literal["good", "bad", "warn", "dim", "bold"]

_CODES: dict[Style, str] = {"good": "32", "bad": "31", "warn": "33", "dim": "2", "bold": "1"}


class Output:
    """Standard output and standard error of one command."""

    def __init__(
        self, *, color: ColorChoice = "auto", verbosity: int = 0,
        stdout: IO[str] | None = None, stderr: IO[str] | None = None, environ: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.stdout = stdout or sys.stdout
        self.stderr = stderr or sys.stderr
        self.verbosity = verbosity
        environ = os.environ if environ is None else environ
        self._color = {
            stream: color == "always"
            or (color == "auto" and stream.isatty() and "NO_COLOR" not in environ and environ.get("TERM") != "dumb")
            for stream in (self.stdout, self.stderr)
        }

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

    def _line(self, stream: IO[str], line: str, style: Style | None) -> None:
        if style and self._color[stream]:
            line = f"\x1b[{_CODES[style]}m{line}\x1b[0m"
        data = (line + "\n").encode("utf-8", "surrogateescape")
        if buffer := getattr(stream, "buffer", None):
            stream.flush()
            buffer.write(data)
            buffer.flush()
        else:
            stream.write(data.decode("utf-8", "replace"))
            stream.flush()
