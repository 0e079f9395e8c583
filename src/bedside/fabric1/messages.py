"""What Fabric 1 says: `abort warn error puts fastprint indent`, on the fabfile's own streams.

A fabfile prints too, and the two must not overtake each other: so this room writes through `sys.stdout`
and flushes, and leaves the bytes of hosts as they are, as Fabric 1 did.
"""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Callable
from typing import Any, NoReturn

from bedside.fabric1 import colors
from bedside.fabric1.env import env, output
from bedside.tasks.traces import user_trace


class Aborted(SystemExit):
    """What `abort` raises: a SystemExit(1) that remembers why."""

    def __init__(self, message: str) -> None:
        super().__init__(1)
        self.message = message


def say(text: str, end: str = "\n") -> None:
    """Write to standard output at once."""
    sys.stdout.write(text + end)
    sys.stdout.flush()


def complain(text: str, end: str = "\n") -> None:
    """Write to standard error at once."""
    sys.stdout.flush()
    sys.stderr.write(text + end)
    sys.stderr.flush()


def abort(msg: str) -> NoReturn:
    """Stop the run: raises SystemExit(1), or `env.abort_exception` with the message."""
    if output.aborts:
        text = f"\nFatal error: {msg}\n\nAborting."
        complain(colors.red(text) if env.get("colorize_errors") else text)
    if env.abort_exception:
        raise env.abort_exception(msg)
    raise Aborted(msg)


def warn(msg: str) -> None:
    """Print a warning and go on."""
    if output.warnings:
        text = f"\nWarning: {msg}\n"
        complain(colors.magenta(text) if env.get("colorize_errors") else text)


def error(
    message: str, func: Callable[[str], Any] | None = None, exception: BaseException | None = None,
    stdout: str | None = None, stderr: str | None = None,
) -> Any:  # fmt: skip
    """Abort, or under `warn_only` warn; `exception` and what was captured unseen are added."""
    func = func or (warn if env.warn_only else abort)
    if output.exceptions or output.debug:
        message += f"\n\n{_traceback()}"
    elif exception is not None:
        text = getattr(exception, "strerror", None) or str(exception)
        message += f"\n\nUnderlying exception:\n{indent(str(text))}"
    if func is abort:
        if stdout and not output.stdout:
            message += _block("Standard output", stdout)
        if stderr and not output.stderr:
            message += _block("Standard error", stderr)
    return func(message)


def puts(text: Any, show_prefix: bool | None = None, end: str = "\n", flush: bool = False) -> None:
    """Print text with the host before it, at level `user`."""
    if not output.user:
        return
    shown = env.output_prefix if show_prefix is None else show_prefix
    prefix = f"[{env.host_string}] " if env.host_string and shown else ""
    say(f"{prefix}{text}", end)


def fastprint(text: Any, show_prefix: bool = False, end: str = "", flush: bool = True) -> None:
    """Print text with neither prefix nor newline, at level `user`."""
    puts(text, show_prefix, end, flush)


def indent(text: Any, spaces: int = 4, strip: bool = False) -> str:
    """Indent a text, or a list of lines; `strip` takes their common indentation away first."""
    if not isinstance(text, str):
        text = "\n".join(text)
    text = textwrap.dedent(text) if strip else text
    return "\n".join(" " * spaces + line for line in text.splitlines())


def _traceback() -> str:
    active = sys.exc_info()[1]
    return user_trace(active) if active is not None else "None\n"


def _block(title: str, text: str) -> str:
    width = shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 80
    side = "=" * ((width - len(title) - 2) // 2)
    return f"\n\n{side} {title} {side}\n\n{text}\n\n{'=' * width}"


def print_exception(raised: BaseException) -> None:
    """Print an uncaught exception with the user's own frames."""
    complain(user_trace(raised), end="")
