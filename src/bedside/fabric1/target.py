"""Where a host string leads, and the port through which the engine connects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bedside.fabric1.env import env
from bedside.fabric1.hosts import join_host_strings, normalize, parse_host_string
from bedside.runner import Runner


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line wishes of all connections."""

    include_excluded: str | None = None
    """Why excluded hosts are acted upon; None: they are left out."""
    ssh_config: str | None = None
    """A file in place of the user's ssh_config."""
    may_ask: bool = True
    """Whether a person may be asked for the passphrase of a key."""


@dataclass(frozen=True, slots=True)
class Target:
    """One login, and what `env` wishes of it. None is left to bedside's configuration and ssh_config."""

    host: str
    user: str | None = None
    port: int | None = None
    password: str | None = None
    keys: tuple[str, ...] = ()
    """Files that are tried before those of the configuration."""
    timeout: float | None = None
    """Seconds for a connection."""
    keepalive: float | None = None
    use_agent: bool = True
    use_default_keys: bool = True
    strict: bool = False
    """Refuse a host whose key is not known."""
    use_known_hosts: bool = True
    """Look into the user's and the system's known_hosts files."""

    @property
    def host_string(self) -> str:
        """The target as bedside writes hosts: `[user@]host[:port]`, IPv6 in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (f"{self.user}@" if self.user else "") + host + (f":{self.port}" if self.port else "")


DEFAULT_TIMEOUT = 10.0
"""Fabric 1's own; as it can't be told from a wish, it is none."""


class Connector(Protocol):
    """Makes sessions; the composition root has one over `ssh.pool.Pool`."""

    async def excluded(self, hosts: Sequence[str]) -> Mapping[str, str]:
        """Return those of the hosts (as they are written) that are taken out, each with the reason."""

    async def connect(self, target: Target) -> Runner:
        """Log in. Raises Unreachable, HostKeyMismatch, AuthenticationFailed, TimedOut."""

    async def disconnect(self, target: Target) -> None:
        """Close the connection to a target; bounded."""

    async def sudo_password(self, target: Target) -> str | None:
        """Return the sudo password that the configuration names, if any."""

    async def close(self) -> None:
        """Close every connection; bounded."""


def current() -> Target:
    """Return where `env` points now. A user or port that nobody named is left to the configuration."""
    found = parse_host_string(env.host_string)
    user, host, port = normalize(env.host_string)
    named_user = found["user"] or env.user != env.local_user
    named_port = found["port"] or str(env.port) != env.default_port
    keys = env.get("key_filename") or []
    timeout = float(env.get("timeout") or DEFAULT_TIMEOUT)
    return Target(
        host=host,
        user=user if named_user else None,
        port=int(port) if named_port else None,
        password=env.passwords.get(join_host_strings(user, host, port)) or env.get("password"),
        keys=tuple([keys] if isinstance(keys, str) else keys),
        timeout=timeout if timeout != DEFAULT_TIMEOUT else None,
        keepalive=float(env.get("keepalive") or 0) or None,
        use_agent=not env.get("no_agent"),
        use_default_keys=not env.get("no_keys"),
        strict=bool(env.get("reject_unknown_hosts")),
        use_known_hosts=not env.get("disable_known_hosts"),
    )
