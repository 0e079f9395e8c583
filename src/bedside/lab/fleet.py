"""The hosts of a namespaces lab: their addresses, their roots, booting them, waiting for their banners."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bedside.errors import LabError
from bedside.lab import seeds
from bedside.lab.anchor import Anchor
from bedside.lab.level import LabHost
from bedside.lab.proc import run
from bedside.lab.seeds import KeyPair
from bedside.text import plural

GATEWAY = "10.77.0.1"
DISK = "256m"
"""The size of a host's disk, as tmpfs takes it: memory is used only for what is written."""
_PER_SUBNET = 250
_WORKERS = 2
_BOOT_SECONDS = 30
_SECONDS_A_HOST = 1.0
_INOTIFY_OF_SYSTEMD = 6  # 5 when it is up, 6 while it boots
_INOTIFY_LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")


def address(number: int) -> tuple[str, int]:
    """Return the address and port of the n-th host, counted from 1."""
    return f"10.77.{number // _PER_SUBNET + 1}.{number % _PER_SUBNET + 1}", 22


def mac(number: int) -> str:
    """Return the hardware address of the n-th host (locally administered)."""
    return f"02:77:00:00:{number >> 8:02x}:{number & 0xFF:02x}"


@dataclass(frozen=True, slots=True)
class Fleet:
    """The hosts to be. `root_of` gives a host's system, `keys` its key; all let in the key `login`."""

    hosts: Sequence[LabHost]
    seed: int
    root_of: Callable[[LabHost], Path]
    keys: Mapping[str, KeyPair]
    login: str

    def mac(self, host: LabHost) -> str:
        """Return the host's hardware address."""
        return mac(self.hosts.index(host) + 1)

    def plan(self) -> list[str]:
        """Return a line a host, as `hosts.sh` takes it."""
        return [
            f"{host.name} {host.address} {mac(n)} v{n} {'systemd' if host.systemd else 'busybox'} "
            f"{self.root_of(host)}\n"
            for n, host in enumerate(self.hosts, 1)
        ]

    async def boot(self, anchor: Anchor, folder: Path, bridge: str) -> None:
        """Make and start every host; `folder` is for the files that are a host's own. Raises LabError."""
        for host in self.hosts:
            root = self.root_of(host)
            own = seeds.files(
                host, seed=self.seed, login=self.login, key=self.keys.get(host.name),
                penalties=(root / "usr/lib/openssh/sshd-session").exists(),
            )  # fmt: skip
            await seeds.plant(folder / host.name, list(own))
        plan = self.plan()
        limit = _BOOT_SECONDS + _SECONDS_A_HOST * len(plan)
        async with asyncio.TaskGroup() as group:
            for worker in range(_WORKERS):
                lines = "".join(plan[worker::_WORKERS]).encode()
                group.create_task(
                    anchor.script(
                        "hosts.sh", str(folder), bridge, DISK, what="making hosts", timeout=limit, stdin=lines
                    )
                )

    async def banners(self, anchor: Anchor) -> dict[str, str]:
        """Wait for every host's SSH banner and return them by name. Raises LabError."""
        seconds = _BOOT_SECONDS + _SECONDS_A_HOST * len(self.hosts)
        asked = json.dumps([(host.address, host.port) for host in self.hosts]).encode()
        command = anchor.within([sys.executable, "-m", "bedside.lab.banners", str(seconds)])
        told = await run(command, what="waiting for the hosts", timeout=seconds + 10, stdin=asked)
        by_address: dict[str, str] = json.loads(told)
        silent = [host.name for host in self.hosts if host.address not in by_address]
        if silent:
            off = [name for name in silent if not (anchor.run / "control" / name / "on").exists()]
            raise LabError(
                f"{plural(len(silent), 'host')} did not show an SSH banner within {seconds:.0f} s "
                f"({len(off)} died while booting): {', '.join(silent[:5])}"
            )
        return {host.name: by_address[host.address] for host in self.hosts}


def check_inotify(hosts: Sequence[LabHost]) -> None:
    """Raise LabError where the machine's inotify limit is too low for the hosts with systemd.

    Hosts share it with the machine's own programs; one that finds none left dies while it boots.
    """
    wanted = _INOTIFY_OF_SYSTEMD * sum(host.systemd for host in hosts)
    if not wanted:
        return
    limit, used = int(_INOTIFY_LIMIT.read_text()), _inotify_in_use()
    if used + wanted > limit:
        raise LabError(
            f"hosts with systemd need {wanted} inotify instances and {used} are in use, "
            f"but this machine allows {limit}",
            advice=f"sysctl fs.inotify.max_user_instances={used + wanted + 64}, or fewer such hosts",
        )


def _inotify_in_use() -> int:
    count = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid == 0:
                count += sum(str(fd.readlink()) == "anon_inode:inotify" for fd in (process / "fd").iterdir())
        except OSError:  # it ended meanwhile
            continue
    return count
