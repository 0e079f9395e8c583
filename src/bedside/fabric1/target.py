"""Where a host string leads, and the port through which the engine connects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bedside.fabric1.env import env
from bedside.fabric1.hosts import join_host_strings, normalize, parse_host_string
from bedside.runner import Runner


@dataclass(frozen=True, slots=True)
class Target:
    """One login. `user` and `port` are None where bedside's configuration and ssh_config decide.

    `timeout` is the seconds for a connection; `keys` are files, tried before those of the configuration.
    """

    host: str
    user: str | None
    port: int | None
    password: str | None
    keys: tuple[str, ...]
    timeout: float

    @property
    def host_string(self) -> str:
        """The target as bedside writes hosts: `[user@]host[:port]`, IPv6 in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return (f"{self.user}@" if self.user else "") + host + (f":{self.port}" if self.port else "")


class Connector(Protocol):
    """Makes sessions; the composition root has one over `ssh.pool.Pool`."""

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
    return Target(
        host=host,
        user=user if named_user else None,
        port=int(port) if named_port else None,
        password=env.passwords.get(join_host_strings(user, host, port)) or env.get("password"),
        keys=tuple([keys] if isinstance(keys, str) else keys),
        timeout=float(env.get("timeout") or 10),
    )
