"""`execute`: one task over its hosts, each host's end noted for the ledger."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from bedside.errors import HostError, TaskFailed
from bedside.fabric1 import connections, hosts
from bedside.fabric1.context import settings
from bedside.fabric1.env import env, output
from bedside.fabric1.errors import NetworkError
from bedside.fabric1.messages import Aborted, abort, error, say, warn
from bedside.fabric1.taskobjects import Task, WrappedCallableTask
from bedside.model import Done, Failed
from bedside.tasks.traces import user_trace

LOCAL = "<local-only>"
"""The host of a task that has none."""


def execute(task: Any, *args: Any, **kwargs: Any) -> Any:
    """Run a task on its hosts; return a dictionary from host string to what it returned there.

    `host`, `hosts`, `role`, `roles` and `exclude_hosts` say where, and are not passed on. A host that
    could not be reached under `skip_bad_hosts` has the NetworkError as its value.
    """
    found = task if callable(task) or isinstance(task, Task) else env._engine.commands_by_name.get(task)
    if found is None:
        message = f"{task!r} is not callable or a valid task name"
        return warn(message) if env.get("skip_unknown_tasks") else abort(message)
    name = (
        task if isinstance(task, str) else str(getattr(task, "name", None) or getattr(task, "__name__", ""))
    )
    if not isinstance(found, Task):
        found = WrappedCallableTask(found)
    return _on_hosts(found, name, _where(kwargs), args, kwargs)


def _where(kwargs: dict[str, Any]) -> tuple[Any, Any, Any]:
    """Take the words that say where out of a call's arguments."""
    single_host, single_role = kwargs.pop("host", None), kwargs.pop("role", None)
    given = kwargs.pop("hosts", None) or []
    roles = kwargs.pop("roles", None) or []
    exclude = kwargs.pop("exclude_hosts", None) or []
    return (
        [single_host] if single_host else given,
        [single_role] if single_role else list(roles),
        exclude,
    )


def _on_hosts(
    task: Task, name: str, where: tuple[Any, Any, Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> dict[str, Any]:
    listed, roles = task.get_hosts_and_effective_roles(*where, env)
    listed = _allowed(listed)
    shared = {"command": name, "all_hosts": listed, "effective_roles": roles, "clean_revert": True}
    if output.debug:
        say(f"Parallel tasks now using pool size of {task.get_pool_size(listed, env.get('pool_size', 0))}")
    if not listed:
        with settings(**shared):
            return {LOCAL: _on_host(LOCAL, name, lambda: task.run(*args, **kwargs))}
    results = {}
    for host in listed:
        if output.running and not hasattr(task, "return_value"):
            say(f"[{host}] Executing task '{name}'")
        with settings(**shared, **hosts.to_dict(host)):
            results[host] = _on_host(host, name, lambda: task.run(*args, **kwargs))
        if env.get("eagerly_disconnect"):
            connections.disconnect_all()
    return results


def _allowed(listed: list[str]) -> list[str]:
    """Leave out, with a warning each, the hosts that were excluded by hand or by rule."""
    reasons = env._engine.excluded(listed)
    for host, reason in reasons.items():
        warn(f"{host} is left out: {reason}")
    if listed and len(reasons) == len(set(listed)):
        abort("Every host is left out; --include-excluded REASON overrules that")
    return [host for host in listed if host not in reasons]


def _on_host(host: str, name: str, call: Callable[[], Any]) -> Any:
    try:
        return _noted(host, name, call)
    except NetworkError as failed:
        if env.use_exceptions_for["network"]:
            raise
        error(
            failed.message or "", func=warn if env.get("skip_bad_hosts") else abort, exception=failed.wrapped
        )
        return failed


def _noted(host: str, name: str, call: Callable[[], Any]) -> Any:
    """Call the task and leave an outcome in the ledger, whatever comes of it."""
    engine = env._engine
    outer, engine.commands = engine.commands, []
    began = time.monotonic()
    ended: Done[Any] | Failed
    try:
        value = call()
        ended = Done(host, None, time.monotonic() - began)
        return value
    except BaseException as raised:
        seconds = time.monotonic() - began
        ended = Failed(host, _failure(raised, host, name, seconds), seconds)
        raise
    finally:
        engine.note(ended, task=name, commands=engine.commands)
        engine.commands = outer


def _failure(raised: BaseException, host: str, name: str, seconds: float) -> HostError:
    if isinstance(raised, NetworkError) and raised.failure:
        return raised.failure
    text = raised.message if isinstance(raised, Aborted) else f"{type(raised).__name__}: {raised}"
    trace = "" if isinstance(raised, Aborted) else user_trace(raised)
    return TaskFailed(text, trace=trace, host=host, phase=name, seconds=seconds)
