"""`fabric.tasks`: `Task`, and `WrappedCallableTask` around a function. `fabric.decorators` makes them."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from bedside.fabric1 import hosts as host_lists

Function = Callable[..., Any]


class Task:
    """A task: subclass it and write `run`, or decorate a function."""

    name = "undefined"
    use_task_objects = True
    aliases: Sequence[str] | None = None
    is_default = False

    def __init__(
        self, alias: str | None = None, aliases: Sequence[str] | None = None, default: bool = False,
        name: str | None = None, *args: Any, **kwargs: Any,
    ) -> None:  # fmt: skip
        if alias is not None:
            self.aliases = [alias]
        if aliases is not None:
            self.aliases = list(aliases)
        if name is not None:
            self.name = name
        self.is_default = default

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Do the task's work."""
        raise NotImplementedError

    def __details__(self) -> str:
        return details(self, self.run)

    def get_hosts_and_effective_roles(
        self, arg_hosts: Any, arg_roles: Any, arg_exclude_hosts: Any, env: Any = None
    ) -> tuple[list[str], list[str]]:
        """Return the hosts on which this task runs, and the roles they came from."""
        return host_lists.for_task(self, arg_hosts, arg_roles, arg_exclude_hosts)

    def get_pool_size(self, hosts: Sequence[str], default: int) -> int:
        """Return how many hosts would be worked on at once."""
        wanted = getattr(self, "pool_size", None) or int(default or 0) or len(hosts)
        return min(wanted, len(hosts))


class WrappedCallableTask(Task):
    """A task around a function; attributes it does not have itself are the function's."""

    def __init__(self, callable: Function, *args: Any, **kwargs: Any) -> None:  # noqa: A002 (Fabric 1's name)
        super().__init__(*args, **kwargs)
        self.wrapped = callable
        if hasattr(callable, "__name__") and "name" not in kwargs and self.name == "undefined":
            self.name = callable.__name__
        self.__name__ = getattr(callable, "__name__", self.name)
        self.__doc__ = callable.__doc__
        self.__module__ = getattr(callable, "__module__", __name__)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the task here and now, on whatever host `env` points at."""
        return self.run(*args, **kwargs)

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self.wrapped(*args, **kwargs)

    def __getattr__(self, key: str) -> Any:
        if key == "wrapped":  # not there yet: a copy is being made
            raise AttributeError(key)
        return getattr(self.wrapped, key)

    def __details__(self) -> str:
        function = self.wrapped
        while hasattr(function, "wrapped"):
            function = function.wrapped
        return details(self, function)


def details(task: Any, function: Function) -> str:
    """Return what `--display` shows: the docstring and the arguments."""
    doc = task.__doc__ if not _is_class_doc(task) else type(task).__doc__
    told = textwrap.dedent(doc or "No docstring provided")
    return f"{told}\nArguments: {', '.join(_arguments(function))}".strip()


def _is_class_doc(task: Any) -> bool:
    return "__doc__" not in vars(task)


def _arguments(function: Function) -> list[str]:
    function = inspect.unwrap(getattr(function, "__func__", function))
    code = inspect.signature(function)
    words = []
    for parameter in code.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        default = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
        words.append(parameter.name + default)
    return words


def is_task_object(value: Any) -> bool:
    """Return True for an instance that counts as a new-style task."""
    return isinstance(value, Task) and value.use_task_objects
