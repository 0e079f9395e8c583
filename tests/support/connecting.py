"""What a test needs to connect as a user would: configuration texts in, options and connections out."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bedside.clock import SystemClock
from bedside.config import Config
from bedside.model import Host
from bedside.ssh.connect import Connection, Connector
from bedside.ssh.options import SshOptions, SshSection
from bedside.ssh.pool import Pool
from bedside.ssh.resolve import Resolver
from bedside.ssh.secrets import NoSecrets, Secrets


@dataclass
class Side:
    """Our side: a folder with an ssh_config and a known_hosts of its own. `warnings` are what it was told."""

    folder: Path
    secrets: Secrets = field(default_factory=NoSecrets)
    warnings: list[str] = field(default_factory=list)

    @property
    def known_hosts(self) -> Path:
        """Our own known_hosts."""
        return self.folder / "state/known_hosts"

    def resolver(
        self, ssh_config: str = "", environ: dict[str, str] | None = None, **section: Any
    ) -> Resolver:
        """Return a resolver for an ssh_config and the keys of a section [ssh]; no agent unless asked for.

        Files of the user and of the system are left alone.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "ssh_config"
        none = "\nMatch all\n  UserKnownHostsFile none\n  GlobalKnownHostsFile none\n"
        path.write_text(ssh_config + none)
        settings = {"config_file": str(path), "agent": False, "connect_timeout": "5s", "login_timeout": "10s"}
        config = Config(path=self.folder / "bedside.toml")
        return Resolver(
            config.convert(settings | section, SshSection, "ssh"),
            config,
            environ=os.environ if environ is None else environ,
            state=self.folder / "state",
            warn=self.warnings.append,
        )

    def options(self, host: Host | str, ssh_config: str = "", **section: Any) -> SshOptions:
        """Return the options for one host."""
        return self.resolver(ssh_config, **section)(host)

    def connector(self) -> Connector:
        """Return something that connects."""
        return Connector(self.secrets, SystemClock(), self.warnings.append)

    @contextlib.asynccontextmanager
    async def connected(
        self, host: Host | str, ssh_config: str = "", **section: Any
    ) -> AsyncIterator[Connection]:
        """Connect for the length of a block."""
        connector = self.connector()
        try:
            connection = await connector.connect(self.options(host, ssh_config, **section))
            try:
                yield connection
            finally:
                await connection.close()
        finally:
            connector.close()

    def pool(
        self, ssh_config: str = "", *, parallel: int = 16, per_jump_host: int = 16, **section: Any
    ) -> Pool:
        """Return a pool."""
        return Pool(
            self.resolver(ssh_config, **section), secrets=self.secrets, clock=SystemClock(),
            parallel=parallel, per_jump_host=per_jump_host, warn=self.warnings.append,
        )  # fmt: skip


def open_files() -> int:
    """Return how many files this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def other_tasks() -> set[asyncio.Task[Any]]:
    """Return the tasks that are under way beside the test's own."""
    return asyncio.all_tasks() - {task for task in [asyncio.current_task()] if task}


@contextlib.asynccontextmanager
async def nothing_left_behind() -> AsyncIterator[None]:
    """Check that a block leaves no task and no open file behind."""
    files, tasks = open_files(), other_tasks()
    yield
    async with asyncio.timeout(5):
        while other_tasks() - tasks or open_files() > files:
            await asyncio.sleep(0.01)  # transports and their tasks end one turn of the loop later
