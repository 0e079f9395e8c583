"""`@task`: a function of a host, sync or async, with a name and a description."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, overload

from bedside.errors import FabfileError
from bedside.tasks import arguments, loader

Function = Callable[..., Any]


class Task:
    """A task. Called directly, it is the plain function: one task may call another with its own `host`."""

    def __init__(self, function: Function, name: str | None = None) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.name = name or function.__name__
        self.is_async = inspect.iscoroutinefunction(function)

    @property
    def summary(self) -> str:
        """The first line of its docstring."""
        return (inspect.getdoc(self.function) or "").partition("\n")[0]

    def __call__(self, host: Any, *args: Any, **kwargs: Any) -> Any:
        """Call the plain function."""
        return self.function(host, *args, **kwargs)


@overload
def task(function: Function) -> Task: ...
@overload
def task(*, name: str | None = None) -> Callable[[Function], Task]: ...
def task(function: Function | None = None, *, name: str | None = None) -> Task | Callable[[Function], Task]:
    """Mark a function as a task: `@task` or `@task(name="relay-host")`.

    A `def` gets a `Host`, runs in a thread of its own and simply waits; an `async def` gets an
    `AsyncHost`. What it returns is the host's answer.
    """
    if function is not None:
        return Task(function, name)
    return lambda given: Task(given, name)


def in_file(path: Path) -> dict[str, Task]:
    """Load a file (or package) and return its tasks by name. Raises FabfileError."""
    module = loader.load(path)
    return {value.name: value for value in vars(module).values() if isinstance(value, Task)}


def get_task(reference: str) -> tuple[Task, tuple[str, ...], dict[str, str]]:
    """Return the task that `FILE:TASK[:a,b,key=value]` names, and its arguments. Raises FabfileError."""
    file, colon, rest = reference.partition(":")
    if not colon or not rest:
        raise FabfileError(
            f"{reference!r} names no task", advice="write FILE:TASK, or FILE:TASK:argument,key=value"
        )
    try:
        words = arguments.parse(rest)
    except ValueError as error:
        raise FabfileError(f"{reference!r}: {error}") from None
    tasks = in_file(Path(file).expanduser())
    if words.name not in tasks:
        known = ", ".join(sorted(tasks)) or "none: mark functions with @task from bedside"
        raise FabfileError(f"{file} has no task {words.name!r}", advice=f"its tasks: {known}")
    return tasks[words.name], words.args, words.kwargs
