"""One connection to one host."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

import asyncssh

from bedside.ssh.options import SshOptions

CLOSE_LIMIT = 5.0
"""Seconds that a polite close may take; then the connection is cut."""


@dataclass(slots=True)
class Connection:
    """A connection that is logged in. `raw` is AsyncSSH's own, for the rooms beside this one."""

    host: str
    raw: asyncssh.SSHClientConnection
    options: SshOptions

    async def close(self) -> None:
        """Close it; returns within CLOSE_LIMIT seconds, safe to call twice."""
        self.raw.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_LIMIT):
                await self.raw.wait_closed()
