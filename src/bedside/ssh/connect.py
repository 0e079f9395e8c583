"""One connection to one host: from the first packet to the login, every phase with its time-out.

Phases: `connect` (TCP, a channel through a jump host, or a ProxyCommand), `banner` (the host has yet to say
that it speaks SSH), `key_exchange`, `login`. The last three share `login_timeout`.
"""

from __future__ import annotations

import asyncio
import contextlib
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import asyncssh
from cryptography.utils import CryptographyDeprecationWarning

from bedside import text
from bedside.clock import Clock
from bedside.errors import AuthenticationFailed, HostError, TimedOut, Unreachable, UnreachableReason
from bedside.ssh.algorithms import Offer, is_legacy, offer
from bedside.ssh.dial import Dialer, Line, Proxy
from bedside.ssh.hostkeys import HostKeys
from bedside.ssh.keyring import Keyring
from bedside.ssh.login import Login
from bedside.ssh.options import SshOptions
from bedside.ssh.secrets import Secrets
from bedside.ssh.translate import LEGACY_ADVICE, translate

CLOSE_LIMIT = 5.0
"""Seconds that a polite close may take; then the connection is cut."""

_WAITS = {
    "banner": "it accepts connections but does not say that it speaks SSH",
    "key_exchange": "it stopped answering in the key exchange",
    "login": "the login did not come to an end",
}


@dataclass(slots=True, eq=False)
class Connection:
    """A connection that is logged in. `raw` is AsyncSSH's own, for the rooms beside this one."""

    host: str
    raw: asyncssh.SSHClientConnection
    options: SshOptions
    line: Line | None = None

    async def close(self) -> None:
        """Close it; returns within a few seconds, safe to call twice."""
        self.raw.close()
        try:
            async with asyncio.timeout(CLOSE_LIMIT):
                await self.raw.wait_closed()
        except TimeoutError:
            self.raw.abort()
        if self.line:
            await self.line.close()


@dataclass(slots=True)
class Connector:
    """Makes connections. What all of them need (keys, known hosts, the agent) is read once and kept here."""

    secrets: Secrets
    clock: Clock
    warn: Callable[[str], None]
    keyring: Keyring = field(init=False)
    host_keys: HostKeys = field(init=False)
    _dialer: Dialer = field(default_factory=Dialer)
    _warned: set[object] = field(default_factory=set)

    def __post_init__(self) -> None:
        # AsyncSSH's own affair: old hosts need what the library below it would rather drop.
        warnings.filterwarnings("ignore", category=CryptographyDeprecationWarning, module=r"asyncssh\.")
        self.keyring = Keyring(self.secrets, self.warn)
        self.host_keys = HostKeys(self.clock, self.warn)

    def close(self) -> None:
        """Let go of what is kept; the connections made are their owners' to close."""
        self.keyring.close()

    async def connect(self, options: SshOptions, *, tunnel: Connection | None = None) -> Connection:
        """Connect and log in, through `tunnel` where there is one (which stays open when this ends).

        Raises Unreachable, HostKeyMismatch, AuthenticationFailed, TimedOut, ConnectionLost, Denied.
        """
        return await _Attempt(self, options, tunnel).run()

    def offer(self, options: SshOptions) -> Offer:
        """Return the algorithms for a host, warning once of what is off or held back."""
        if options.host_keys == "off":
            self._warn_once(
                (options.host, "off"),
                f"{options.host}: host keys are OFF: whoever sits in between can read all",
            )
        chosen = offer(options.algorithms, legacy=options.legacy_algorithms)
        if chosen.held_back:
            self._warn_once(
                chosen.held_back,
                f"ssh_config allows {', '.join(chosen.held_back)} (first met for {options.host}), "
                "used only for hosts with legacy_algorithms = true in an [[ssh.rule]]",
            )
        return chosen

    def _warn_once(self, key: object, message: str) -> None:
        if key not in self._warned:
            self._warned.add(key)
            self.warn(message)


class _Attempt:
    """One try to connect."""

    def __init__(self, connector: Connector, options: SshOptions, tunnel: Connection | None) -> None:
        self._connector, self._options, self._tunnel = connector, options, tunnel
        self._started = connector.clock.monotonic()
        self._line: Line | None = None
        self._login: Login | None = None

    async def run(self) -> Connection:
        """Connect; whatever happens, nothing is left behind."""
        limit = asyncio.timeout(self._options.connect_timeout or None)
        try:
            async with limit:
                raw = await self._connect(limit)
        except BaseException as error:
            failure = await self._failure(error, expired=limit.expired())
            if self._line:
                await self._line.close()
            if failure is None:
                raise
            raise failure from error
        connection = Connection(self._options.host, raw, self._options, self._line)
        try:
            await self._remember()
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _connect(self, limit: asyncio.Timeout) -> asyncssh.SSHClientConnection:
        options, connector = self._options, self._connector
        self._login = login = Login(options, connector.keyring, connector.secrets, limit, self._seconds)
        way: dict[str, Any]
        if self._tunnel:
            way = {"tunnel": self._tunnel.raw}
        else:
            self._line = await connector._dialer.dial(options, options.connect_timeout)
            way = {"sock": self._line.sock}
        login.trust = connector.host_keys.trust(options, self._line.address if self._line else None)
        return await asyncssh.connect(
            options.address, options.port, client_factory=lambda: login,
            **way, **_settings(options, connector.offer(options), login),
        )  # fmt: skip

    async def _remember(self) -> None:
        login = self._login
        if login and login.new_key and login.phase == "login":
            await self._connector.host_keys.remember(login.trust, *login.new_key, self._seconds())

    def _seconds(self) -> float:
        return self._connector.clock.monotonic() - self._started

    async def _failure(self, error: BaseException, *, expired: bool) -> HostError | None:
        """Return the error to raise instead; None for what is to go on as it is (a cancel)."""
        login = self._login
        if not isinstance(error, Exception):
            return None
        phase = login.phase if login else "connect"
        if expired and isinstance(error, TimeoutError):
            failure = self._timed_out(phase)
        elif login and login.rejection:
            failure = login.rejection
        elif login and isinstance(error, asyncssh.PermissionDenied) and phase == "login":
            failure = login.failure()
        elif isinstance(error, asyncssh.KeyExchangeFailed):
            failure = _no_common_algorithm(error, self._options, self._seconds())
        elif self._tunnel and phase == "connect":
            failure = self._not_tunnelled(error, self._tunnel)
        else:
            failure = translate(error, host=self._options.host, phase=phase, seconds=self._seconds())
            if login and isinstance(failure, AuthenticationFailed):
                failure = login.failure(failure.message)
        if self._line and self._line.proxy and phase in ("connect", "banner"):
            failure = await self._proxy_failed(failure, self._line.proxy)
        with contextlib.suppress(HostError):  # the first error is the one to tell
            await self._remember()
        return failure

    def _timed_out(self, phase: str) -> HostError:
        options, seconds = self._options, self._seconds()
        if phase == "connect":
            return Unreachable(
                f"it did not answer within {options.connect_timeout:g} s", reason="timeout",
                host=options.host, phase=phase, seconds=seconds,
                advice="it is down, or something on the way drops packets",
            )  # fmt: skip
        return TimedOut(
            f"{_WAITS[phase]} within {options.login_timeout:g} s",
            host=options.host, phase=phase, seconds=seconds,
        )  # fmt: skip

    def _not_tunnelled(self, error: Exception, tunnel: Connection) -> HostError:
        if not isinstance(error, asyncssh.ChannelOpenError):
            return translate(error, host=self._options.host, phase="connect", seconds=self._seconds())
        words = text.one_line(error.reason)
        return Unreachable(
            f"the jump host {tunnel.host} can't reach it: {words or 'it does not say why'}",
            reason=_tunnel_reason(error.code, words),
            host=self._options.host, phase="connect", seconds=self._seconds(),
        )  # fmt: skip

    async def _proxy_failed(self, failure: HostError, proxy: Proxy) -> HostError:
        if isinstance(failure, TimedOut):
            return failure
        status = await proxy.ended()
        ending = "closed its output" if status is None else f"ended with exit status {status}"
        said = f": {proxy.last_words}" if proxy.last_words else ""
        return Unreachable(
            f"its ProxyCommand {ending}{said}", reason="proxy",
            host=failure.host, phase="connect", seconds=failure.seconds,
            advice="run the ProxyCommand of your ssh_config by hand",
        )  # fmt: skip


def _settings(options: SshOptions, chosen: Offer, login: Login) -> dict[str, Any]:
    """Return AsyncSSH's arguments. It must not read files by itself, nor use time-outs of its own."""
    trust = login.trust
    return {
        "config": None,
        "username": options.user,
        "known_hosts": trust.for_asyncssh(),
        "host_key_alias": options.key_alias or options.name,
        "server_host_key_algs": chosen.host_keys(trust.known_types, certified=bool(trust.authorities)),
        "kex_algs": chosen.kex,
        "encryption_algs": chosen.ciphers,
        "mac_algs": chosen.macs,
        "compression_algs": chosen.compression,
        "signature_algs": chosen.signatures,
        "client_keys": None,  # they come from `login`, one by one
        "agent_path": None,
        "proxy_command": None,
        "x509_trusted_certs": None,
        "x509_trusted_cert_paths": [],
        "host_based_auth": False,
        "public_key_auth": "publickey" in options.methods,
        "kbdint_auth": "keyboard-interactive" in options.methods,
        "password_auth": "password" in options.methods,
        "gss_host": () if "gssapi-with-mic" in options.methods else None,
        "gss_kex": False,
        "preferred_auth": list(options.methods),
        "connect_timeout": None,
        "login_timeout": 0,
        "keepalive_interval": options.keepalive,
        "keepalive_count_max": options.keepalive_count,
        "env": dict(options.env) or None,
        "send_env": list(options.send_env) or None,
    }


def _no_common_algorithm(error: asyncssh.KeyExchangeFailed, options: SshOptions, seconds: float) -> HostError:
    """AsyncSSH says `No matching KIND algorithm found, sent A,B and received C,D`."""
    what, _, received = text.one_line(error.reason, 2000).partition(", sent ")
    theirs = received.rpartition(" and received ")[2]
    old = any(is_legacy(name) for name in theirs.split(","))
    if old and not options.legacy_algorithms:
        advice = LEGACY_ADVICE
    else:
        advice = "bedside can't talk to it as it is configured"
    return Unreachable(
        f"{what[:1].lower()}{what[1:]}: it offers {theirs or 'none'}", reason="protocol",
        host=options.host, phase="key_exchange", seconds=seconds, advice=advice,
    )  # fmt: skip


def _tunnel_reason(code: int, words: str) -> UnreachableReason:
    if code == asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED:
        return "proxy"
    reasons: dict[str, UnreachableReason] = {
        "refused": "refused", "no route": "no_route", "unreachable": "no_route", "timed out": "timeout",
        "resolve": "name", "name or service": "name", "not known": "name",
    }  # fmt: skip
    return next((reason for sign, reason in reasons.items() if sign in words.lower()), "proxy")
