"""The section [ssh] of the configuration, and the finished options of one host that come of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from bedside.config import Seconds
from bedside.errors import UsageError

HostKeyPolicy = Literal["strict", "accept-new", "off"]
SecretKind = Literal["command", "file", "env"]
Positive = Annotated[int, msgspec.Meta(ge=1)]
Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]


class SshRule(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One [[ssh.rule]]: settings for the hosts that match a query. The first rule wins, key by key."""

    hosts: str
    user: str | None = None
    port: Port | None = None
    jump: str | None = None
    identity_files: list[str] | None = None
    legacy_algorithms: bool | None = None
    host_keys: HostKeyPolicy | None = None
    connect_timeout: Seconds | None = None
    login_timeout: Seconds | None = None
    command_timeout: Seconds | None = None
    idle_timeout: Seconds | None = None
    password_command: str | None = None
    password_file: str | None = None
    password_env: str | None = None
    sudo_password_command: str | None = None
    sudo_password_file: str | None = None
    sudo_password_env: str | None = None


class SshSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """The section [ssh]. What is None here may stand in ssh_config, or else has the default named behind it.

    Time-outs are durations, 0 means none. `memory_limit` is bytes a stream. `config_file = "none"` reads
    no ssh_config at all.
    """

    user: str | None = None  # $USER
    port: int | None = None  # 22
    jump: str | None = None
    parallel: Positive = 64
    per_jump_host: Positive = 16
    connect_timeout: Seconds | None = None  # 10s
    login_timeout: Seconds | None = None  # 30s
    command_timeout: Seconds | None = None  # 5m
    idle_timeout: Seconds | None = None  # none
    keepalive: Seconds | None = None  # 15s
    host_keys: HostKeyPolicy | None = None  # accept-new
    config_file: str | None = None  # ~/.ssh/config and /etc/ssh/ssh_config
    known_hosts: str | None = None  # known_hosts in the state folder
    identity_files: list[str] | None = None
    agent: bool = True
    memory_limit: Positive = 1024 * 1024
    password_command: str | None = None
    password_file: str | None = None
    password_env: str | None = None
    sudo_password_command: str | None = None
    sudo_password_file: str | None = None
    sudo_password_env: str | None = None
    rule: list[SshRule] = []


@dataclass(frozen=True, slots=True)
class SecretSource:
    """Where a secret is to be had: a command that prints it, a file that holds it, a variable."""

    kind: SecretKind
    value: str


@dataclass(frozen=True, slots=True)
class Algorithms:
    """Algorithm lists in ssh_config's notation (`+`, `-`, `^` and wildcards); None means the default."""

    kex: str | None = None
    ciphers: str | None = None
    macs: str | None = None
    host_keys: str | None = None
    signatures: str | None = None
    compression: bool = False


@dataclass(frozen=True, slots=True)
class SshOptions:
    """All that is to be known to connect to one host. Time-outs are seconds, 0 means none."""

    host: str
    """The host as the user wrote it: the name in every message."""
    name: str
    """Its name without user and port, after HostName: what known_hosts files call it."""
    address: str
    """What is connected to: a name or an address."""
    port: int
    user: str
    site: str = ""
    key_alias: str | None = None
    """HostKeyAlias: the only name under which its key is looked up."""
    jump: tuple[str, ...] = ()
    """The hosts on the way, the nearest to us first."""
    proxy_command: str | None = None
    family: int = 0
    bind_address: str | None = None
    connect_timeout: float = 10.0
    login_timeout: float = 30.0
    command_timeout: float = 300.0
    idle_timeout: float = 0.0
    keepalive: float = 15.0
    keepalive_count: int = 3
    host_keys: HostKeyPolicy = "accept-new"
    known_hosts: Path | None = None
    """Our own file, to which new keys are appended; None: they are known for this process only."""
    other_known_hosts: tuple[Path, ...] = ()
    """The user's and the system's files, only read."""
    identity_files: tuple[Path, ...] = ()
    certificate_files: tuple[Path, ...] = ()
    identities_only: bool = False
    agent: str | None = None
    """The agent's socket."""
    methods: tuple[str, ...] = ("publickey", "keyboard-interactive", "password")
    """The kinds of login that may be tried, in this order."""
    algorithms: Algorithms = Algorithms()
    legacy_algorithms: bool = False
    password: SecretSource | None = None
    sudo_password: SecretSource | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    send_env: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """A host as it may be written: `[user@]name[:port]`, `[v6]:port`."""

    name: str
    user: str | None = None
    port: int | None = None

    @classmethod
    def parse(cls, text: str) -> Written:
        """Read it. Raises UsageError for what can't be a host."""
        user, at, rest = text.rpartition("@")
        name, port = _split_port(rest)
        bad = not name or name.startswith("-") or any(c.isspace() or not c.isprintable() for c in text)
        if bad or (at and not user):
            raise UsageError(f"{text!r} is no host", advice="write [user@]name[:port] or [user@][v6]:port")
        return cls(name, user or None, port)


def _split_port(text: str) -> tuple[str, int | None]:
    if text.startswith("["):
        name, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")):
            return "", None
        port = rest[1:]
    elif text.count(":") == 1:
        name, _, port = text.partition(":")
        rest = f":{port}"
    else:
        return text, None  # a name, or an IPv6 address without a port
    if not rest:
        return name, None
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        return "", None
    return name, int(port)
