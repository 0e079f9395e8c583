"""The lab's one outer namespace: starting it, finding it again, running things in it, removing it.

An anchor is two processes: `unshare`, whose pid is in STATE/anchor.pid, and its child, pid 1 of the lab. All
that the lab mounts and starts lives below the child; the kernel removes it when either dies. Only programs
that were started with the lab's network but the machine's pids (`lab exec`, an ssh_config's ProxyCommand)
outlive it; `remove` finds them by the name of the bridge they see, and ends them.
"""

from __future__ import annotations

import asyncio
import os
import signal
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bedside.errors import LabError
from bedside.lab import proc

_MARK = "bedside-lab-anchor"
_START_SECONDS = 10
_END_SECONDS = 10
_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Anchor:
    """A living anchor: the machine's pids of `unshare` and of the lab's pid 1."""

    outer: int
    inner: int

    @property
    def run(self) -> Path:
        """The lab's /run/bedside, as the machine can reach it."""
        return Path(f"/proc/{self.inner}/root/run/bedside")

    def within(self, command: Sequence[str]) -> list[str]:
        """Return the command with the lab's network, mounts and pids; it ends with the lab."""
        return ["nsenter", "-t", str(self.inner), "--mount", "--net", "--pid", "--", *command]

    def on_network(self, command: Sequence[str]) -> list[str]:
        """Return the command with the lab's network only."""
        return ["nsenter", "-t", str(self.inner), "--net", "--", *command]

    async def script(self, name: str, *arguments: str, what: str, timeout: float, stdin: bytes = b"") -> str:
        """Run one of the lab's scripts in the lab. Raises LabError."""
        command = self.within(proc.script(name, *arguments))
        return await proc.run(command, what=what, timeout=timeout, stdin=stdin)

    async def spawn(
        self, log: Path, command: Sequence[str], *, folder: str = "/", pass_fds: Sequence[int] = ()
    ) -> None:
        """Start a helper that lives and dies with the lab, in a folder as the lab sees it."""
        await proc.run(
            self.within(proc.script("spawn.sh", str(log), folder, *command)),
            what=f"starting {command[0]}", timeout=10, pass_fds=pass_fds,
        )  # fmt: skip


def bridge(state: Path) -> str:
    """Return the name of the lab's bridge: unlike that of any other lab's folder."""
    return f"lab{zlib.crc32(os.fsencode(state)):08x}"


def find(state: Path) -> Anchor | None:
    """Return the lab's anchor; None where it is dead, or its pid is another program's by now."""
    try:
        outer = int((state / "anchor.pid").read_text())
        words = Path(f"/proc/{outer}/cmdline").read_bytes().split(b"\0")
        children = Path(f"/proc/{outer}/task/{outer}/children").read_text().split()
    except (OSError, ValueError):
        return None
    mark = [_MARK.encode(), os.fsencode(state)]
    if not any(words[at : at + 2] == mark for at in range(len(words))):
        return None
    return Anchor(outer, int(children[0])) if children else None


async def start(state: Path) -> Anchor:
    """Start an anchor for the lab in this folder. Raises LabError."""
    log = state / "log" / "anchor"
    with log.open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *proc.script("start-anchor.sh", str(state), bridge(state)),
            stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
        )  # fmt: skip

    def ready() -> bool:
        anchor = find(state)
        return process.returncode is not None or (anchor is not None and (anchor.run / "ready").exists())

    await until(ready, _START_SECONDS, "the lab's namespace to come up")
    anchor = find(state)
    if anchor is None or process.returncode is not None:
        raise LabError(f"the lab's namespace did not come up: {proc.tail(log.read_bytes())}")
    return anchor


async def remove(state: Path) -> list[str]:
    """End the anchor, and every process that still has the lab's network. Returns what could not be ended."""
    anchor = find(state)
    if anchor is not None:
        for pid in (anchor.inner, anchor.outer):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        ended = (anchor.inner, anchor.outer)
        await until(lambda: all(map(_has_ended, ended)), _END_SECONDS, "the lab's processes to end")
    name = bridge(state)
    for pid in users(name):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    with suppress(LabError):
        await until(lambda: not users(name), _END_SECONDS, "the last users of the lab's network to end")
    return [f"process {pid} is in the lab's network, which goes when it ends" for pid in _all_users(name)]


def users(name: str) -> list[int]:
    """Return the pids of processes that see the bridge called `name`, but us and whom we descend from."""
    ours = set(_ancestors(os.getpid()))
    return [pid for pid in _all_users(name) if pid not in ours]


async def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait for a condition. Raises LabError that names `what`."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(_POLL_SECONDS)
    except TimeoutError:
        raise LabError(f"waited {seconds:.0f} s in vain for {what}") from None


def _all_users(name: str) -> list[int]:
    """Return the pids of processes in a network namespace that has the bridge; looks once a namespace."""
    seen: dict[int, bool] = {}
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it ended meanwhile
            space = (folder / "ns" / "net").stat().st_ino
            if space not in seen:
                seen[space] = name in _interfaces(folder)
            if seen[space]:
                found.append(int(folder.name))
    return found


def _has_ended(pid: int) -> bool:
    """Return True where a process is gone or a zombie, which a namespace's pid 1 becomes after all others."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def _interfaces(process: Path) -> list[str]:
    lines = (process / "net" / "dev").read_text().splitlines()
    return [line.partition(":")[0].strip() for line in lines if ":" in line]


def _ancestors(pid: int) -> Iterator[int]:
    """Yield the pid, its parent, and so on."""
    while pid > 0:
        yield pid
        try:
            status = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return
        pid = int(status.rpartition(")")[2].split()[1])
