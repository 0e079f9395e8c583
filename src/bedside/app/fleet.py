"""bedside as a library: hosts to act on, from a script, without any command line."""

from __future__ import annotations

import asyncio
import contextlib
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from bedside.app import App
from bedside.app.asking import select
from bedside.app.procedures import Get, Put, RunCommand, RunTask, Visit
from bedside.app.running import Job, carry_out
from bedside.clock import SystemClock
from bedside.errors import UsageError
from bedside.model import Host, Outcome
from bedside.runner import Command, Result
from bedside.tasks import Stage, Task

if TYPE_CHECKING:
    from bedside.ssh.pool import Pool


class Fleet:
    """Some hosts, to run commands and tasks on, side by side.

        with Fleet("web1", "web2") as fleet:
            for outcome in fleet.run("uptime"):
                print(outcome)

    Hosts are named, or found by a query: `Fleet(query="service ~ ssh", sites=["bologna"])`. The
    configuration in force is used as on the command line; `config` names another file. Connections
    are kept until the block ends. What is done stands in the ledger. Not for use inside a running event
    loop.
    """

    def __init__(
        self,
        *hosts: str,
        query: str | None = None,
        sites: Sequence[str] = (),
        config: str | None = None,
        parallel: int | None = None,
    ) -> None:
        if bool(hosts) == (query is not None):
            raise UsageError("a Fleet takes host names or a query, one of the two")
        self._app = App.load(config, os.environ, Path.cwd(), SystemClock(), warn=_warn)
        self._asked = (query, list(hosts) or None, tuple(sites), None)
        self._parallel = parallel or self._app.ssh.parallel
        self._runner = asyncio.Runner()
        self._open = contextlib.AsyncExitStack()
        self._pool: Pool | None = None
        self.hosts: tuple[Host, ...] = ()
        """The hosts chosen, known once the block is entered."""

    def __enter__(self) -> Self:
        self._runner.run(self._enter())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._runner.run(self._open.aclose())
        finally:
            self._runner.close()

    def run(self, command: str, *, sudo: bool = False, timeout: float | None = None) -> list[Outcome[Result]]:
        """Run a shell command on every host; a Done's value is the Result. `timeout` is seconds."""
        stage = RunCommand(Command(command, timeout=timeout), sudo)
        return self._do("run", {"command": command, "sudo": sudo}, stage)

    def do(self, task: Task, *args: Any, **kwargs: Any) -> list[Outcome[Any]]:
        """Call a task on every host; a Done's value is what it returned."""
        return self._do("run", {"task": task.name}, RunTask(task, args, kwargs))

    def put(self, source: str, target: str) -> list[Outcome[list[str]]]:
        """Copy local files (a path, glob or directory) to every host; a Done's value is the remote paths."""
        return self._do("put", {"source": source, "target": target}, Put(source, target))

    def get(self, source: str, target: str) -> list[Outcome[list[str]]]:
        """Copy files from every host to TARGET/HOST/; a Done's value is the local paths."""
        return self._do("get", {"source": source, "target": target}, Get(source, target))

    async def _enter(self) -> None:
        selection = await select(self._app, *self._asked)
        if selection.errors:
            raise selection.errors[0]
        for host in selection.taken_out:
            _warn(f"{host.name} is left out: {host.excluded.reason if host.excluded else ''}")
        self.hosts = tuple(selection.hosts)
        self._pool = await self._open.enter_async_context(self._app.pool(self.hosts, parallel=self._parallel))

    def _do(self, verb: str, what: dict[str, Any], stage: Stage[Visit]) -> list[Outcome[Any]]:
        if self._pool is None:
            raise UsageError("a Fleet is used in a with block")
        job = Job(verb, what, [stage])
        account = self._runner.run(
            carry_out(self._app, self._pool, self.hosts, job, _Nobody(), parallel=self._parallel)
        )
        if account.interrupted:
            raise KeyboardInterrupt
        order = {host.name: place for place, host in enumerate(self.hosts)}
        return sorted(account.outcomes, key=lambda outcome: order[outcome.host])


class _Nobody:
    """Watches a script's hosts: what they said is in their outcomes."""

    def lines_of(self, host: str) -> None:
        """Wait for the end."""

    def logged(self, host: str, line: str) -> None:
        """The ledger has it."""

    def outcome(self, outcome: Outcome[Any]) -> None:
        """It is returned."""


def _warn(message: str) -> None:
    """In a script, a warning is Python's own."""
    warnings.warn(message, stacklevel=4)
