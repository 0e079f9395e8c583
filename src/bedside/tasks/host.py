"""What a task is given: `AsyncHost` for `async def`, `Host` for `def`.

Everything is async inside. `Host` is a thin typed face whose every call crosses one bridge to the
event loop and waits there. `cd`, `prefix`, `shell_env` and `settings` are kept in a context variable, so
that they hold for this host in this task (and what it calls) only.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import inspect
import posixpath
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, TypeVar

from bedside.errors import CommandFailed
from bedside.runner import Command, OnLine, Pty, Result, Runner

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Settings:
    """How commands are run. Time-outs are seconds; None is the session's own, 0 is none."""

    check: bool = True
    timeout: float | None = None
    idle_timeout: float | None = None
    pty: bool = False


@dataclass(frozen=True, slots=True)
class _Scope:
    settings: Settings
    cwd: str | None = None
    prefixes: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


_scopes: ContextVar[Mapping[Any, _Scope]] = ContextVar("bedside_host_scopes", default=MappingProxyType({}))


class _Scoped:
    """What both faces share: a host's name, its facts, its log, and the scopes."""

    def __init__(
        self, name: str, *, facts: Mapping[str, Any] | None = None, settings: Settings | None = None,
        log: Callable[[str], None] | None = None,
    ) -> None:  # fmt: skip
        self.name = name
        self.facts: Mapping[str, Any] = MappingProxyType(dict(facts or {}))
        """What the inventory knows of the host, by Facter's names (`facts["os"]["family"]`)."""
        self._base = _Scope(settings or Settings())
        self._log = log or (lambda line: None)

    def log(self, line: str) -> None:
        """Note a line beside the host's output; the ledger keeps it."""
        self._log(line)

    @contextmanager
    def cd(self, path: str) -> Iterator[None]:
        """Run what follows in this folder of the host; a relative path starts at the one around it."""
        with self._scope(cwd=posixpath.join(self._now.cwd or "", path)):
            yield

    @contextmanager
    def prefix(self, command: str) -> Iterator[None]:
        """Run `command && ` before each command that follows (`source venv/bin/activate`)."""
        with self._scope(prefixes=(*self._now.prefixes, command)):
            yield

    @contextmanager
    def shell_env(self, **variables: str) -> Iterator[None]:
        """Export environment variables to the commands that follow."""
        with self._scope(env={**self._now.env, **variables}):
            yield

    @contextmanager
    def settings(self, **changes: Any) -> Iterator[None]:
        """Change how the commands that follow are run: `check`, `timeout`, `idle_timeout`, `pty`."""
        with self._scope(settings=replace(self._now.settings, **changes)):
            yield

    @property
    def _now(self) -> _Scope:
        return _scopes.get().get(self, self._base)

    @contextmanager
    def _scope(self, **changes: Any) -> Iterator[None]:
        token = _scopes.set({**_scopes.get(), self: replace(self._now, **changes)})
        try:
            yield
        finally:
            _scopes.reset(token)

    def _command(
        self, line: str, stdin: bytes | str | None, timeout: float | None, pty: bool | None
    ) -> Command:
        scope = self._now
        chosen = scope.settings
        return Command(
            line=" && ".join((*scope.prefixes, line)),
            stdin=stdin.encode("utf-8", "surrogateescape") if isinstance(stdin, str) else stdin,
            env=scope.env,
            cwd=scope.cwd,
            pty=Pty() if (chosen.pty if pty is None else pty) else None,
            timeout=chosen.timeout if timeout is None else timeout,
            idle_timeout=chosen.idle_timeout,
        )


class AsyncHost(_Scoped):
    """One host, as an `async def` task sees it."""

    def __init__(self, runner: Runner, *, on_line: OnLine | None = None, **kept: Any) -> None:
        super().__init__(runner.host, **kept)
        self._runner, self._on_line = runner, on_line

    async def run(
        self, command: str, *, check: bool | None = None, timeout: float | None = None,
        stdin: bytes | str | None = None, pty: bool | None = None,
    ) -> Result:  # fmt: skip
        """Run a command. Raises CommandFailed for a status other than 0, unless `check` is off.

        Also raises TimedOut, ConnectionLost, Denied.
        """
        result = await self._runner.run(self._command(command, stdin, timeout, pty), on_line=self._on_line)
        return self._checked(result, check, "run")

    async def sudo(
        self, command: str, *, user: str | None = None, group: str | None = None, check: bool | None = None,
        timeout: float | None = None, stdin: bytes | str | None = None, pty: bool | None = None,
    ) -> Result:  # fmt: skip
        """As `run`, through sudo as `user` (default root). Raises Denied where sudo refuses."""
        result = await self._runner.sudo(
            self._command(command, stdin, timeout, pty), user=user, group=group, on_line=self._on_line
        )
        return self._checked(result, check, "sudo")

    async def put(self, source: str, target: str, *, mode: int | None = None) -> list[str]:
        """Copy local files (a path, glob or directory) to the host; return the remote paths written."""
        return await self._runner.put(source, self._remote(target), mode=mode)

    async def get(self, source: str, target: str) -> list[str]:
        """Copy files (a path, glob or directory) from the host; return the local paths written."""
        return await self._runner.get(self._remote(source), target)

    def _remote(self, path: str) -> str:
        return posixpath.join(self._now.cwd, path) if self._now.cwd else path

    def _checked(self, result: Result, check: bool | None, phase: str) -> Result:
        if not result.ok and (self._now.settings.check if check is None else check):
            raise CommandFailed(result, phase=phase)
        return result


class Host(_Scoped):
    """One host, as a `def` task sees it: the same calls, each waiting for its end."""

    def __init__(self, inner: AsyncHost, bridge: Bridge) -> None:
        super().__init__(inner.name, facts=inner.facts, log=inner.log)
        self._inner, self._bridge = inner, bridge

    @property
    def _now(self) -> _Scope:
        return self._inner._now

    @contextmanager
    def _scope(self, **changes: Any) -> Iterator[None]:
        with self._inner._scope(**changes):
            yield

    def run(
        self, command: str, *, check: bool | None = None, timeout: float | None = None,
        stdin: bytes | str | None = None, pty: bool | None = None,
    ) -> Result:  # fmt: skip
        """Run a command. Raises CommandFailed for a status other than 0, unless `check` is off."""
        return self._bridge.wait(self._inner.run(command, check=check, timeout=timeout, stdin=stdin, pty=pty))

    def sudo(
        self, command: str, *, user: str | None = None, group: str | None = None, check: bool | None = None,
        timeout: float | None = None, stdin: bytes | str | None = None, pty: bool | None = None,
    ) -> Result:  # fmt: skip
        """As `run`, through sudo as `user` (default root). Raises Denied where sudo refuses."""
        return self._bridge.wait(
            self._inner.sudo(
                command, user=user, group=group, check=check, timeout=timeout, stdin=stdin, pty=pty
            )
        )

    def put(self, source: str, target: str, *, mode: int | None = None) -> list[str]:
        """Copy local files (a path, glob or directory) to the host; return the remote paths written."""
        return self._bridge.wait(self._inner.put(source, target, mode=mode))

    def get(self, source: str, target: str) -> list[str]:
        """Copy files (a path, glob or directory) from the host; return the local paths written."""
        return self._bridge.wait(self._inner.get(source, target))


class Bridge:
    """The one way from a thread to the event loop. After `cut`, whoever waits or comes is cancelled."""

    CHECK = 1.0
    """Seconds after which a waiting thread looks whether the loop still runs."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: set[concurrent.futures.Future[Any]] = set()
        self._is_cut = False
        self._never_begun: list[Coroutine[Any, Any, Any]] = []

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop and return its value; raises what it raises.

        The wait is bounded by the coroutine's own limits, and ends when the loop does. Raises
        asyncio.CancelledError after `cut`.
        """
        if self._is_cut or self._loop.is_closed():
            coroutine.close()
            raise asyncio.CancelledError
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        self._waiting.add(future)
        try:
            return self._result(future)
        except concurrent.futures.CancelledError:
            raise asyncio.CancelledError from None
        finally:
            future.cancel()
            self._waiting.discard(future)
            if inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED:  # broken off by Ctrl-C
                self._never_begun.append(coroutine)

    def cut(self) -> None:
        """Cancel every wait, those to come too."""
        self._is_cut = True
        for future in list(self._waiting):
            future.cancel()

    def end(self) -> None:
        """Let go of what the loop never came to. To be called when it is closed."""
        for coroutine in self._never_begun:
            coroutine.close()

    def _result(self, future: concurrent.futures.Future[T]) -> T:
        while True:
            try:
                return future.result(self.CHECK)
            except concurrent.futures.TimeoutError:
                if future.done():
                    raise
                if self._loop.is_closed():
                    raise asyncio.CancelledError from None
