"""bedside heals a fleet of machines in an emergency, from your bed.

These names are the public library; everything else may change without notice.

    from bedside import Fleet, task

    @task
    def relayhost(host):
        return host.run("postconf -h relayhost").out

    with Fleet("web1", "web2") as fleet:
        for outcome in fleet.do(relayhost):
            print(outcome)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bedside.app.fleet import Fleet
    from bedside.errors import (
        AuthenticationFailed,
        BedsideError,
        CommandFailed,
        ConnectionLost,
        Denied,
        HostError,
        HostKeyMismatch,
        TaskFailed,
        TimedOut,
        Unreachable,
    )
    from bedside.model import Done, Failed, Outcome
    from bedside.runner import Result
    from bedside.tasks import AsyncHost, Host, task

# Loaded at first use: who asks for one name does not pay for all.
_HOMES = {
    "AsyncHost": "bedside.tasks",
    "AuthenticationFailed": "bedside.errors",
    "BedsideError": "bedside.errors",
    "CommandFailed": "bedside.errors",
    "ConnectionLost": "bedside.errors",
    "Denied": "bedside.errors",
    "Done": "bedside.model",
    "Failed": "bedside.model",
    "Fleet": "bedside.app.fleet",
    "Host": "bedside.tasks",
    "HostError": "bedside.errors",
    "HostKeyMismatch": "bedside.errors",
    "Outcome": "bedside.model",
    "Result": "bedside.runner",
    "TaskFailed": "bedside.errors",
    "TimedOut": "bedside.errors",
    "Unreachable": "bedside.errors",
    "task": "bedside.tasks",
}

__all__ = [
    "AsyncHost",
    "AuthenticationFailed",
    "BedsideError",
    "CommandFailed",
    "ConnectionLost",
    "Denied",
    "Done",
    "Failed",
    "Fleet",
    "Host",
    "HostError",
    "HostKeyMismatch",
    "Outcome",
    "Result",
    "TaskFailed",
    "TimedOut",
    "Unreachable",
    "task",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'bedside' has no attribute {name!r}")
