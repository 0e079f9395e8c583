"""Raising a namespaces lab: roots, then the anchor, then hosts, monitoring and facts side by side."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from bedside.errors import LabError
from bedside.lab import anchor as anchors
from bedside.lab import couch, facts, level, monitor, proc, seeds, sshconfig
from bedside.lab.anchor import Anchor
from bedside.lab.fleet import GATEWAY, Fleet
from bedside.lab.level import Folders, LabHost, LabState, Progress
from bedside.lab.lookalikes import Lookalikes
from bedside.lab.roots import Roots
from bedside.lab.seeds import KeyPair
from bedside.text import plural

COUCH_PORT = 5984
DATABASE = "facts"
_LOOPBACK = "127.0.0.1"
_FORWARD = Path(__file__).with_name("forward.py")


class Raising:
    """One `up`, from an empty folder to a lab that answers."""

    def __init__(self, folders: Folders, state: LabState, progress: Progress) -> None:
        self._folders, self._state, self._progress = folders, state, progress
        self._roots = Roots(folders.cache, progress)
        self._lookalikes = Lookalikes(folders.cache, progress)

    async def go(self) -> LabState:
        """Make everything, and return the state of the lab that is up. Raises LabError."""
        try:
            installed = await self._ingredients()
            state = await self._raise(installed)
        except ExceptionGroup as group:
            raise _first(group) from None
        level.save(self._folders, state)
        return state

    async def _ingredients(self) -> Path:
        """Make what is cached, and return the folder of the CouchDB API's server."""
        hosts = self._state.hosts
        async with asyncio.TaskGroup() as group:
            server = group.create_task(couch.install(self._folders.cache, self._progress))
            group.create_task(self._roots.make({h.platform for h in hosts if h.kind == "debian"}))
            group.create_task(self._lookalikes.make({h.kind for h in hosts if h.kind != "debian"}))
        return server.result()

    async def _raise(self, installed: Path) -> LabState:
        state, folders = self._state, self._folders
        keys = {host.name: KeyPair.make(host.name) for host in state.hosts if host.kind != "appliance"}
        login = KeyPair.make("bedside lab")
        crew = Fleet(state.hosts, state.spec.seed, self._root_of, keys, login.public)
        self._progress(f"starting {plural(len(state.hosts), 'host')}, Icinga 2 and a CouchDB API")
        lab = await anchors.start(folders.state)
        outside = await self._forward(lab)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._serve_packages(lab))
            group.create_task(self._boot(lab, crew))
            group.create_task(self._facts(lab, installed, outside[COUCH_PORT], crew))
            group.create_task(self._start_monitoring(lab, outside[monitor.PORT]))
        self._progress("asking the monitoring to check every host now")
        await monitor.Livestatus(_LOOPBACK, outside[monitor.PORT]).check_all(state.hosts)
        return self._ways_in(lab, outside, login, keys)

    def _root_of(self, host: LabHost) -> Path:
        if host.kind == "debian":
            return self._roots.root(host.platform)
        return self._lookalikes.root(host.kind)

    async def _forward(self, lab: Anchor) -> Mapping[int, int]:
        """Open a loopback port of the machine for each service of the lab; return them by the lab's port."""
        sockets = {port: socket.create_server((_LOOPBACK, 0)) for port in (monitor.PORT, COUCH_PORT)}
        try:
            rules = [f"{held.fileno()}={GATEWAY}:{port}" for port, held in sockets.items()]
            fds = [held.fileno() for held in sockets.values()]
            command = [sys.executable, "-I", str(_FORWARD), *rules]
            await lab.spawn(self._log("forward"), command, pass_fds=fds)
            return {port: held.getsockname()[1] for port, held in sockets.items()}
        finally:
            for held in sockets.values():
                held.close()

    async def _serve_packages(self, lab: Anchor) -> None:
        """Serve each platform's repository at http://GATEWAY/PLATFORM/."""
        served = self._folders.state / "apt"
        served.mkdir()
        for platform in {host.platform for host in self._state.hosts if host.kind == "debian"}:
            (served / platform).symlink_to(self._roots.repository(platform))
        command = ["busybox", "httpd", "-f", "-p", f"{GATEWAY}:80", "-h", str(served)]
        await lab.spawn(self._log("apt"), command)

    async def _boot(self, lab: Anchor, crew: Fleet) -> None:
        folder = self._folders.state
        await crew.boot(lab, folder / "hosts", anchors.bridge(folder))
        await crew.banners(lab)
        self._progress(f"{plural(len(crew.hosts), 'host')} answered")

    async def _facts(self, lab: Anchor, installed: Path, port: int, crew: Fleet) -> None:
        (lab.run / "couch").mkdir()
        run = "/run/bedside/couch"
        command = couch.command(installed, Path(run), GATEWAY, COUCH_PORT)
        await lab.spawn(self._log("couchdb"), command, folder=run)
        url = f"http://{_LOOPBACK}:{port}"
        await couch.answers(url)
        told = [self._document(crew, host) for host in crew.hosts]
        await couch.fill(url, DATABASE, [document for document in told if document is not None])

    def _document(self, crew: Fleet, host: LabHost) -> dict[str, object] | None:
        key = crew.keys.get(host.name)
        return facts.document(
            host, root=self._root_of(host), mac=crew.mac(host), collected=self._state.since,
            machine_id=seeds.machine_id(host.name, crew.seed), public_key=key.public if key else None,
        )  # fmt: skip

    async def _start_monitoring(self, lab: Anchor, port: int) -> None:
        log = self._log("icinga")
        state = self._state
        await monitor.start(lab, log, state.hosts, seed=state.spec.seed, address=GATEWAY)
        await monitor.Livestatus(_LOOPBACK, port).ready(log)

    def _ways_in(
        self, lab: Anchor, outside: Mapping[int, int], login: KeyPair, keys: Mapping[str, KeyPair]
    ) -> LabState:
        """Write the files through which the lab is reached, and return the state to save."""
        folders, hosts = self._folders, self._state.hosts
        proxy = lab.on_network([proc.on_path("busybox") or "busybox", "nc", "-w", "10"])
        near = (f"tcp://{GATEWAY}:{monitor.PORT}", f"http://{GATEWAY}:{COUCH_PORT}/{DATABASE}")
        far = (
            f"tcp://{_LOOPBACK}:{outside[monitor.PORT]}",
            f"http://{_LOOPBACK}:{outside[COUCH_PORT]}/{DATABASE}",
        )
        public = {name: key.public for name, key in keys.items()}
        files = {
            folders.key: login.private.decode(),
            folders.known_hosts: sshconfig.known_hosts(hosts, public),
            folders.ssh_config(inside=True): sshconfig.ssh_config(folders, hosts),
            folders.ssh_config(inside=False): sshconfig.ssh_config(folders, hosts, proxy=proxy),
            folders.config(inside=True): sshconfig.bedside_config(folders, True, *near),
            folders.config(inside=False): sshconfig.bedside_config(folders, False, *far),
        }
        sshconfig.write(folders, files)
        return dataclasses.replace(self._state, phase="up", livestatus=far[0], couchdb=far[1])

    def _log(self, name: str) -> Path:
        return self._folders.state / "log" / name


def _first(group: ExceptionGroup[Exception]) -> BaseException:
    """Return the LabError that made the others fail, else the first error."""
    flat: list[BaseException] = []
    queue: list[BaseException] = [group]
    while queue:
        error = queue.pop(0)
        if isinstance(error, BaseExceptionGroup):
            queue += error.exceptions
        else:
            flat.append(error)
    return next((error for error in flat if isinstance(error, LabError)), flat[0])
