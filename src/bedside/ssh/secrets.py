"""Passwords and passphrases: where they come from. They never stand in arguments, logs or errors."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bedside import text
from bedside.config import readable_by_others
from bedside.ssh.options import SecretSource, SshOptions

COMMAND_LIMIT = 60.0
"""Seconds a password command may take: it may ask a person itself."""
VERDICT_LIMIT = 20.0
"""Seconds to wait for the first host's verdict on a password before another host is tried with it."""


class Secrets(Protocol):
    """Whom to ask for what must not be written down. None means that there is no answer."""

    async def password(self, host: str, user: str) -> str | None:
        """Return the login password. Whoever gets one says later how it fared: `accepted`, `refused`."""

    async def passphrase(self, path: Path) -> str | None:
        """Return the passphrase of an encrypted key file."""

    async def answer(self, host: str, user: str, prompt: str, *, echo: bool) -> str | None:
        """Return the answer to a question that the host asks at the login. `prompt` is hostile text."""

    async def sudo_password(self, host: str, user: str) -> str | None:
        """Return what sudo wants to hear."""

    def refused(self, host: str, user: str, secret: str) -> None:
        """Tell that the host refused the secret: it must not be given out again."""

    def accepted(self, host: str, user: str, secret: str) -> None:
        """Tell that the secret was the right one."""


class NoSecrets:
    """Knows nothing: for what must run without a person."""

    async def password(self, host: str, user: str) -> str | None:
        """Return None."""
        return None

    async def passphrase(self, path: Path) -> str | None:
        """Return None."""
        return None

    async def answer(self, host: str, user: str, prompt: str, *, echo: bool) -> str | None:
        """Return None."""
        return None

    async def sudo_password(self, host: str, user: str) -> str | None:
        """Return None."""
        return None

    def refused(self, host: str, user: str, secret: str) -> None:
        """Forget it: nothing was given out."""

    def accepted(self, host: str, user: str, secret: str) -> None:
        """Forget it: nothing was given out."""


Ask = Callable[[str, bool], Awaitable[str | None]]
"""Asks a person: the question, and whether what is typed may be seen. None: nobody is there, or will not."""


@dataclass(slots=True)
class _Shared:
    """One secret of a site: fetched once, tried on one host first, never given out again once refused.

    Without the trial on one host a mistyped password would be refused by 64 hosts at once, which locks
    accounts.
    """

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    fetched: bool = False
    value: str | None = field(default=None, repr=False)
    proven: bool = False
    refused: bool = False
    verdict: asyncio.Event | None = None
    on_trial: str | None = None


class SiteSecrets:
    """Secrets as the configuration names them (command, file, variable), else asked for, once a site."""

    def __init__(
        self,
        options_of: Callable[[str], SshOptions],
        *,
        environ: Mapping[str, str],
        warn: Callable[[str], None],
        ask: Ask | None = None,
    ) -> None:
        self._options_of, self._environ, self._warn, self._ask = options_of, environ, warn, ask
        self._shared: dict[tuple[object, ...], _Shared] = {}
        self._asking = asyncio.Lock()
        self._refused: set[tuple[str, str, str]] = set()

    async def password(self, host: str, user: str) -> str | None:
        """Return the login password."""
        options = self._options_of(host)
        question = f"Password of {user} at {options.site or host}: "
        return await self._give(host, user, self._key("password", options, user), options.password, question)

    async def sudo_password(self, host: str, user: str) -> str | None:
        """Return what sudo wants to hear: its own password, else the login's."""
        options = self._options_of(host)
        question = f"sudo password of {user} at {options.site or host}: "
        key = self._key("sudo", options, user)
        return await self._give(host, user, key, options.sudo_password, question)

    async def passphrase(self, path: Path) -> str | None:
        """Return the passphrase of a key file; each call asks anew."""
        return await self._question(f"Passphrase of {path}: ", echo=False)

    async def answer(self, host: str, user: str, prompt: str, *, echo: bool) -> str | None:
        """Ask a person what the host asks."""
        return await self._question(f"{host} asks {user}: {text.one_line(prompt)} ", echo=echo)

    def refused(self, host: str, user: str, secret: str) -> None:
        """Never give this secret to the host again; to nobody, where no host has taken it yet."""
        self._refused.add((host, user, secret))
        for shared in self._shared.values():
            if shared.value == secret and not shared.proven:
                shared.refused = True
                _settle(shared)

    def accepted(self, host: str, user: str, secret: str) -> None:
        """The secret may be given to the others."""
        for shared in self._shared.values():
            if shared.value == secret:
                shared.proven = True
                _settle(shared)

    @staticmethod
    def _key(kind: str, options: SshOptions, user: str) -> tuple[object, ...]:
        source = options.sudo_password if kind == "sudo" else options.password
        return (kind, source) if source else (kind, options.site or options.host, user)

    async def _give(
        self, host: str, user: str, key: tuple[object, ...], source: SecretSource | None, question: str
    ) -> str | None:
        shared = self._shared.setdefault(key, _Shared())
        async with shared.turn:
            if not shared.fetched:
                shared.value = await self._fetch(source, question)
                shared.fetched = True
        if shared.value is None or not await _may_try(shared, host):
            return None
        if shared.refused or (host, user, shared.value) in self._refused:
            return None
        return shared.value

    async def _fetch(self, source: SecretSource | None, question: str) -> str | None:
        if source is None:
            return await self._question(question, echo=False)
        match source.kind:
            case "env":
                found = self._environ.get(source.value)
                if found is None:
                    self._warn(
                        f"the environment variable {source.value} that should hold a password is not set"
                    )
                return found
            case "file":
                return self._read(Path(source.value))
            case "command":
                return await self._command(source.value)

    async def _question(self, question: str, *, echo: bool) -> str | None:
        if self._ask is None:
            return None
        async with self._asking:  # one question at a time on a terminal
            return await self._ask(question, echo)

    def _read(self, path: Path) -> str | None:
        try:
            if readable_by_others(path):
                self._warn(f"the password file {path} may be read by others: chmod 600 it")
            return _first_line(path.read_bytes())
        except OSError as error:
            self._warn(f"the password file {path} can't be read: {error.strerror}")
            return None

    async def _command(self, line: str) -> str | None:
        process = await asyncio.create_subprocess_exec(
            "/bin/sh", "-c", line, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE
        )
        try:
            async with asyncio.timeout(COMMAND_LIMIT):
                out, _ = await process.communicate()
        except TimeoutError:
            self._warn(f"the password command {_program(line)} did not end within {COMMAND_LIMIT:g} s")
            return None
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                # A child of the command may hold its output open: that is not waited for.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await process.wait()
        if process.returncode:
            self._warn(f"the password command {_program(line)} ended with exit status {process.returncode}")
            return None
        return _first_line(out)


async def _may_try(shared: _Shared, host: str) -> bool:
    """Wait until the secret is proven, or it is this host's turn to try it; False once it is refused."""
    while not (shared.proven or shared.refused):
        if shared.on_trial in (None, host):
            shared.on_trial, shared.verdict = host, asyncio.Event()
            return True
        trial = shared.verdict
        try:
            async with asyncio.timeout(VERDICT_LIMIT):
                if trial:
                    await trial.wait()
        except TimeoutError:  # the host on trial died without a verdict
            if shared.verdict is trial:
                shared.on_trial = None
    return not shared.refused


def _settle(shared: _Shared) -> None:
    shared.on_trial = None
    if shared.verdict:
        shared.verdict.set()


def _program(line: str) -> str:
    """Return a command line's first word: the others might hold what should not be seen."""
    return text.one_line(line.split(maxsplit=1)[0]) if line.split() else "(empty)"


def _first_line(data: bytes) -> str | None:
    return data.decode("utf-8", "surrogateescape").split("\n", 1)[0].rstrip("\r") or None
