"""One connection a host, made once and used again; and fresh ones, which are nobody else's.

A session of the pool shares its host's connection: closing it gives the connection back. A fresh session
has a TCP connection and a login of its own, and closing it ends them. Jump hosts are different: a
connection to a jump host carries all that goes through it, fresh ones too, since what a fresh login is to
prove is the login on the host itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

from bedside.clock import Clock
from bedside.errors import BedsideError, ConnectionLost, HostError, Unreachable
from bedside.ssh.capture import CaptureSettings
from bedside.ssh.connect import Connection, Connector
from bedside.ssh.limits import hosts_at_once
from bedside.ssh.options import SshOptions
from bedside.ssh.secrets import NoSecrets, Secrets
from bedside.ssh.session import Session

CLOSE_LIMIT = 10.0
"""Seconds that closing all connections may take together."""


class Lease(Connection):
    """A pool's connection in the hands of a session: closing it gives it back."""

    __slots__ = ("_give_back",)

    def __init__(self, shared: Connection, give_back: Callable[[], None]) -> None:
        super().__init__(shared.host, shared.raw, shared.options, shared.line)
        self._give_back = give_back

    async def close(self) -> None:
        """Give the connection back; safe to call twice."""
        give_back, self._give_back = self._give_back, _nothing
        give_back()


@dataclass(slots=True)
class _Slot:
    """A host's place in the pool: its connection, or the task that makes it."""

    host: str
    task: asyncio.Task[Connection]
    waiting: int = 0
    leases: int = 0

    @property
    def connection(self) -> Connection | None:
        done = self.task.done() and not self.task.cancelled() and self.task.exception() is None
        return self.task.result() if done else None

    @property
    def idle(self) -> bool:
        return self.task.done() and not self.waiting and not self.leases

    @property
    def usable(self) -> bool:
        if not self.task.done():
            return not self.task.cancelling()
        return (connection := self.connection) is not None and not connection.raw.is_closed()


class Pool:
    """The connections of one run. `parallel` is how many logins may be under way at once.

    `parallel` is lowered to what the limit of open files allows; when more connections are open than that
    limit allows, those that nobody holds are closed, the longest unused first.
    """

    def __init__(
        self,
        resolve: Callable[[str], SshOptions],
        *,
        secrets: Secrets | None = None,
        clock: Clock,
        parallel: int,
        per_jump_host: int = 16,
        capture: CaptureSettings | None = None,
        warn: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._resolve, self._clock = resolve, clock
        self._secrets = secrets or NoSecrets()
        self._capture = capture or CaptureSettings()
        self.parallel, self._most_open = hosts_at_once(parallel, warn)
        self._per_jump_host = per_jump_host
        self._connector = Connector(self._secrets, clock, warn)
        self._gate = asyncio.Semaphore(self.parallel)
        self._jump_gates: dict[tuple[str, ...], asyncio.Semaphore] = {}
        self._slots: dict[str, _Slot] = {}
        self._jumps: dict[tuple[str, ...], _Slot] = {}
        self._fresh: set[Connection] = set()

    @property
    def connecting(self) -> list[str]:
        """The hosts whose connections are being made, for a progress display."""
        return [host for host, slot in self._slots.items() if not slot.task.done()]

    async def session(self, host: str) -> Session:
        """Return a session over the host's connection, which is made if there is none.

        Those who ask while it is being made share it, and its failure. Raises Unreachable,
        HostKeyMismatch, AuthenticationFailed, TimedOut, ConnectionLost, Denied.
        """
        slot = self._slots.pop(host, None)
        if slot is None or not slot.usable:
            slot = _Slot(host, asyncio.ensure_future(self._connect(self._options(host))))
        self._slots[host] = slot  # at the end: the one used last
        slot.leases += 1  # before room is made: it must not be made here
        try:
            await self._make_room()
            connection = await _await(slot)
        except BaseException:
            slot.leases -= 1
            raise
        return self._session(Lease(connection, lambda: _give_back(slot)))

    async def fresh(self, host: str) -> Session:
        """Return a session over a new TCP connection with a new login, which nobody else will be given.

        Raises what `session` raises.
        """
        connection = await self._connect(self._options(host))
        self._fresh = {c for c in self._fresh if not c.raw.is_closed()}
        self._fresh.add(connection)
        return self._session(connection)

    async def drop(self, host: str) -> None:
        """Close the host's connection and forget it, whoever still holds it."""
        if slot := self._slots.pop(host, None):
            await _end(slot)

    async def close(self) -> None:
        """Close everything; returns within CLOSE_LIMIT seconds or so. Safe to call twice."""
        slots, self._slots = [*self._slots.values()], {}
        fresh, self._fresh = [*self._fresh], set()
        ends = [_end(slot) for slot in slots] + [connection.close() for connection in fresh]
        await _all_of(ends)
        jumps, self._jumps = [*self._jumps.values()], {}
        await _all_of([_end(slot) for slot in reversed(jumps)])
        self._connector.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _session(self, connection: Connection) -> Session:
        return Session(connection, secrets=self._secrets, clock=self._clock, capture=self._capture)

    def _options(self, host: str) -> SshOptions:
        try:
            return self._resolve(host)
        except HostError:
            raise
        except BedsideError as error:  # this host's alone: the others go on
            raise Unreachable(
                error.message, reason="name", host=host, phase="connect", advice=error.advice
            ) from error

    async def _connect(self, options: SshOptions) -> Connection:
        if not options.jump:
            async with self._gate:
                return await self._connector.connect(options)
        self._refuse_circle(options)
        tunnel = await self._tunnel(options, options.jump)
        gate = self._jump_gates.setdefault(options.jump, asyncio.Semaphore(self._per_jump_host))
        async with gate, self._gate:
            return await self._connector.connect(options, tunnel=tunnel)

    async def _tunnel(self, target: SshOptions, chain: tuple[str, ...]) -> Connection:
        slot = self._jumps.get(chain)
        if slot is None or not slot.usable:
            slot = _Slot(chain[-1], asyncio.ensure_future(self._jump(chain)))
            self._jumps[chain] = slot
        try:
            return await _await(slot)
        except HostError as error:
            raise Unreachable(
                f"its jump host {error.host} failed: {error.message}", reason="proxy",
                host=target.host, phase="connect", seconds=error.seconds, advice=error.advice,
            ) from error  # fmt: skip

    async def _jump(self, chain: tuple[str, ...]) -> Connection:
        options = self._hop(chain)
        tunnel = await self._tunnel(options, options.jump) if options.jump else None
        return await self._connector.connect(options, tunnel=tunnel)

    def _hop(self, chain: tuple[str, ...]) -> SshOptions:
        """Return the options of a chain's last host: the hosts before it are the way to it."""
        options = self._options(chain[-1])
        return replace(options, jump=chain[:-1], proxy_command=None) if len(chain) > 1 else options

    def _refuse_circle(self, options: SshOptions) -> None:
        seen: set[tuple[str, ...]] = set()
        chain = options.jump
        while chain:
            if chain in seen:
                raise Unreachable(
                    "its jump hosts lead in a circle", reason="proxy", host=options.host, phase="connect",
                    advice="look at ProxyJump in your ssh_config, and at jump in bedside.toml",
                )  # fmt: skip
            seen.add(chain)
            chain = self._hop(chain).jump

    async def _make_room(self) -> None:
        """Close connections that nobody holds while too many are open."""
        while len(self._slots) + len(self._jumps) + len(self._fresh) > self._most_open:
            idle = (host for host, slot in self._slots.items() if slot.idle)
            host = next(idle, None)
            if host is None:
                return
            await _end(self._slots.pop(host))


async def _await(slot: _Slot) -> Connection:
    """Wait for a slot's connection. When the last one who waits is cancelled, so is the making."""
    slot.waiting += 1
    try:
        return await asyncio.shield(slot.task)
    except asyncio.CancelledError:
        if slot.waiting == 1 and not slot.task.done():
            slot.task.cancel()
            await asyncio.wait((slot.task,), timeout=CLOSE_LIMIT)
        if (task := asyncio.current_task()) and not task.cancelling():
            raise ConnectionLost(
                "the connection was dropped while it was being made", host=slot.host, phase="connect"
            ) from None
        raise
    finally:
        slot.waiting -= 1


async def _end(slot: _Slot) -> None:
    if not slot.task.done():
        slot.task.cancel()
        await asyncio.wait((slot.task,), timeout=CLOSE_LIMIT)
    if connection := slot.connection:
        await connection.close()


async def _all_of(ends: list[Coroutine[Any, Any, None]]) -> None:
    tasks = [asyncio.ensure_future(end) for end in ends]
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=CLOSE_LIMIT)
        for task in late:
            task.cancel()


def _give_back(slot: _Slot) -> None:
    slot.leases -= 1


def _nothing() -> None:
    """A lease that is given back already."""
