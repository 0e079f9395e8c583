"""The composition root: wires configuration, secrets, ssh pool, sources and ledger together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bedside import config
from bedside.clock import Clock
from bedside.config import Config
from bedside.model import Host
from bedside.ssh.options import SshOptions, SshSection

if TYPE_CHECKING:
    from bedside.ledger import Ledger
    from bedside.ssh.pool import Pool
    from bedside.ssh.secrets import Ask, Secrets

SECTIONS = ("ssh", "site", "ledger", "exclusion_rule", "guard")


@dataclass
class App:
    """One wired application. Rooms are loaded when they are first asked for, so that asking is quick."""

    config: Config
    environ: Mapping[str, str]
    clock: Clock
    warn: Callable[[str], None]
    ask: Ask | None = None
    """Asks a person for a password; None where nobody is there."""

    @classmethod
    def load(
        cls,
        explicit: str | None,
        environ: Mapping[str, str],
        folder: Path,
        clock: Clock,
        *,
        warn: Callable[[str], None],
        ask: Ask | None = None,
    ) -> App:
        """Find and read the configuration in force. Raises ConfigError."""
        path = config.find(explicit, environ, folder)
        loaded = config.load(path) if path else Config()
        loaded.refuse_unknown(SECTIONS)
        loaded.section("ssh", SshSection)  # a wrong key is told by every command, not only by who needs it
        return cls(loaded, environ, clock, warn, ask)

    @cached_property
    def state(self) -> Path:
        """The folder for what must outlive a run: ledger, known hosts (0700)."""
        return config.private_folder(config.xdg("state", self.environ))

    @cached_property
    def cache(self) -> Path:
        """The folder for what can be made again."""
        return config.private_folder(config.xdg("cache", self.environ))

    @cached_property
    def ssh(self) -> SshSection:
        """The section [ssh]. Raises ConfigError."""
        return self.config.section("ssh", SshSection)

    def pool(self, hosts: Iterable[Host], *, parallel: int) -> Pool:
        """Return a pool that reaches the hosts as their sources and the configuration say.

        Raises ConfigError where the configuration or the user's ssh_config is wrong.
        """
        from bedside.ssh.resolve import Resolver
        from bedside.ssh.secrets import SiteSecrets

        known = {host.name: host for host in hosts}
        resolver = Resolver(self.ssh, self.config, environ=self.environ, state=self.state, warn=self.warn)

        def options_of(name: str) -> SshOptions:
            return resolver(known.get(name, name))

        secrets = SiteSecrets(options_of, environ=self.environ, warn=self.warn, ask=self.ask)
        return self.pool_with(options_of, secrets, parallel=parallel)

    def pool_with(self, options_of: Callable[[str], SshOptions], secrets: Secrets, *, parallel: int) -> Pool:
        """Return a pool over options and secrets of the caller's own."""
        from bedside.ssh.capture import CaptureSettings
        from bedside.ssh.pool import Pool

        return Pool(
            options_of,
            secrets=secrets,
            clock=self.clock,
            parallel=parallel,
            per_jump_host=self.ssh.per_jump_host,
            capture=CaptureSettings(memory_limit=self.ssh.memory_limit, folder=self.state / "output"),
            warn=self.warn,
        )

    @cached_property
    def ledger(self) -> Ledger:
        """The record of every run. Raises LedgerError."""
        from bedside.ledger.store import SCHEME, LedgerSection, open_ledger

        section = self.config.section("ledger", LedgerSection)
        if section.url is not None and not section.url.startswith(SCHEME):
            raise self.config.error_at(
                "no kind of ledger that is known", "ledger.url", 'write "sqlite:///PATH"'
            )
        return open_ledger(section.url, self.state / "ledger.db", self.clock)
