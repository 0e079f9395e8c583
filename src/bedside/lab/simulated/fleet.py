"""All hosts and both answerers of one simulated lab, in this process."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncssh

from bedside import config
from bedside.errors import LabError
from bedside.lab import level, seeds
from bedside.lab.level import LabHost, Spec
from bedside.lab.simulated import couchdb, facts, http, livestatus
from bedside.lab.simulated.host import Host
from bedside.lab.simulated.platforms import LOOKALIKES, debian
from bedside.lab.simulated.server import HostServer
from bedside.lab.simulated.userland import USERLANDS

DATABASE = "facts"
_LOCK_SECONDS = 600
_PACKAGE_FAULTS = ("lock", "unlock")
_FILE_FAULTS = ("full", "unfull", "break-sshd", "fix-sshd")


def address(n: int) -> tuple[str, int]:
    """Return the loopback address of the n-th host; its port is chosen as it starts to listen."""
    return f"127.77.{n // 250}.{n % 250 + 1}", 0


class Fleet:
    """The lab's hosts. Not for use in two tasks at once but for what its servers do."""

    def __init__(self, folder: Path, spec: Spec) -> None:
        self._folder, self._spec = folder, spec
        self._started = datetime.now(UTC).isoformat(timespec="seconds")
        self._planned: dict[str, LabHost] = {}
        self._servers: dict[str, HostServer] = {}
        self._answerers: list[asyncio.Server] = []
        self._unlocking: dict[str, asyncio.TimerHandle] = {}

    async def start(self) -> dict[str, Any]:
        """Make every host and listen everywhere; return what is known then (see `level.Report`)."""
        key = asyncssh.generate_private_key("ssh-ed25519", comment="bedside lab")
        self._write_key(key)
        keys = {}
        for planned in level.plan(self._spec, address):
            server = self._make(planned, key.convert_to_public())
            await server.settle()
            self._servers[planned.name] = server
            self._planned[planned.name] = replace(planned, port=server.port)
            keys[planned.name] = _public(server.key)
        monitoring = await self._listen(lambda r, w: livestatus.serve(self._tables, r, w))
        couch = couchdb.Couch(DATABASE, self._documents)
        cmdb = await self._listen(lambda r, w: http.serve(couch.answer, r, w))
        return {
            "hosts": [asdict(host) for host in self._planned.values()],
            "keys": keys,
            "livestatus": f"tcp://{monitoring}",
            "couchdb": f"http://{cmdb}/{DATABASE}",
        }

    def _write_key(self, key: asyncssh.SSHKey) -> None:
        with open(self._folder / "id_ed25519", "wb", opener=config.private_opener) as file:
            file.write(key.export_private_key())

    def _make(self, planned: LabHost, authorized: asyncssh.SSHKey) -> HostServer:
        platform = debian(planned.release) if planned.kind == "debian" else LOOKALIKES[planned.kind]
        folder = self._folder / "hosts" / planned.name
        folder.mkdir(parents=True)
        host = Host(
            planned.name,
            planned.address,
            platform,
            folder,
            USERLANDS[planned.kind],
            seeds.machine_id(planned.name, self._spec.seed),
        )
        return HostServer(host, asyncssh.generate_private_key("ssh-ed25519"), authorized)

    async def _listen(
        self, serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
    ) -> str:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self._answerers.append(server)
        return f"127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        """Stop everything."""
        for server in self._servers.values():
            await server.stop()
        for answerer in self._answerers:
            answerer.close()

    # --- what the control socket asks for

    def status(self) -> list[dict[str, Any]]:
        """Return each host's power and since when."""
        return [
            {"name": name, "on": s.host.powered, "since": s.host.since.isoformat(timespec="seconds")}
            for name, s in self._servers.items()
        ]

    async def fault(self, name: str, kind: str, seconds: int | None) -> None:
        """Do one of `level.FAULTS` to a host. Raises LabError where it can't have it."""
        server = self._servers[name]
        self._refuse_impossible(server.host, kind)
        match kind:
            case "cut":
                await server.cut()
            case "mend":
                await server.mend()
            case "off":
                await server.power_off()
            case "on":
                await server.power_on()
            case "reboot" | "hard-reboot":
                server.reboot()
            case "break-sshd" | "fix-sshd":
                await server.break_sshd(broken=kind == "break-sshd")
            case _:
                self._change(server.host, kind, seconds)

    def _change(self, host: Host, kind: str, seconds: int | None) -> None:
        match kind:
            case "full" | "unfull":
                host.full = kind == "full"
            case "lock":
                self._lock(host, seconds or _LOCK_SECONDS)
            case "unlock":
                host.locked = False

    @staticmethod
    def _refuse_impossible(host: Host, kind: str) -> None:
        if kind in _PACKAGE_FAULTS and host.platform.kind != "debian":
            raise LabError(f"{host.name} has no package manager to lock")
        if kind in _FILE_FAULTS and host.platform.kind == "appliance":
            raise LabError(f"{host.name} only shows a banner: it can't have {kind}")

    def _lock(self, host: Host, seconds: int) -> None:
        if earlier := self._unlocking.pop(host.name, None):
            earlier.cancel()
        host.locked = True
        loop = asyncio.get_running_loop()
        self._unlocking[host.name] = loop.call_later(seconds, setattr, host, "locked", False)

    # --- what the answerers tell

    def _tables(self) -> dict[str, list[dict[str, Any]]]:
        fleet = [(self._planned[name], server.host) for name, server in self._servers.items()]
        return facts.tables(fleet, self._spec.seed, int(time.time()))

    def _documents(self) -> list[dict[str, Any]]:
        found = [
            facts.document(self._planned[name], s.host, _public(s.key), self._started)
            for name, s in self._servers.items()
        ]
        return [document for document in found if document]


def _public(key: asyncssh.SSHKey) -> str:
    return os.fsdecode(key.export_public_key()).strip()
