"""From a host as it is written to its finished options.

What stands nearest to the host wins: the host as written, what its source knows of it, the first
[[ssh.rule]] that matches, the section [ssh], the user's ssh_config, the defaults.
"""

from __future__ import annotations

import getpass
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bedside.config import Config
from bedside.errors import QueryError, Unreachable, UsageError
from bedside.model import Host
from bedside.ssh.options import (
    Algorithms,
    HostKeyPolicy,
    SecretKind,
    SecretSource,
    SshOptions,
    SshRule,
    SshSection,
    Written,
)
from bedside.ssh.tokens import shell_safe
from bedside.ssh.userconfig import HostSettings, UserConfig

if TYPE_CHECKING:
    from bedside.query import Node

_DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa", "id_ed25519_sk", "id_ecdsa_sk")
_POLICIES: dict[str, HostKeyPolicy] = {
    "yes": "strict", "true": "strict", "accept-new": "accept-new", "no": "off", "off": "off", "false": "off",
}  # fmt: skip
_FAMILIES = {"inet": socket.AF_INET, "inet6": socket.AF_INET6}
_METHODS = {
    "gssapi-with-mic": ("gssapiauthentication", False),
    "publickey": ("pubkeyauthentication", True),
    "keyboard-interactive": ("kbdinteractiveauthentication", True),
    "password": ("passwordauthentication", True),
}
_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_TIME = re.compile(r"\d+|(\d+[smhdw])+", re.IGNORECASE)
"""sshd_config(5), TIME FORMATS."""
_SECRET_KINDS: tuple[SecretKind, ...] = ("command", "file", "env")


class Resolver:
    """Finished options for any host. Configuration files are read when it is made, once."""

    def __init__(
        self,
        section: SshSection,
        config: Config,
        *,
        environ: Mapping[str, str],
        state: Path,
        warn: Callable[[str], None],
    ) -> None:
        """Read the ssh_config. `state` is the folder of our known_hosts. Raises ConfigError."""
        self._section, self._config, self._environ = section, config, environ
        self._rules = [(self._parse(rule, n), rule) for n, rule in enumerate(section.rule)]
        self._user_config = UserConfig(self._config_files(), warn)
        self._own_known_hosts = (
            config.resolve(section.known_hosts) if section.known_hosts else state / "known_hosts"
        )
        self._done: dict[str, tuple[Host | None, SshOptions]] = {}

    def __call__(self, host: Host | str) -> SshOptions:
        """Return the options for a host. Once asked with a Host, its name alone gives the same.

        Raises Unreachable for a name that can't be used.
        """
        name = host if isinstance(host, str) else host.name
        known, options = self._done.get(name, (None, None))
        if options and (isinstance(host, str) or host is known):
            return options
        try:
            options = self._resolve(Host(host) if isinstance(host, str) else host)
        except (UsageError, ValueError) as error:
            raise Unreachable(
                error.message if isinstance(error, UsageError) else str(error), reason="name",
                host=name, phase="connect", advice=error.advice if isinstance(error, UsageError) else "",
            ) from None  # fmt: skip
        self._done[name] = (None if isinstance(host, str) else host, options)
        return options

    def _resolve(self, host: Host) -> SshOptions:
        written = Written.parse(host.name)
        pick = self._picker(replace(host, name=written.name))
        user = written.user or host.user or pick("user")
        port = written.port or host.port or pick("port")
        said = self._user_config.lookup(written.name, user=user, port=port)
        name = said.first("hostname") or written.name
        address = said.first("hostname") or host.address or written.name
        user = user or said.first("user") or self._environ.get("USER") or getpass.getuser()
        port = port or _port(said)
        said.values["user"], said.values["port"] = [user], [str(port)]
        jump, proxy = self._way(written.name, pick("jump"), said)
        given = pick("identity_files")
        return SshOptions(
            host=host.name,
            name=name,
            address=address,
            port=port,
            user=user,
            site=host.sites[0] if host.sites else "",
            key_alias=said.first("hostkeyalias"),
            jump=jump,
            proxy_command=proxy,
            family=_FAMILIES.get((said.first("addressfamily") or "").lower(), socket.AF_UNSPEC),
            bind_address=said.first("bindaddress"),
            connect_timeout=_first(pick("connect_timeout"), _number(said, "connecttimeout"), 10.0),
            login_timeout=_first(pick("login_timeout"), 30.0),
            command_timeout=_first(pick("command_timeout"), 300.0),
            idle_timeout=_first(pick("idle_timeout"), 0.0),
            keepalive=_first(pick("keepalive"), _number(said, "serveraliveinterval"), 15.0),
            keepalive_count=int(_first(_number(said, "serveralivecountmax"), 3)) or 1,
            host_keys=pick("host_keys") or _policy(said) or "accept-new",
            known_hosts=self._own_known_hosts,
            other_known_hosts=_known_hosts(said),
            identity_files=tuple(map(self._config.resolve, given)) if given else _identity_files(said),
            certificate_files=tuple(said.tokens().path(p) for p in _paths(said, "certificatefile")),
            identities_only=bool(said.flag("identitiesonly")),
            agent=self._agent(said),
            methods=_methods(said),
            algorithms=_algorithms(said),
            legacy_algorithms=bool(pick("legacy_algorithms")),
            password=self._secret(pick, "password"),
            sudo_password=self._secret(pick, "sudo_password"),
            env=dict(pair.partition("=")[::2] for pair in said.values.get("setenv", ())),
            send_env=tuple(said.values.get("sendenv", ())),
        )

    def _picker(self, host: Host) -> _Picker:
        if not self._rules:
            return _Picker(self._section, [])
        from bedside import query

        return _Picker(self._section, [rule for node, rule in self._rules if query.matches(node, host)])

    def _parse(self, rule: SshRule, number: int) -> Node:
        from bedside import query

        try:
            return query.parse(rule.hosts)
        except QueryError as error:
            raise self._config.error_at(str(error), f"ssh.rule[{number}].hosts") from None

    def _config_files(self) -> list[Path]:
        named = self._section.config_file
        if named == "none":
            return []
        if named is None:
            return [Path.home() / ".ssh/config", Path("/etc/ssh/ssh_config")]
        path = self._config.resolve(named)
        if not path.is_file():
            raise self._config.error_at(f"there is no file {path}", "ssh.config_file")
        return [path]

    def _way(self, name: str, jump: str | None, said: HostSettings) -> tuple[tuple[str, ...], str | None]:
        """Return the jump hosts and the ProxyCommand; ssh_config's first one of the two counts."""
        command = None
        if jump is None:
            first = next((k for k in said.values if k in ("proxyjump", "proxycommand")), "")
            jump = said.first("proxyjump") if first == "proxyjump" else None
            command = said.first("proxycommand") if first == "proxycommand" else None
        if command and command.lower() != "none":
            return (), _proxy_command(command, said)
        return _jump_hosts(jump or "none", name), None

    def _agent(self, said: HostSettings) -> str | None:
        named = said.first("identityagent") or "SSH_AUTH_SOCK"
        if not self._section.agent or named.lower() == "none":
            return None
        if named == "SSH_AUTH_SOCK":
            return self._environ.get("SSH_AUTH_SOCK") or None
        if named.startswith("$") and not named.startswith("${"):
            return self._environ.get(named[1:]) or None
        return str(said.tokens().path(named))

    def _secret(self, pick: _Picker, name: str) -> SecretSource | None:
        for layer in pick.layers:
            for kind in _SECRET_KINDS:
                if value := getattr(layer, f"{name}_{kind}"):
                    return SecretSource(kind, str(self._config.resolve(value)) if kind == "file" else value)
        return None


class _Picker:
    """The first rule's value for a key, else the section's."""

    def __init__(self, section: SshSection, rules: list[SshRule]) -> None:
        self.layers: list[SshRule | SshSection] = [*rules, section]

    def __call__(self, key: str) -> Any:
        found = (getattr(layer, key, None) for layer in self.layers)
        return next((value for value in found if value is not None), None)


def _first(*values: float | None) -> float:
    return next(float(value) for value in values if value is not None)


def _number(said: HostSettings, keyword: str) -> float | None:
    value = said.first(keyword)
    if value is None or value.lower() == "none":
        return None
    if not _TIME.fullmatch(value):
        raise ValueError(f"{keyword} in ssh_config is no number: {value!r}")
    return float(sum(int(count) * _UNITS[unit.lower()] for count, unit in re.findall(r"(\d+)(\D?)", value)))


def _port(said: HostSettings) -> int:
    port = int(_number(said, "port") or 22)
    if not 0 < port < 65536:
        raise ValueError(f"port {port} in ssh_config is out of range")
    return port


def _policy(said: HostSettings) -> HostKeyPolicy | None:
    return _POLICIES.get((said.first("stricthostkeychecking") or "").lower())


def _paths(said: HostSettings, keyword: str) -> list[str]:
    return [value for value in said.values.get(keyword, ()) if value.lower() != "none"]


def _known_hosts(said: HostSettings) -> tuple[Path, ...]:
    user = said.values.get("userknownhostsfile", ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"])
    system = said.values.get(
        "globalknownhostsfile", ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"]
    )
    named = [value for value in (*user, *system) if value.lower() not in ("none", "/dev/null")]
    return tuple(said.tokens().path(value) for value in named)


def _identity_files(said: HostSettings) -> tuple[Path, ...]:
    if "identityfile" in said.values:
        return tuple(said.tokens().path(value) for value in _paths(said, "identityfile"))
    paths = [Path.home() / ".ssh" / name for name in _DEFAULT_KEYS]
    return tuple(path for path in paths if path.exists())


def _methods(said: HostSettings) -> tuple[str, ...]:
    preferred = said.first("preferredauthentications")
    names = preferred.split(",") if preferred else list(_METHODS)
    allowed = []
    for name in names:
        keyword, default = _METHODS.get(name.strip(), ("", False))
        flag = said.flag(keyword)
        if name == "keyboard-interactive" and flag is None:
            flag = said.flag("challengeresponseauthentication")
        if default if flag is None else flag:
            allowed.append(name.strip())
    return tuple(allowed)


def _algorithms(said: HostSettings) -> Algorithms:
    return Algorithms(
        kex=said.first("kexalgorithms"),
        ciphers=said.first("ciphers"),
        macs=said.first("macs"),
        host_keys=said.first("hostkeyalgorithms"),
        signatures=said.first("pubkeyacceptedalgorithms") or said.first("pubkeyacceptedkeytypes"),
        compression=bool(said.flag("compression")),
    )


def _proxy_command(command: str, said: HostSettings) -> str:
    tokens = said.tokens()
    for value in (said.host, tokens.host, tokens.user):
        if not shell_safe(value):
            raise ValueError(f"{value!r} can't be handed to the shell of a ProxyCommand")
    return tokens.expand(command)


def _jump_hosts(text: str, name: str) -> tuple[str, ...]:
    """Return the hops. One that is the host itself (`Host *` with a ProxyJump) is reached directly."""
    if text.lower() == "none":
        return ()
    hops: list[str] = []
    for part in text.split(","):
        hop = part.strip().removeprefix("ssh://").rstrip("/")
        if Written.parse(hop).name == name:
            break
        hops.append(hop)
    return tuple(hops)
