"""One simulated host: its state, and what a fault does to it."""

from __future__ import annotations

import asyncio
import posixpath
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bedside.lab.simulated.call import Command
from bedside.lab.simulated.files import Files
from bedside.lab.simulated.platforms import SIMULATED, Platform

_BIN = ("/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin")


@dataclass(slots=True)
class Host:
    """One host. Its commands change `packages` and files, faults change the rest."""

    name: str
    address: str
    platform: Platform
    folder: Path
    commands: Mapping[str, Command]
    machine_id: str
    packages: dict[str, str] = field(default_factory=dict)
    candidates: dict[str, str] = field(default_factory=dict)
    """Newer versions that `apt-get update` has learned of."""
    held: set[str] = field(default_factory=set)
    powered: bool = True
    cut: bool = False
    full: bool = False
    locked: bool = False
    plugged: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while the cable is in; output waits for it."""
    boot_id: str = ""
    booted: float = 0.0
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    on_reboot: Callable[[], None] = lambda: None
    files: Files = field(init=False)

    def __post_init__(self) -> None:
        self.files = Files(self.folder.resolve(), lambda: self.full)
        self.packages.update(self.platform.packages)
        self.files.plant(
            {
                path: text.format(name=self.name, machine_id=self.machine_id)
                for path, text in self.platform.files.items()
            }
        )
        self.plugged.set()
        self.boot()

    def boot(self) -> None:
        """Start as after power-on: a new boot id, uptime from zero, no lock held."""
        self.boot_id, self.booted, self.since = str(uuid.uuid4()), time.monotonic(), datetime.now(UTC)
        self.powered, self.locked = True, False
        self.files.plant({"/proc/sys/kernel/random/boot_id": self.boot_id + "\n"})

    @property
    def greeting(self) -> str:
        """What an interactive login is greeted with."""
        return f"{self.platform.description}: a host {SIMULATED}, nothing here is real.\n"

    @property
    def answers(self) -> bool:
        """True where the host is on and its cable is in."""
        return self.powered and not self.cut

    @property
    def vulnerable(self) -> bool:
        """True where its bash evaluates what follows a function definition in a variable."""
        return bool(self.platform.vulnerable_bash) and self.packages["bash"] == self.platform.vulnerable_bash

    def command(self, name: str) -> Command | None:
        """Return the command of that name or path, if the host has it."""
        folder, base = posixpath.split(name)
        return self.commands.get(base) if not folder or folder in _BIN else None
