"""`fabric.decorators`: `task hosts roles runs_once serial`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from bedside.fabric1.taskobjects import Function, WrappedCallableTask


def task(*args: Any, **kwargs: Any) -> Any:
    """Make a task of a function: `@task`, or `@task(alias=, aliases=, default=, name=, task_class=)`."""
    bare = len(args) == 1 and not kwargs and callable(args[0])
    task_class = kwargs.pop("task_class", WrappedCallableTask)

    def wrap(function: Function) -> Any:
        return task_class(function, *(() if bare else args), **kwargs)

    return wrap(args[0]) if bare else wrap


def _list_annotating(attribute: str) -> Callable[..., Callable[[Function], Any]]:
    def decorator(*values: Any) -> Callable[[Function], Any]:
        listed = list(values[0]) if len(values) == 1 and not isinstance(values[0], str) else list(values)

        def attach(function: Function) -> Any:
            annotated = _passing(function)
            setattr(annotated, attribute, listed)
            return _same_kind(function, annotated)

        return attach

    return decorator


hosts = _list_annotating("hosts")
"""`@hosts("a", "b")` or `@hosts(["a", "b"])`: the hosts a task runs on by itself."""
roles = _list_annotating("roles")
"""`@roles("web")`: the roles a task runs on by itself."""


def runs_once(function: Function) -> Any:
    """Run the function once in a run; later calls return the first result."""

    @wraps(function)
    def once(*args: Any, **kwargs: Any) -> Any:
        kept = vars(once)
        if "return_value" not in kept:
            kept["return_value"] = function(*args, **kwargs)
        return kept["return_value"]

    once.parallel = False  # type: ignore[attr-defined]
    return _same_kind(function, once)


def serial(function: Function) -> Any:
    """Run the task on one host after the other, whatever -P says."""
    annotated = _passing(function)
    annotated.serial = True  # type: ignore[attr-defined]
    return _same_kind(function, annotated)


def _passing(function: Function) -> Function:
    @wraps(function)
    def inner(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return inner


def _same_kind(original: Function, function: Function) -> Any:
    """A decorator above `@task` gives a task again (its alias, default and name are lost, as in Fabric 1)."""
    return WrappedCallableTask(function) if isinstance(original, WrappedCallableTask) else function
