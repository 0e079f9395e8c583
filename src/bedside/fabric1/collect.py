"""The tasks of a loaded fabfile, and the lists that `fab` prints of them."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from bedside.fabric1.messages import indent
from bedside.fabric1.taskobjects import WrappedCallableTask, is_task_object


@dataclass
class Collection:
    """The tasks of one module by name, its own collections, and the task that stands for the whole."""

    tasks: dict[str, Any] = field(default_factory=dict)
    inner: dict[str, Collection] = field(default_factory=dict)
    default: Any = None

    def by_path(self, prefix: str = "") -> Iterator[tuple[str, Any]]:
        """Yield (dotted name, task): tasks sorted, then collections sorted, a default under its bare name."""
        for name in sorted(self.tasks):
            yield prefix + name, self.tasks[name]
        for name in sorted(self.inner):
            collection = self.inner[name]
            if collection.default is not None:
                yield prefix + name, collection.default
            yield from collection.by_path(f"{prefix}{name}.")

    @property
    def is_empty(self) -> bool:
        """True where neither the module nor one within it has a task."""
        return not self.tasks and all(one.is_empty for one in self.inner.values())


def collect(module: ModuleType, is_own: Callable[[Any], bool]) -> tuple[Collection, bool]:
    """Return the fabfile's tasks, and whether they are new-style ones.

    One `Task` anywhere hides all plain functions. `is_own` tells what is Fabric's own and so no task.
    """
    new_style = _new_style(module, {id(module)})
    if not new_style.is_empty:
        return new_style, True
    names = [(name, value) for name, value in _public(module) if _is_classic(name, value, is_own)]
    return Collection(tasks=dict(names)), False


def _new_style(module: ModuleType, seen: set[int]) -> Collection:
    found = Collection()
    for name, value in _public(module):
        if is_task_object(value):
            for each in (value.name, *(value.aliases or ())):
                found.tasks[each] = value
            if value.is_default:
                found.default = value
        elif isinstance(value, ModuleType) and id(value) not in seen:
            seen.add(id(value))
            inner = _new_style(value, seen)
            if not inner.is_empty:
                found.inner[name] = inner
    return found


def _public(module: ModuleType) -> list[tuple[str, Any]]:
    variables = vars(module)
    if (names := variables.get("__all__")) is not None and isinstance(names, list | tuple):
        return [(name, variables[name]) for name in names if name in variables]
    return list(variables.items())


def _is_classic(name: str, value: Any, is_own: Callable[[Any], bool]) -> bool:
    if name.startswith("_") or not callable(value) or is_own(value):
        return False
    return not (isinstance(value, type) and issubclass(value, Exception))


def normal(docstring: str | None, tasks: Collection) -> list[str]:
    """Return `--list`: each task with the first line of its docstring, cut to the terminal."""
    rows = list(tasks.by_path())
    longest = max((len(name) for name, _ in rows), default=0)
    room = _columns() - 4 - (longest + 5)
    lines = [*_heading(docstring), "Available commands:", ""]
    for name, task in rows:
        first = _first_line(task)
        short = first if len(first) <= room else first[:room] + "..."
        lines.append(f"    {name.ljust(longest)}  {short}" if short else f"    {name}")
    return lines


def nested(docstring: str | None, tasks: Collection) -> list[str]:
    """Return `--list-format nested`: names under their module's."""
    heading = "Available commands (remember to call as module.[...].task):"
    return [*_heading(docstring), heading, "", *_nested(tasks, "    ")]


def _nested(tasks: Collection, margin: str) -> list[str]:
    lines = [margin + name for name in sorted(tasks.tasks)]
    for name in sorted(tasks.inner):
        lines += [f"{margin}{name}:", *_nested(tasks.inner[name], margin + "    ")]
    return lines


def short(tasks: Collection) -> list[str]:
    """Return `--shortlist`: bare names."""
    return [name for name, _ in tasks.by_path()]


def display(name: str, task: Any) -> list[str]:
    """Return `--display NAME`."""
    told = (task if is_task_object(task) else WrappedCallableTask(task)).__details__()
    return [f"Displaying detailed information for task '{name}':", "", indent(told), ""]


def _heading(docstring: str | None) -> list[str]:
    return [docstring.strip("\n"), ""] if docstring and docstring.strip() else []


def _first_line(task: Any) -> str:
    lines = [line.strip() for line in (task.__doc__ or "").splitlines()]
    return next((line for line in lines if line), "")


def _columns() -> int:
    return shutil.get_terminal_size((80, 24)).columns if sys.stdout.isatty() else 80
