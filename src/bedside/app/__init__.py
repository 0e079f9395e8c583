"""The composition root: wires configuration, secrets, ssh pool, sources and ledger together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bedside import config
from bedside.clock import Clock
from bedside.config import Config

if TYPE_CHECKING:
    from bedside.ledger import Ledger

SECTIONS = ("ssh", "site", "ledger", "exclusion_rule", "guard")


@dataclass
class App:
    """One wired application. Rooms are loaded when they are first asked for, so that asking is quick."""

    config: Config
    environ: Mapping[str, str]
    clock: Clock
    warn: Callable[[str], None]

    @classmethod
    def load(
        cls, explicit: str | None, environ: Mapping[str, str], folder: Path, clock: Clock,
        *, warn: Callable[[str], None],
    ) -> App:  # fmt: skip
        """Find and read the configuration in force. Raises ConfigError."""
        path = config.find(explicit, environ, folder)
        loaded = config.load(path) if path else Config()
        loaded.refuse_unknown(SECTIONS)
        return cls(loaded, environ, clock, warn)

    @cached_property
    def state(self) -> Path:
        """The folder for what must outlive a run: ledger, known hosts (0700)."""
        return config.private_folder(config.xdg("state", self.environ))

    @cached_property
    def cache(self) -> Path:
        """The folder for what can be made again."""
        return config.private_folder(config.xdg("cache", self.environ))

    @cached_property
    def ledger(self) -> Ledger:
        """The record of every run. Raises LedgerError."""
        from bedside.ledger import LedgerSection, open_ledger

        section = self.config.section("ledger", LedgerSection)
        return open_ledger(section.url, self.state / "ledger.db", self.clock)
