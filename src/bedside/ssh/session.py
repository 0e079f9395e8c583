"""A session: what can be done on one host over one connection. It is a `runner.Runner`."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from bedside.clock import Clock
from bedside.runner import Command, OnData, OnLine, Result
from bedside.ssh.capture import CaptureSettings
from bedside.ssh.channel import OpenChannel
from bedside.ssh.counting import Progress
from bedside.ssh.execution import Execution, Link
from bedside.ssh.quoting import placed
from bedside.ssh.sudo import Sudo
from bedside.ssh.transfer import Transfer

if TYPE_CHECKING:
    from bedside.ssh.connect import Connection
    from bedside.ssh.secrets import Secrets


class Session:
    """Commands and files on one host. Several may be under way at once, as far as the host allows."""

    def __init__(
        self, connection: Connection, *, secrets: Secrets, clock: Clock, capture: CaptureSettings
    ) -> None:
        self._connection = connection
        self._link = Link(
            host=connection.host, raw=connection.raw, clock=clock, capture=capture,
            command_timeout=connection.options.command_timeout, idle_timeout=connection.options.idle_timeout,
        )  # fmt: skip
        self._sudo = Sudo(self._link, secrets, connection.options.user)
        self._transfer = Transfer(self._link)

    @property
    def host(self) -> str:
        """The host's name, as the user wrote it."""
        return self._link.host

    async def run(
        self, command: Command, *, on_line: OnLine | None = None, on_data: OnData | None = None
    ) -> Result:
        """Run a command in the login shell, to its end. A status other than 0 is a Result, not an error.

        Raises TimedOut and ConnectionLost, with the output so far; Denied where the host opens no channel.
        """
        async with Execution(self._link, command, "run", on_line=on_line, on_data=on_data) as execution:
            line = placed(command.line, command.env, command.cwd)
            await execution.start(line, stdin=command.stdin or b"", pty=command.pty)
            return await execution.finish()

    async def sudo(
        self,
        command: Command,
        *,
        user: str | None = None,
        group: str | None = None,
        on_line: OnLine | None = None,
    ) -> Result:
        """Run a command in `sh` through sudo, as `user` (default root) and `group`.

        Raises Denied where sudo refuses, and what `run` raises.
        """
        return await self._sudo.run(command, user=user, group=group, on_line=on_line)

    async def open(self, command: Command) -> OpenChannel:
        """Start a command and keep talking to it. Raises TimedOut, ConnectionLost, Denied."""
        channel = OpenChannel(self._link, command)
        await channel.open()
        return channel

    async def put(
        self, source: str, target: str, *, mode: int | None = None, progress: Progress | None = None
    ) -> list[str]:
        """Copy local files (a path, glob or directory) to the host; return the remote paths written.

        See `transfer.Transfer` for what is kept. Raises Denied, TimedOut, ConnectionLost.
        """
        return await self._transfer.put(source, target, mode=mode, progress=progress)

    async def get(self, source: str, target: str, *, progress: Progress | None = None) -> list[str]:
        """Copy files (a path, glob or directory) from the host; return the local paths written.

        See `transfer.Transfer` for what is kept. Raises Denied, TimedOut, ConnectionLost.
        """
        return await self._transfer.get(source, target, progress=progress)

    async def close(self) -> None:
        """Close the connection; safe to call twice."""
        await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
