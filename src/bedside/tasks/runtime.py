"""Runs one task on one host, to an outcome."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bedside.clock import Clock
from bedside.model import Outcome
from bedside.runner import OnLine, Runner
from bedside.tasks.host import AsyncHost, Bridge, Host, Settings
from bedside.tasks.stages import run_stages
from bedside.tasks.task import Task


@dataclass(frozen=True, slots=True)
class TaskStage:
    """The stage that calls a task with its host."""

    task: Task
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The task's own name."""
        return self.task.name

    async def run(self, host: AsyncHost, /) -> Any:
        """Call the task: an `async def` here, a `def` in a thread of its own."""
        if self.task.is_async:
            return await self.task(host, *self.args, **self.kwargs)
        bridge = Bridge(asyncio.get_running_loop())
        try:
            return await in_thread(lambda: self.task(Host(host, bridge), *self.args, **self.kwargs))
        finally:
            bridge.cut()


async def run_task(
    task: Task, runner: Runner, *, clock: Clock, facts: Mapping[str, Any] | None = None,
    settings: Settings | None = None, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None,
    on_line: OnLine | None = None, log: Callable[[str], None] | None = None,
) -> Outcome[Any]:  # fmt: skip
    """Run a task on a host and return how it ended; nothing is raised but cancellation.

    `on_line` gets each line of its commands' output, `log` each line of `host.log`.
    """
    host = AsyncHost(runner, on_line=on_line, facts=facts, settings=settings, log=log)
    return await run_stages(runner.host, [TaskStage(task, args, kwargs or {})], host, clock)


async def in_thread(call: Callable[[], Any]) -> Any:
    """Run a blocking call in a thread of its own, in a copy of this context.

    A thread of its own, and a daemon: an executor would run few at once on a small machine, and wait
    at the end for one that never comes back.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()
    context = contextvars.copy_context()

    def settle(value: Any, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(value)
        elif isinstance(error, asyncio.CancelledError):
            future.cancel()
        else:
            future.set_exception(error)

    def work() -> None:
        told: tuple[Any, BaseException | None]
        try:
            told = (context.run(call), None)
        except StopIteration as stop:  # a Future takes none
            told = (None, RuntimeError(f"StopIteration: {stop.value}"))
        except BaseException as raised:  # handed to who waits
            told = (None, raised)
        if not loop.is_closed():
            loop.call_soon_threadsafe(settle, *told)

    threading.Thread(target=work, name="bedside-task", daemon=True).start()
    return await future
