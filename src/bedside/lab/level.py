"""The one interface to a lab, whatever its hosts are made of, and the state that a lab leaves on disk.

A lab is a folder (`Folders.state`). Everything in it is written by `Level.up` and removed by `Level.down`:

    state.json        LabState (0600): first with phase "starting", again with phase "up"
    id_ed25519        the key that root and ops let in on every host (0600)
    known_hosts       every host's own key, so that a first login is a known one
    ssh_config        works from the machine's own network
    bedside.toml      works from the machine's own network: site `lab`, [ssh] config_file = ssh_config
    inside_ssh_config, inside.toml    the same with direct addresses, for `lab exec`
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from bedside import config
from bedside.errors import LabError, UsageError

LevelName = Literal["namespaces", "simulated"]
Kind = Literal["debian", "openwrt", "qnap", "cygwin", "appliance"]
Phase = Literal["starting", "up"]
Progress = Callable[[str], None]
"""Called with one line on what is going on."""

LEVELS: Mapping[LevelName, str] = {
    "namespaces": "bedside.lab.namespaces",
    "simulated": "bedside.lab.simulated.level",
}
"""Best first. Each module has a class `Lab` that is a Level: `Lab(folders, environ)`."""

RELEASES = ("bullseye", "bookworm", "trixie")
LOOKALIKES: tuple[Kind, ...] = ("openwrt", "qnap", "cygwin", "appliance")
SITE = "lab"
OPS_PASSWORD = "opspw"  # noqa: S105 (of throw-away hosts that only this machine reaches)
SERVICES = (
    "ssh", "CPU load", "CPU utilization", "Memory", "Swap", "Uptime", "Kernel threads", "Number of users",
    "Filesystem /", "Filesystem /boot", "Filesystem /home", "Filesystem /var", "Disk IO", "Inodes /",
    "Interface eth0", "TCP connections", "NTP time", "Mail queue", "Cron", "Syslog", "Package updates",
    "Reboot required", "Postfix status", "Backup age", "Hardware sensors",
)  # fmt: skip
"""The 25 services that monitoring knows of every host."""

FAULTS: Mapping[str, str] = {
    "reboot": "restart the host in the orderly way",
    "hard-reboot": "pull the plug and put it back",
    "off": "pull the plug",
    "on": "switch the host on",
    "cut": "cut the network cable",
    "mend": "mend the network cable",
    "full": "fill the disk",
    "unfull": "free the disk again",
    "lock": "hold the package manager's locks (SECONDS, else 600)",
    "unlock": "let go of those locks",
    "break-sshd": "leave sshd with a configuration it refuses, and stopped",
    "fix-sshd": "give sshd its configuration back",
}


@dataclass(frozen=True, slots=True)
class Spec:
    """What a lab is to hold: `hosts` Debian hosts spread over the releases, and look-alikes on top.

    The same spec gives the same names, addresses and service states.
    """

    hosts: int = 20
    releases: tuple[str, ...] = RELEASES
    seed: int = 0
    lookalikes: tuple[Kind, ...] = LOOKALIKES


@dataclass(frozen=True, slots=True)
class LabHost:
    """One host of a lab. `address` and `port` hold inside the lab; `release` is empty for look-alikes."""

    name: str
    kind: Kind
    release: str
    address: str
    port: int = 22
    systemd: bool = False

    @property
    def platform(self) -> str:
        """The release (`bookworm`, `bookworm-systemd`), or a look-alike's kind."""
        return (self.release + ("-systemd" if self.systemd else "")) or self.kind


@dataclass(frozen=True, slots=True)
class LabState:
    """What is known of a lab between two commands. Times are RFC 3339, in UTC."""

    level: LevelName
    phase: Phase
    since: str
    spec: Spec
    hosts: tuple[LabHost, ...] = ()
    livestatus: str = ""
    couchdb: str = ""

    def host(self, name: str) -> LabHost:
        """Return the host called `name`. Raises UsageError."""
        for host in self.hosts:
            if host.name == name:
                return host
        known = ", ".join(h.name for h in self.hosts)
        raise UsageError(f"the lab has no host {name!r}", advice=f"it has {known}")


@dataclass(frozen=True, slots=True)
class HostStatus:
    """How a host of the lab is. `since`: of its last boot (or of its being off), RFC 3339 in UTC."""

    name: str
    platform: str
    address: str
    port: int
    on: bool
    since: str


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a lab lives: `state` is this lab's own and goes with it, `cache` is shared and stays."""

    state: Path
    cache: Path

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> Folders:
        """Return the folders of the user's one lab (XDG Base Directory Specification)."""
        return cls(config.xdg("state", environ) / "lab", config.xdg("cache", environ) / "lab")

    @property
    def key(self) -> Path:
        """The private key that the hosts let in."""
        return self.state / "id_ed25519"

    @property
    def known_hosts(self) -> Path:
        """The hosts' keys."""
        return self.state / "known_hosts"

    def ssh_config(self, *, inside: bool) -> Path:
        """The ssh_config for use inside the lab's network, or from the machine's own."""
        return self.state / ("inside_ssh_config" if inside else "ssh_config")

    def config(self, *, inside: bool) -> Path:
        """The bedside configuration for use inside the lab's network, or from the machine's own."""
        return self.state / ("inside.toml" if inside else "bedside.toml")


class Level(Protocol):
    """One way to make a fleet. Every method is bounded in time and raises LabError.

    What `up` was killed at, at any moment, the next `up` or `down` clears.
    """

    name: LevelName

    def lacks(self) -> list[str]:
        """Return what this machine lacks for this level, a sentence each; empty where it can be used."""

    async def up(self, spec: Spec, progress: Progress) -> LabState:
        """Make the fleet and return when every host, the monitoring and the facts answer.

        What an unfinished or dead lab left is cleared first. Raises LabError where one is up already.
        """

    async def status(self, state: LabState) -> list[HostStatus]:
        """Return how each host is, in the order of `state.hosts`. Raises LabError if the lab is dead."""

    def inside(self, state: LabState, command: Sequence[str]) -> list[str]:
        """Return the command wrapped so that it runs with the machine's files and the lab's network."""

    async def fault(self, state: LabState, host: LabHost, kind: str, seconds: int | None = None) -> None:
        """Do one of FAULTS to a host. Raises LabError where that host can't have it."""

    async def down(self) -> list[str]:
        """Remove everything that the lab in this folder made, also after kill -9; none there is fine.

        Returns sentences on what could not be removed and why; empty where nothing is left.
        """


def fault_seconds(kind: str, argument: str | None) -> int | None:
    """Check a fault's name and its argument. Raises UsageError."""
    if kind not in FAULTS:
        raise UsageError(f"no fault is called {kind!r}", advice=f"there are {', '.join(FAULTS)}")
    if argument is None:
        return None
    if kind != "lock":
        raise UsageError(f"{kind} takes no argument")
    if not argument.isdecimal() or not 0 < int(argument) <= 86400:
        raise UsageError(f"lock takes seconds from 1 to 86400, not {argument!r}")
    return int(argument)


def levels(folders: Folders, environ: Mapping[str, str]) -> Iterator[Level]:
    """Yield every level, best first."""
    for name in LEVELS:
        yield load(name, folders, environ)


def load(name: LevelName, folders: Folders, environ: Mapping[str, str]) -> Level:
    """Return the level called `name`."""
    level: Level = importlib.import_module(LEVELS[name]).Lab(folders, environ)
    return level


def choose(name: LevelName | None, folders: Folders, environ: Mapping[str, str]) -> tuple[Level, str]:
    """Return the level asked for, else the best that this machine allows, and why no better one.

    Raises LabError where the machine can't do what was asked for.
    """
    why = ""
    for level in [load(name, folders, environ)] if name else levels(folders, environ):
        lacks = level.lacks()
        if not lacks:
            return level, why
        why = f"{level.name} can't be used here: {'; '.join(lacks)}"
    raise LabError(
        why, advice="" if name == "simulated" else "bedside lab up --level simulated needs nothing"
    )


def save(folders: Folders, state: LabState) -> None:
    """Write the state beside its place and rename it there (0600)."""
    config.private_folder(folders.state)
    part = folders.state / f"state.json.{os.getpid()}"
    with open(part, "wb", opener=config.private_opener) as file:
        file.write(msgspec.json.format(msgspec.json.encode(state), indent=2))
    part.replace(folders.state / "state.json")


def read(folders: Folders) -> LabState | None:
    """Return the lab's state; None where there is none. Raises LabError where it can't be read."""
    path = folders.state / "state.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=LabState)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as error:
        raise LabError(f"{path}: {error}", advice="bedside lab down clears it") from None


def read_up(folders: Folders) -> LabState:
    """Return the state of a lab that is up. Raises LabError."""
    state = read(folders)
    if state is None:
        raise LabError("there is no lab", advice="bedside lab up makes one")
    if state.phase != "up":
        raise LabError("the lab is not complete: its `up` has not ended or was killed",
                       advice="bedside lab up clears it and makes a new one")  # fmt: skip
    return state


@contextmanager
def only_one(folders: Folders) -> Iterator[None]:
    """Hold the lab's lock, so that two commands don't make or remove it at once. Raises LabError."""
    import fcntl

    config.private_folder(folders.state.parent)
    with open(folders.state.with_suffix(".lock"), "wb", opener=config.private_opener) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LabError("another bedside lab up or down is at work on this lab") from None
        yield


def plan(spec: Spec, address: Callable[[int], tuple[str, int]]) -> tuple[LabHost, ...]:
    """Return the hosts that a spec asks for; `address(n)` gives the address and port of the n-th, from 1.

    Releases take turns; `bookworm-systemd` hosts are numbered apart from `bookworm` ones and run systemd.
    Raises UsageError.
    """
    if spec.hosts < 0 or spec.hosts > 2000:
        raise UsageError(f"a lab has from 0 to 2000 hosts, not {spec.hosts}")
    if not spec.releases and spec.hosts:
        raise UsageError("no release is named", advice=f"there are {', '.join(RELEASES)}")
    counts: dict[str, int] = {}
    hosts: list[LabHost] = []
    for n in range(spec.hosts):
        platform = spec.releases[n % len(spec.releases)]
        release = platform.removesuffix("-systemd")
        if release not in RELEASES:
            known = ", ".join(RELEASES)
            raise UsageError(f"no release is called {platform!r}",
                             advice=f"there are {known}, each also as RELEASE-systemd")  # fmt: skip
        counts[platform] = counts.get(platform, 0) + 1
        where, port = address(n + 1)
        name = f"{platform}-{counts[platform]:02}"
        hosts.append(LabHost(name, "debian", release, where, port, systemd=platform != release))
    for kind in spec.lookalikes:
        counts[kind] = counts.get(kind, 0) + 1
        where, port = address(len(hosts) + 1)
        hosts.append(LabHost(f"{kind}-{counts[kind]:02}", kind, "", where, port))
    return tuple(hosts)
