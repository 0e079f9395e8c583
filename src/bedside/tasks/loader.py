"""Loads a file or package of tasks by its path. Errors in it are told with file, line and the line's text."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

from bedside.errors import FabfileError
from bedside.tasks.traces import user_trace


def load(path: Path, *, name: str | None = None) -> ModuleType:
    """Import the file or package at `path` and return its module, which stays in `sys.modules`.

    Without `name` the module gets a name of its own, so that it meets no other module. While it is
    imported, the folder it stands in can be imported from. Raises FabfileError where it can't be found,
    parsed or imported.
    """
    path = path.absolute()
    file = path / "__init__.py" if path.is_dir() else path
    if not file.is_file():
        raise FabfileError(
            f"{path} is no task file: there is no {file}", advice="name a .py file or a package"
        )
    name = name or f"bedside_tasks_{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(
        name, file, submodule_search_locations=[str(path)] if path.is_dir() else None
    )
    if spec is None or spec.loader is None:
        raise FabfileError(f"{path} is no Python file", advice="a task file ends in .py")
    module = importlib.util.module_from_spec(spec)
    with _importable(path.parent), told_errors(path):
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(name, None)
            raise
    return module


@contextmanager
def told_errors(path: Path) -> Iterator[None]:
    """Turn what importing `path` raises into a FabfileError with the user's own lines."""
    try:
        yield
    except SyntaxError as error:
        raise FabfileError(_told(error, path)) from None
    except Exception as error:
        raise FabfileError(f"{path} can't be loaded:\n{user_trace(error).rstrip()}") from None


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        if str(folder) in sys.path:
            sys.path.remove(str(folder))


def _told(error: SyntaxError, path: Path) -> str:
    """Return `file:line: what`, the line, and a caret under the place."""
    where = f"{error.filename or path}:{error.lineno}" if error.lineno else str(error.filename or path)
    lines = [f"{where}: {type(error).__name__}: {error.msg}"]
    if error.text:
        text = error.text.rstrip("\n")
        stripped = text.lstrip()
        lines.append(f"    {stripped}")
        if error.offset:
            lines.append(f"    {' ' * max(0, error.offset - 1 - (len(text) - len(stripped)))}^")
    return "\n".join(lines)
