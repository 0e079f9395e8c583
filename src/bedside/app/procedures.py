"""What can be done on one host: its procedure, as a list of stages over one context."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bedside.clock import Clock
from bedside.errors import Denied
from bedside.model import Host, Outcome
from bedside.runner import Command, OnLine, Runner
from bedside.tasks import AsyncHost, Settings, Stage, Task, TaskStage, run_stages

if TYPE_CHECKING:
    from bedside.ssh.pool import Pool
    from bedside.ssh.session import Session


@dataclass
class Visit:
    """The context that a host's stages share: whom they visit and, once connected, the way in."""

    pool: Pool
    host: Host
    log: Callable[[str], None]
    on_line: OnLine | None = None
    session: Session | None = None

    @property
    def runner(self) -> Runner:
        """The way in. Only to be used after the stage Connect."""
        if self.session is None:
            raise RuntimeError(f"{self.host.name} is not connected: the stage Connect comes first")
        return self.session


class Connect:
    """Take the host's connection from the pool, or make it."""

    name = "connect"

    async def run(self, visit: Visit, /) -> None:
        """Raises Unreachable, HostKeyMismatch, AuthenticationFailed, TimedOut."""
        visit.session = await visit.pool.session(visit.host.name)


@dataclass(frozen=True, slots=True)
class RunCommand:
    """Run one command; the procedure's value is its Result."""

    command: Command
    sudo: bool = False

    name = "run"

    async def run(self, visit: Visit, /) -> Any:
        """Raises TimedOut, ConnectionLost, Denied."""
        start = visit.runner.sudo if self.sudo else visit.runner.run
        return await start(self.command, on_line=visit.on_line)


@dataclass(frozen=True, slots=True)
class RunTask:
    """Call a task with the host; the procedure's value is what it returns."""

    task: Task
    args: Sequence[str]
    kwargs: dict[str, str]
    settings: Settings | None = None

    @property
    def name(self) -> str:
        """The task's own name."""
        return self.task.name

    async def run(self, visit: Visit, /) -> Any:
        """Raises what the task raises."""
        host = AsyncHost(
            visit.runner, on_line=visit.on_line, facts=visit.host.facts, log=visit.log, settings=self.settings
        )
        return await TaskStage(self.task, self.args, self.kwargs).run(host)


@dataclass(frozen=True, slots=True)
class Put:
    """Copy local files to the host; the value is the remote paths."""

    source: str
    target: str
    name = "put"

    async def run(self, visit: Visit, /) -> list[str]:
        """Raises Denied, ConnectionLost, TimedOut."""
        return await visit.runner.put(self.source, self.target)


@dataclass(frozen=True, slots=True)
class Get:
    """Copy files from the host into a folder of its own below the target; the value is the local paths."""

    source: str
    target: str
    name = "get"

    async def run(self, visit: Visit, /) -> list[str]:
        """Raises Denied, ConnectionLost, TimedOut."""
        folder = Path(self.target) / safe_name(visit.host.name)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Denied(
                f"the folder {folder} can't be made: {error.strerror}", host=visit.host.name, phase="get"
            ) from None
        return await visit.runner.get(self.source, f"{folder}/")


def safe_name(host: str) -> str:
    """Return the host's name as a folder's: what a source calls a host must not lead elsewhere."""
    return host.replace("/", "_").replace("\0", "_").lstrip(".") or "_"


async def visit(context: Visit, stages: Sequence[Stage[Visit]], clock: Clock) -> Outcome[Any]:
    """Connect to the host and go through the stages; the last one's value is the outcome's."""
    outcome = await run_stages(context.host.name, [Connect(), *stages], context, clock)
    if context.session:
        await context.session.close()  # gives the connection back: it may be closed when room is needed
    return outcome
