"""The lab of real hosts: Debian roots in namespaces, with a real Icinga 2 and a CouchDB API.

needs        the Debian packages       roots, lookalikes   what hosts are made of
anchor       the one outer namespace   seeds, fleet        the hosts
monitor      Icinga 2, Livestatus      couch, facts        the CMDB
sshconfig    the ways in               raising             all of it, in order
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from bedside import config
from bedside.errors import LabError
from bedside.lab import anchor as anchors
from bedside.lab import fleet, level, needs, proc
from bedside.lab.anchor import Anchor
from bedside.lab.level import Folders, HostStatus, LabHost, LabState, LevelName, Progress, Spec
from bedside.lab.raising import Raising
from bedside.text import plural

_FAULT_SECONDS = 60


class Lab:
    """The namespaces level; see level.Level."""

    name: LevelName = "namespaces"

    def __init__(self, folders: Folders, environ: Mapping[str, str]) -> None:
        self._folders, self._environ = folders, environ

    def lacks(self) -> list[str]:
        """Return what this machine lacks for it."""
        if sys.platform != "linux":
            return ["it needs Linux"]
        if os.geteuid() != 0:
            return ["it needs root"]
        found = [needs.obstacle(needs.missing()), _kernel_lacks()]
        return [reason for reason in found if reason]

    async def up(self, spec: Spec, progress: Progress) -> LabState:
        """Make the fleet."""
        hosts = level.plan(spec, fleet.address)
        if lacks := self.lacks():
            raise LabError(f"no lab of level {self.name} here: {'; '.join(lacks)}")
        fleet.check_inotify(hosts)
        with level.only_one(self._folders):
            await self._clear(progress)
            await needs.install(needs.missing(), progress)
            config.private_folder(self._folders.state / "log")
            state = LabState(self.name, "starting", _now(), spec, hosts)
            level.save(self._folders, state)
            return await Raising(self._folders, state, progress).go()

    async def status(self, state: LabState) -> list[HostStatus]:
        """Return how each host is."""
        control = self._anchor().run / "control"
        return [_status(host, control / host.name) for host in state.hosts]

    def inside(self, state: LabState, command: Sequence[str]) -> list[str]:
        """Return the command on the lab's network."""
        return self._anchor().on_network(command)

    async def fault(self, state: LabState, host: LabHost, kind: str, seconds: int | None = None) -> None:
        """Do a fault to a host."""
        words = [kind, host.name, *([str(seconds)] if seconds else [])]
        await self._anchor().script("fault.sh", *words, what=f"{kind} {host.name}", timeout=_FAULT_SECONDS)

    async def down(self) -> list[str]:
        """Remove everything."""
        if not self._folders.state.exists():
            return []
        with level.only_one(self._folders):
            return await self._remove()

    def _anchor(self) -> Anchor:
        anchor = anchors.find(self._folders.state)
        if anchor is None:
            raise LabError("the lab is dead: its namespace is gone", advice="bedside lab down, then lab up")
        return anchor

    async def _clear(self, progress: Progress) -> None:
        """Clear what an unfinished or dead lab left. Raises LabError where one is up."""
        if not self._folders.state.exists():
            return
        try:
            state = level.read(self._folders)
        except LabError:  # half a file is half a lab
            state = None
        if state is not None and state.phase == "up" and anchors.find(self._folders.state) is not None:
            raise LabError(
                f"a lab of {plural(len(state.hosts), 'host')} is up since {state.since}",
                advice="bedside lab down removes it",
            )
        progress("clearing what a dead or unfinished lab left")
        await self._remove()

    async def _remove(self) -> list[str]:
        state = self._folders.state
        left = await anchors.remove(state)
        groups = state / "groups"
        groups.mkdir(exist_ok=True)
        remove = proc.script("remove-groups.sh", str(groups), anchors.bridge(state))
        try:
            await proc.run(["unshare", "--mount", *remove], what="removing control groups", timeout=20)
        except LabError as error:
            left.append(str(error))
        shutil.rmtree(state)
        return left


def _status(host: LabHost, control: Path) -> HostStatus:
    try:
        since = (control / "since").read_text().strip()
    except OSError:  # the lab went away meanwhile, or the host was never booted
        since = ""
    on = (control / "on").exists()
    return HostStatus(host.name, host.platform, host.address, host.port, on, since)


def _kernel_lacks() -> str:
    """Return what the kernel, or the container we are in, does not allow; empty where all is well."""
    if proc.on_path("unshare") is None or proc.on_path("ip") is None:
        return ""  # packages that will be installed
    with tempfile.TemporaryDirectory() as folder:
        command = ["unshare", "--mount", "--net", "--pid", "--fork", *proc.script("probe-kernel.sh", folder)]
        try:
            ended = subprocess.run(command, capture_output=True, timeout=20, check=False)
        except subprocess.TimeoutExpired:
            return "making namespaces takes too long"
    return proc.tail(ended.stdout or ended.stderr) if ended.returncode else ""


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
