"""What every command is handed: the wired application, the output, the environment."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bedside.app import App
from bedside.clock import SystemClock
from bedside.config import private_opener
from bedside.errors import UsageError
from bedside.output import Output


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
        return App.load(self.config_path, self.environ, Path.cwd(), SystemClock(), warn=self.out.warn)


def _log_to(path: str) -> None:
    try:
        stream = open(path, "a", encoding="utf-8", opener=private_opener)  # noqa: SIM115 (closed at exit)
    except OSError as error:
        raise UsageError(f"the log file {path} can't be opened: {error.strerror}") from None
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(stream=stream, level=logging.DEBUG, format=form)
