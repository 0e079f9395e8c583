"""The simulated level: nothing but Python, no privilege; one process holds every host."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from bedside.errors import LabError
from bedside.lab import level, proc, sshconfig
from bedside.lab.level import Folders, HostStatus, LabHost, LabState, LevelName, Progress, Spec
from bedside.lab.simulated import control

_UP_SECONDS = 60
_END_SECONDS = 5.0
_POLL_SECONDS = 0.02


class Lab:
    """Starts, asks and ends the simulation's process."""

    name: LevelName = "simulated"

    def __init__(self, folders: Folders, environ: Mapping[str, str]) -> None:
        self._folders = folders

    def lacks(self) -> list[str]:
        """Return nothing: it needs only what bedside itself needs."""
        return []

    async def up(self, spec: Spec, progress: Progress) -> LabState:
        """Start the simulation and return when everything answers. Raises LabError."""
        with level.only_one(self._folders):
            self._refuse_another()
            if (before := self._read()) and before.phase == "up" and await self._answers():
                raise LabError("a lab is up already", advice="bedside lab down removes it")
            if left := await self._clear():
                raise LabError(f"an earlier lab can't be removed: {'; '.join(left)}")
            since = datetime.now(UTC).isoformat(timespec="seconds")
            state = LabState("simulated", "starting", since, spec, level.plan(spec, lambda n: ("", 0)))
            level.save(self._folders, state)
            progress(f"starting a simulation of {len(state.hosts)} hosts: nothing that runs on them is real")
            try:
                return await self._started(state)
            except BaseException:
                await self._clear()
                raise

    async def _started(self, state: LabState) -> LabState:
        words = [sys.executable, "-m", "bedside.lab.simulated", str(self._folders.state)]
        spec = msgspec.json.encode(state.spec)
        report = json.loads(await proc.run(words, what="the simulation", timeout=_UP_SECONDS, stdin=spec))
        state = replace(
            state,
            phase="up",
            hosts=tuple(msgspec.convert(report["hosts"], list[LabHost])),
            livestatus=report["livestatus"],
            couchdb=report["couchdb"],
        )
        self._write_files(state, report["keys"])
        level.save(self._folders, state)
        return state

    async def status(self, state: LabState) -> list[HostStatus]:
        """Return how each host is. Raises LabError if the simulation is dead."""
        told: list[Any] = await control.ask(self._control, {"do": "status"})
        return [
            HostStatus(host.name, host.platform, host.address, host.port, row["on"], row["since"])
            for host, row in zip(state.hosts, told, strict=True)
        ]

    def inside(self, state: LabState, command: Sequence[str]) -> list[str]:
        """Return the command as it is: the simulated hosts are on the machine's own network."""
        return list(command)

    async def fault(self, state: LabState, host: LabHost, kind: str, seconds: int | None = None) -> None:
        """Do one of `level.FAULTS` to a host. Raises LabError where that host can't have it."""
        await control.ask(self._control, {"do": "fault", "host": host.name, "kind": kind, "seconds": seconds})

    async def down(self) -> list[str]:
        """End the process and remove the folder, whatever state they are in."""
        if not self._folders.state.exists():
            return []
        with level.only_one(self._folders):
            self._refuse_another()
            return await self._clear()

    # --- the process and the folder

    @property
    def _control(self) -> Path:
        return self._folders.state / "control"

    def _holder(self) -> int | None:
        """Return the pid of the simulation, None where none runs; holding the lock proves that it is ours."""
        try:
            with (self._folders.state / "simulation.lock").open("r+") as lock:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return int(lock.read() or 0) or None
        except FileNotFoundError:
            pass
        return None

    async def _answers(self) -> bool:
        try:
            await control.ask(self._control, {"do": "status"})
        except LabError:
            return False
        return True

    def _read(self) -> LabState | None:
        try:
            return level.read(self._folders)
        except LabError:  # half a file is half a lab
            return None

    def _refuse_another(self) -> None:
        """Raise LabError where the folder holds a lab of another level, which only that level can remove."""
        if (state := self._read()) and state.level != self.name:
            raise LabError(f"the lab here is of level {state.level}", advice="bedside lab down removes it")

    async def _clear(self) -> list[str]:
        if pid := self._holder():
            with contextlib.suppress(LabError):
                await control.ask(self._control, {"do": "stop"})
            if not await self._ended(_END_SECONDS):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                if not await self._ended(_END_SECONDS):
                    return [f"process {pid} of the simulation does not end"]
        try:
            shutil.rmtree(self._folders.state)
        except FileNotFoundError:
            pass
        except OSError as error:
            return [f"{error.filename}: {error.strerror}"]
        return []

    async def _ended(self, seconds: float) -> bool:
        for _ in range(int(seconds / _POLL_SECONDS)):
            if not self._holder():
                return True
            await asyncio.sleep(_POLL_SECONDS)
        return False

    def _write_files(self, state: LabState, keys: Mapping[str, str]) -> None:
        folders = self._folders
        files = {folders.known_hosts: sshconfig.known_hosts(state.hosts, keys)}
        for inside in (False, True):
            files[folders.ssh_config(inside=inside)] = sshconfig.ssh_config(folders, state.hosts)
            files[folders.config(inside=inside)] = sshconfig.bedside_config(
                folders, inside=inside, livestatus=state.livestatus, couchdb=state.couchdb
            )
        sshconfig.write(folders, files)
