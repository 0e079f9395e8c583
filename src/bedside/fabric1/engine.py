"""The run's engine: one event loop in a thread of its own, the connections, and the record for the ledger.

The fabfile's code is synchronous and stays in the main thread, so that Ctrl-C reaches it; whatever touches
a host is a coroutine on the loop, and `tasks.host.Bridge` is the one way over.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import threading
import time
from collections.abc import Coroutine, Iterator, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from bedside.errors import LedgerError
from bedside.fabric1.messages import warn
from bedside.fabric1.target import Connector, Target
from bedside.model import Outcome
from bedside.runner import Runner
from bedside.tasks.host import Bridge

T = TypeVar("T")

CLOSING_S = 10.0
"""Seconds that closing all connections may take."""
COMMANDS_KEPT = 100
"""So many commands of one task on one host are recorded."""


class Record(Protocol):
    """What the run leaves in the ledger (`ledger.RunRecord`)."""

    def outcome(self, outcome: Outcome[Any], **more: Any) -> None:
        """Note how a task ended on a host."""

    def flush(self) -> None:
        """Write what was noted."""

    def end(self, **summary: Any) -> None:
        """Write the end of the run."""


class Engine:
    """Runs coroutines for the main thread and keeps the connections, by `user@host:port`."""

    def __init__(self, connector: Connector, record: Record, commands: Mapping[str, Any]) -> None:
        self._record, self.commands_by_name = record, commands
        self.commands: list[dict[str, Any]] = []
        """What the running task has done on its host so far."""
        self.connector = connector
        self._open: dict[str, tuple[Target, Runner]] = {}
        self._loop = asyncio.new_event_loop()
        self._bridge = Bridge(self._loop)
        self._thread = threading.Thread(target=self._loop.run_forever, name="bedside-fab", daemon=True)
        self._thread.start()

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop, for callbacks."""
        return self._loop

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and return its value; Ctrl-C cancels it."""
        return self._bridge.wait(coroutine)

    def start(self, coroutine: Coroutine[Any, Any, T]) -> concurrent.futures.Future[T]:
        """Start a coroutine on the loop."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def excluded(self, hosts: Sequence[str]) -> Mapping[str, str]:
        """Return those of the hosts that are taken out, each with the reason."""
        return self.wait(self.connector.excluded(hosts)) if hosts else {}

    def runner(self, key: str, target: Target) -> Runner:
        """Return the session to a target, new or kept under its full host string. Raises HostError."""
        if key not in self._open:
            self._open[key] = (target, self.wait(self.connector.connect(target)))
        return self._open[key][1]

    @property
    def connected(self) -> list[str]:
        """The full host strings of the open connections, oldest first."""
        return list(self._open)

    def disconnect(self, key: str) -> None:
        """Close one connection."""
        target, _ = self._open.pop(key)
        self.wait(self.connector.disconnect(target))

    def forget(self, key: str) -> None:
        """Let go of a connection that broke: the next call makes a new one."""
        self._open.pop(key, None)

    def note(self, outcome: Outcome[Any], **more: Any) -> None:
        """Leave an outcome in the ledger; where that fails the run goes on, with a warning."""
        with self._kept():
            self._record.outcome(outcome, **more)
            self._record.flush()

    def end(self, status: int) -> None:
        """Leave the run's end in the ledger."""
        with self._kept():
            self._record.end(status=status)

    @contextlib.contextmanager
    def _kept(self) -> Iterator[None]:
        try:
            yield
        except LedgerError as error:  # to break off in the middle of a change would be worse
            warn(f"{error}; what was done so far is only on your screen")

    def did(self, command: str, **more: Any) -> None:
        """Note a command or copy for the task's outcome."""
        if len(self.commands) < COMMANDS_KEPT:
            self.commands.append({"command": command, **more})

    def close(self) -> None:
        """Close every connection and end the loop; bounded."""
        self._open.clear()
        closing = asyncio.run_coroutine_threadsafe(self.connector.close(), self._loop)
        deadline = time.monotonic() + CLOSING_S
        while not closing.done() and time.monotonic() < deadline:
            threading.Event().wait(0.01)
        self._bridge.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(1.0)
        if not self._thread.is_alive():
            self._loop.close()
            self._bridge.end()
