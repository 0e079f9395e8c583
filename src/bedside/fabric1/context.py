"""`fabric.context_managers`: `cd lcd path prefix shell_env settings hide show quiet warn_only`."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import wraps
from typing import Any

from bedside.fabric1.env import env, output
from bedside.fabric1.messages import abort


@contextmanager
def settings(*managers: AbstractContextManager[Any], **values: Any) -> Iterator[None]:
    """Enter the managers in order and set keys of `env`; restore all at the end.

    With `clean_revert=True` only keys that still hold the given value are restored.
    """
    with ExitStack() as stack:
        for manager in managers:
            stack.enter_context(manager)
        stack.enter_context(_setenv(values))
        yield


@contextmanager
def _setenv(values: dict[str, Any]) -> Iterator[None]:
    previous = {key: env[key] for key in values if key in env}
    env.update(values)
    try:
        yield
    finally:
        careful = values.get("clean_revert")
        for key, value in values.items():
            if careful and (key not in env or env[key] != value):
                continue
            if key in previous:
                env[key] = previous[key]
            else:
                env.pop(key, None)


@contextmanager
def _levels(groups: tuple[str, ...], shown: bool) -> Iterator[None]:
    names = [name for name in output.expand_aliases(groups) if name in output]
    previous = {name: output[name] for name in names}
    output.update(dict.fromkeys(names, shown))
    try:
        yield
    finally:
        output.update(previous)


def hide(*groups: str) -> AbstractContextManager[None]:
    """Hide levels of output."""
    return _levels(groups, shown=False)


def show(*groups: str) -> AbstractContextManager[None]:
    """Show levels of output."""
    return _levels(groups, shown=True)


def quiet() -> AbstractContextManager[None]:
    """Hide everything, and only warn of failures."""
    return settings(hide("everything"), warn_only=True)


def warn_only() -> AbstractContextManager[None]:
    """Only warn of failures."""
    return settings(warn_only=True)


def cd(path: str) -> AbstractContextManager[None]:
    """Run remote commands, and copy files, in a folder of the host."""
    return _setenv({"cwd": _entered(env.cwd, path.replace(" ", "\\ "), posixpath.join)})


def lcd(path: str) -> AbstractContextManager[None]:
    """Run local commands, and find local files, in a folder here."""
    return _setenv({"lcwd": _entered(env.lcwd, path, os.path.join)})


def _entered(now: str, path: str, join: Callable[[str, str], str]) -> str:
    return join(now, path) if now and not path.startswith(("/", "~")) else path


def prefix(command: str) -> AbstractContextManager[None]:
    """Run `command && ` before each command."""
    return _setenv({"command_prefixes": [*env.command_prefixes, command]})


def shell_env(**kw: str) -> AbstractContextManager[None]:
    """Export variables to commands; an inner one takes the place of the outer."""
    return _setenv({"shell_env": kw})


def path(path: str, behavior: str = "append") -> AbstractContextManager[None]:
    """Change the commands' PATH: `append`, `prepend` or `replace`."""
    if behavior not in ("append", "prepend", "replace"):
        abort(f"path() behavior must be 'append', 'prepend' or 'replace', not {behavior!r}")
    return _setenv({"path": path, "path_behavior": behavior})


def with_settings(*managers: AbstractContextManager[Any], **values: Any) -> Callable[..., Any]:
    """Decorate a task to run under `settings`. The managers are made anew for every call."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def inner(*args: Any, **kwargs: Any) -> Any:
            with settings(*(_again(manager) for manager in managers), **values):
                return function(*args, **kwargs)

        return inner

    return decorate


def _again(manager: AbstractContextManager[Any]) -> AbstractContextManager[Any]:
    """Return a fresh copy of one of our own managers, which can be entered once only."""
    recreate = getattr(manager, "_recreate_cm", None)
    fresh: AbstractContextManager[Any] = recreate() if recreate else manager
    return fresh
