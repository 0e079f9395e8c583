"""The sessions of `bedside fab`: a pool, with what `env` wishes on top of the configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from bedside.app import App
from bedside.app.asking import select
from bedside.fabric1.target import Target, Wishes
from bedside.model import Host
from bedside.runner import Runner
from bedside.ssh.options import SshOptions
from bedside.ssh.resolve import Resolver
from bedside.ssh.secrets import SiteSecrets


class PoolConnector:
    """Sessions over a pool whose options are the configuration's, and on top what `env` wishes.

    Made in the main thread; its coroutines run on the engine's loop.
    """

    def __init__(self, app: App, wishes: Wishes) -> None:
        self._app, self._wishes = app, wishes
        section = app.ssh
        if wishes.ssh_config:
            section = msgspec.structs.replace(section, config_file=str(Path(wishes.ssh_config).absolute()))
        self._resolver = Resolver(section, app.config, environ=app.environ, state=app.state, warn=app.warn)
        self._targets: dict[str, Target] = {}
        self._hosts: dict[str, Host] = {}
        self._left_out: dict[str, str] = {}
        ask = app.ask if wishes.may_ask else None
        configured, person = (
            SiteSecrets(self._options, environ=app.environ, warn=app.warn, ask=asking)
            for asking in (None, ask)
        )
        self._secrets = _Secrets(self._targets, configured, person)
        self._pool = app.pool_with(self._options, self._secrets, parallel=section.parallel)

    async def excluded(self, hosts: Sequence[str]) -> Mapping[str, str]:
        """Return those of the hosts that are taken out, each with the reason; sources are asked once."""
        new = [host for host in hosts if host not in self._hosts and host not in self._left_out]
        if new:
            chosen = await select(self._app, None, new, include_excluded=self._wishes.include_excluded)
            for error in chosen.errors:
                self._app.warn(str(error))
            self._hosts |= {host.name: host for host in chosen.hosts}
            self._left_out |= {host.name: _reason(host) for host in chosen.taken_out}
        return {host: self._left_out[host] for host in hosts if host in self._left_out}

    async def connect(self, target: Target) -> Runner:
        """Return the target's session."""
        self._targets[target.host_string] = target
        return await self._pool.session(target.host_string)

    async def disconnect(self, target: Target) -> None:
        """Close the target's connection."""
        await self._pool.drop(target.host_string)

    async def sudo_password(self, target: Target) -> str | None:
        """Return the sudo password that the configuration names."""
        options = self._options(target.host_string)
        return await self._secrets.sudo_password(options.host, options.user)

    async def close(self) -> None:
        """Close every connection."""
        await self._pool.close()

    def _options(self, host: str) -> SshOptions:
        target = self._targets.get(host)
        if target is None:  # a jump host
            return self._resolver(host)
        known = self._hosts.get(target.host)
        options = self._resolver(replace(known, name=host) if known else host)
        changes: dict[str, Any] = {}
        if target.keys or not target.use_default_keys:
            named = tuple(Path(key).expanduser() for key in target.keys)
            changes["identity_files"] = (*named, *(options.identity_files if target.use_default_keys else ()))
        if not target.use_agent:
            changes["agent"] = None
        if target.timeout is not None:
            changes["connect_timeout"] = target.timeout
        if target.keepalive is not None:
            changes["keepalive"] = target.keepalive
        if target.strict:
            changes["host_keys"] = "strict"
        if not target.use_known_hosts:
            changes["other_known_hosts"] = ()
        return replace(options, **changes)


class _Secrets:
    """`env`'s passwords, else the configuration's. A person is asked for passphrases here, and by the
    operations (in Fabric 1's words) for passwords.
    """

    def __init__(self, targets: Mapping[str, Target], configured: SiteSecrets, person: SiteSecrets) -> None:
        self._targets, self._configured, self._person = targets, configured, person

    async def password(self, host: str, user: str) -> str | None:
        """Return the login password."""
        target = self._targets.get(host)
        in_env = target.password if target else None
        return in_env or await self._configured.password(host, user)

    async def passphrase(self, path: Path) -> str | None:
        """Return the passphrase of a key file."""
        return await self._person.passphrase(path)

    async def answer(self, host: str, user: str, prompt: str, *, echo: bool) -> str | None:
        """Return the answer to what the host asks."""
        return await self._person.answer(host, user, prompt, echo=echo)

    async def sudo_password(self, host: str, user: str) -> str | None:
        """Return the sudo password that the configuration names."""
        return await self._configured.sudo_password(host, user)

    def refused(self, host: str, user: str, secret: str) -> None:
        """Never give a secret of the configuration to the host again."""
        self._configured.refused(host, user, secret)

    def accepted(self, host: str, user: str, secret: str) -> None:
        """The secret may be given to the others."""
        self._configured.accepted(host, user, secret)


def _reason(host: Host) -> str:
    return host.excluded.reason if host.excluded else ""
