"""The lab's monitoring: a real Icinga 2 with its Livestatus, run as its own user from the lab's tmpfs.

The `ssh` service and the state of a host are real checks (`scripts/check.sh`), repeated every minute; the
other services are made up from the lab's seed (`icinga.conf`).
"""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import random
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bedside.errors import LabError
from bedside.lab import proc
from bedside.lab.anchor import Anchor
from bedside.lab.level import SERVICES, LabHost

PORT = 6557
_CONFIG = Path(__file__).with_name("icinga.conf")
_RUN = "/run/bedside/icinga"
_USER = "nagios"  # Debian's name for Icinga's user
_START_SECONDS = 60
_CHECK_SECONDS = 60
_FOLDERS = ("run", "lib/api", "cache", "log", "spool/tmp", "etc")


def fleet_config(hosts: Sequence[LabHost], *, seed: int, address: str, busybox: str) -> str:
    """Return the part of Icinga's configuration that differs from lab to lab."""
    fleet = {
        host.name: {
            "address": host.address,
            "port": str(host.port),
            "groups": ["lab", host.platform],
            "states": states(host.name, seed),
        }
        for host in hosts
    }
    groups = ["lab", *sorted({host.platform for host in hosts})]
    constants = {
        "LabAddress": address,
        "LabPort": str(PORT),
        "LabCheck": f"{_RUN}/etc/check.sh",
        "LabBusybox": busybox,
    }
    lines = [f"const {name} = {json.dumps(value)}" for name, value in constants.items()]
    names = (("services", list(SERVICES)), ("groups", groups), ("fleet", fleet))
    lines += [f"globals.{name} = {literal(value)}" for name, value in names]
    return "\n".join(lines) + "\n"


def literal(value: object) -> str:
    """Return a value in Icinga's own notation: JSON, but for dictionaries."""
    if isinstance(value, dict):
        pairs = (f"  {json.dumps(key)} = {literal(held)}\n" for key, held in value.items())
        return "{\n" + "".join(pairs) + "}"  # `}}` would be another token
    if isinstance(value, list):
        return "[" + ", ".join(literal(held) for held in value) + "]"
    return json.dumps(value)


def states(name: str, seed: int) -> list[int]:
    """Return the made-up states of a host's services (0 OK to 3 UNKNOWN); the same for the same seed."""
    chance = random.Random(f"{seed}/{name}")  # noqa: S311 (reproducible on purpose)
    return [chance.choices((0, 1, 2, 3), weights=(92, 4, 3, 1))[0] for _ in SERVICES]


async def start(anchor: Anchor, log: Path, hosts: Sequence[LabHost], *, seed: int, address: str) -> None:
    """Start Icinga in the lab, and return when its Livestatus listens. Raises LabError."""
    icinga, busybox = proc.on_path("icinga2"), proc.on_path("busybox")
    if icinga is None or busybox is None:
        raise LabError("icinga2 or busybox is missing", advice="apt-get install icinga2-bin busybox-static")
    config = fleet_config(hosts, seed=seed, address=address, busybox=busybox)
    _lay_out(anchor.run / "icinga", config)
    places = {
        "DataDir": "lib", "InitRunDir": "run", "CacheDir": "cache", "LogDir": "log", "SpoolDir": "spool",
        "PidPath": "run/icinga2.pid", "StatePath": "lib/state", "ModAttrPath": "lib/modified.conf",
        "ObjectsPath": "cache/objects", "VarsPath": "cache/vars",
    }  # fmt: skip
    words = [f"--define={name}={_RUN}/{place}" for name, place in places.items()]
    words += [f"--define=RunAsUser={_USER}", f"--define=RunAsGroup={_USER}", "--define=Concurrency=2"]
    user = ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups"]
    user += ["--inh-caps=+net_raw", "--ambient-caps=+net_raw"]  # to ping
    await anchor.spawn(log, [*user, icinga, "daemon", "-c", f"{_RUN}/etc/icinga.conf", *words])


def _lay_out(folder: Path, fleet: str) -> None:
    """Make Icinga's folders and files, its own user's."""
    try:
        user = pwd.getpwnam(_USER)
    except KeyError:
        raise LabError(f"Icinga's user {_USER} is missing", advice="apt-get install icinga2-bin") from None
    for name in _FOLDERS:
        (folder / name).mkdir(parents=True)
    shutil.copyfile(_CONFIG, folder / "etc" / "icinga.conf")
    shutil.copyfile(proc.SCRIPTS / "check.sh", folder / "etc" / "check.sh")
    (folder / "etc" / "fleet.conf").write_text(fleet)
    for parent, folders, files in os.walk(folder):
        for name in (".", *folders, *files):
            os.chown(Path(parent) / name, user.pw_uid, user.pw_gid)


class Livestatus:
    """What the lab asks its own Livestatus, at a host and port of the machine."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port

    async def ready(self, log: Path) -> None:
        """Wait until it answers. Raises LabError with what Icinga said."""
        try:
            async with asyncio.timeout(_START_SECONDS):
                while True:
                    with suppress(OSError, ValueError):
                        if await self._count("hosts", "name != "):
                            return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            said = proc.tail(log.read_bytes())
            raise LabError(f"Livestatus did not answer within {_START_SECONDS} s: {said}") from None

    async def check_all(self, hosts: Sequence[LabHost]) -> None:
        """Have every check made now, and wait until all are: Icinga would spread them over a minute."""
        now = int(time.time())
        commands = [f"SCHEDULE_FORCED_HOST_CHECK;{host.name};{now}" for host in hosts]
        commands += [f"SCHEDULE_FORCED_SVC_CHECK;{h.name};{s};{now}" for h in hosts for s in SERVICES]
        await self._send("".join(f"COMMAND [{now}] {command}\n\n" for command in commands))
        try:
            async with asyncio.timeout(_CHECK_SECONDS):
                while await self._unchecked(now):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise LabError(f"the monitoring did not check every host within {_CHECK_SECONDS} s") from None

    async def _unchecked(self, since: int) -> int:
        return await self._count("services", f"last_check < {since}") or await self._count(
            "hosts", f"last_check < {since}"
        )

    async def _count(self, table: str, condition: str) -> int:
        answer = await self._send(f"GET {table}\nStats: {condition}\nOutputFormat: json\n\n")
        return int(json.loads(answer)[0][0])

    async def _send(self, request: str) -> bytes:
        async with asyncio.timeout(_CHECK_SECONDS):
            reader, writer = await asyncio.open_connection(self._host, self._port)
            try:
                writer.write(request.encode())
                writer.write_eof()
                return await reader.read()
            finally:
                writer.close()
