"""The port through which a host is acted upon.

`ssh.session.Session` is one Runner; the guard's detached jobs will be another. Tasks, stages and
commands know only what stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

Stream = Literal["stdout", "stderr"]
OnLine = Callable[[Stream, bytes], None]
"""Called with each line as it arrives, without its line end; the last one may have had none."""
OnData = Callable[[Stream, bytes], None]
"""Called with bytes as they arrive, for callers (a PTY's prompt) that can't wait for a line's end."""


@dataclass(frozen=True, slots=True)
class Pty:
    """A pseudo-terminal for a command (RFC 4254, 6.2)."""

    term: str = "vt100"
    columns: int = 80
    rows: int = 24


@dataclass(frozen=True, slots=True)
class Command:
    """One command line for the host's login shell.

    `env` is exported and `cwd` entered by a prefix of our own, quoted, since most sshd accept no
    environment. Time-outs are seconds; None means the session's own, 0 means none.
    """

    line: str
    stdin: bytes | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None
    pty: Pty | None = None
    timeout: float | None = None
    idle_timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What a command did. Exactly one of `exit` and `signal` is set if it ended by itself.

    `stdout` and `stderr` hold at most the session's memory limit in bytes: where `truncated`, they are
    the first and last halves with a line between that says how much is left out, and the whole stream
    is in the file `stdout_file` or `stderr_file`.
    """

    host: str
    command: str
    exit: int | None
    signal: str | None
    stdout: bytes
    stderr: bytes
    seconds: float
    truncated: bool = False
    stdout_file: Path | None = None
    stderr_file: Path | None = None

    @property
    def ok(self) -> bool:
        """True when the command ended with status 0."""
        return self.exit == 0

    @property
    def out(self) -> str:
        """Standard output as text (UTF-8, other bytes kept as surrogates), white space at its ends cut."""
        return self.stdout.decode("utf-8", "surrogateescape").strip()

    @property
    def err(self) -> str:
        """Standard error, as `out`."""
        return self.stderr.decode("utf-8", "surrogateescape").strip()


class Channel(Protocol):
    """A long-lived command with both ends open: a shell to talk to, the rope of a guard."""

    async def write(self, data: bytes) -> None:
        """Send bytes to its standard input. Raises ConnectionLost."""

    async def write_eof(self) -> None:
        """Close its standard input."""

    async def read(self, limit: int = 65536, *, timeout: float | None = None) -> bytes:
        """Return up to `limit` bytes of its output, b"" at the end. Raises TimedOut, ConnectionLost."""

    async def wait(self, *, timeout: float | None = None) -> Result:
        """Wait for its end (outputs already read are not in the result)."""

    async def close(self) -> None:
        """End it and let go of the channel; safe to call twice."""


class Runner(Protocol):
    """Something that runs commands on one host and moves files to and from it."""

    @property
    def host(self) -> str:
        """The host's name, as the user wrote it."""

    async def run(
        self, command: Command, *, on_line: OnLine | None = None, on_data: OnData | None = None
    ) -> Result:
        """Run a command to its end. A status other than 0 is a Result, not an error.

        Raises TimedOut, ConnectionLost, Denied.
        """

    async def sudo(
        self, command: Command, *, user: str | None = None, group: str | None = None,
        on_line: OnLine | None = None,
    ) -> Result:  # fmt: skip
        """As `run`, through sudo as `user` (default root). Raises Denied where sudo refuses."""

    async def open(self, command: Command) -> Channel:
        """Start a command and keep talking to it."""

    async def put(self, source: str, target: str, *, mode: int | None = None) -> list[str]:
        """Copy local files (a path, glob or directory) to the host; return the remote paths written."""

    async def get(self, source: str, target: str) -> list[str]:
        """Copy files (a path, glob or directory) from the host; return the local paths written."""
