"""A real Icinga 2 with its Livestatus, in folders of its own, ended by its process id."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ICINGA = shutil.which("icinga2") or "/usr/sbin/icinga2"
USER = "nagios"

_CONFIG = """
include <itl>
const NodeName = "monitor"
const ZoneName = NodeName
library "livestatus"
object LivestatusListener "tcp" { socket_type = "tcp"; bind_host = "127.0.0.1"; bind_port = "%(port)s" }
object LivestatusListener "unix" { socket_type = "unix"; socket_path = "%(folder)s/run/live.sock" }
object CheckerComponent "checker" { }
object FileLogger "main" { path = LogDir + "/icinga2.log"; severity = "warning" }
// no process is started for a check: state and output are those that were asked for
object CheckCommand "told" { execute = (checkable, cr, resolvedMacros, useResolvedMacros) => {
  cr.exit_status = checkable.vars.state
  cr.state = checkable.vars.state
  cr.output = checkable.vars.output
  checkable.process_check_result(cr) } }
template Host "told" { check_command = "told"; check_interval = 1s; max_check_attempts = 1 }
template Service "told" { check_command = "told"; check_interval = 1s; max_check_attempts = 1 }
"""


@dataclass(frozen=True)
class ToldService:
    """A service as Icinga is to know it; state None: never checked."""

    name: str
    state: int | None = 0
    output: str = "OK"


@dataclass(frozen=True)
class ToldHost:
    """A host as Icinga is to know it; state 0 is up, 2 down, None never checked."""

    name: str
    address: str = ""
    state: int | None = 0
    groups: Sequence[str] = ()
    labels: Mapping[str, str] | None = None
    services: Sequence[ToldService] = ()


@dataclass(frozen=True)
class Icinga:
    """A server that answers."""

    url: str
    unix_url: str


@contextlib.contextmanager
def icinga(hosts: Sequence[ToldHost]) -> Iterator[Icinga]:
    """Start a server that knows the hosts; it is ended, and its folders removed, with the block."""
    folder = Path(tempfile.mkdtemp(prefix="icinga-"))
    try:
        port = _free_port()
        for name in ("run", "lib/api", "cache", "log", "spool/tmp", "etc"):
            (folder / name).mkdir(parents=True)
        text = _CONFIG % {"port": port, "folder": folder} + "\n".join(_objects(hosts))
        (folder / "etc/icinga2.conf").write_text(text)
        _give_to_icinga(folder)
        with (folder / "out").open("wb") as out:
            process = subprocess.Popen(
                _command(folder), stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        try:
            checked = sum(h.state is not None for h in hosts)
            checked += sum(s.state is not None for h in hosts for s in h.services)
            _wait_until_checked(process, port, checked, folder)
            yield Icinga(f"tcp://127.0.0.1:{port}", f"unix://{folder}/run/live.sock")
        finally:
            _end(process)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _objects(hosts: Sequence[ToldHost]) -> Iterator[str]:
    for group in sorted({g for h in hosts for g in h.groups}):
        yield f"object HostGroup {json.dumps(group, ensure_ascii=False)} {{ }}"
    for host in hosts:
        name = json.dumps(host.name, ensure_ascii=False)
        labels = "\n".join(
            f"  vars[{json.dumps(k)}] = {json.dumps(v)}" for k, v in (host.labels or {}).items()
        )
        yield f"""object Host {name} {{ import "told"
  address = {json.dumps(host.address)}
  groups = {json.dumps(list(host.groups), ensure_ascii=False)}
{labels}
{_told(host.state, "")} }}"""
        for service in host.services:
            called = json.dumps(service.name, ensure_ascii=False)
            yield f"""object Service {called} {{ import "told"
  host_name = {name}
{_told(service.state, service.output)} }}"""


def _told(state: int | None, output: str) -> str:
    if state is None:
        return "  enable_active_checks = false"
    return f"  vars.state = {state}\n  vars.output = {json.dumps(output, ensure_ascii=False)}"


def _give_to_icinga(folder: Path) -> None:
    if os.geteuid() == 0:
        for place in (folder, *folder.rglob("*")):
            shutil.chown(place, USER, USER)
    folder.chmod(0o755)


def _command(folder: Path) -> list[str]:
    places = {
        "DataDir": "lib", "InitRunDir": "run", "CacheDir": "cache", "LogDir": "log", "SpoolDir": "spool",
        "PidPath": "run/icinga2.pid", "StatePath": "lib/state", "ModAttrPath": "lib/modified.conf",
        "ObjectsPath": "cache/objects", "VarsPath": "cache/vars",
    }  # fmt: skip
    drop = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"] if os.geteuid() == 0 else []
    user = USER if os.geteuid() == 0 else os.environ.get("USER", "root")
    defines = [f"-D{key}={folder / value}" for key, value in places.items()]
    defines += [f"-DRunAsUser={user}", f"-DRunAsGroup={user}", "-DConcurrency=2"]
    return [*drop, ICINGA, "daemon", "-c", str(folder / "etc/icinga2.conf"), *defines]


def _wait_until_checked(process: subprocess.Popen[bytes], port: int, wanted: int, folder: Path) -> None:
    """Wait until every check that is to be made has been made."""
    until = time.monotonic() + 40
    while time.monotonic() < until and process.poll() is None:
        with contextlib.suppress(OSError, ValueError):
            if sum(_count(port, table) for table in ("hosts", "services")) >= wanted:
                return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.05)
    raise RuntimeError(f"Icinga 2 is not ready: {(folder / 'out').read_text()[-2000:]}")


def _count(port: int, table: str) -> int:
    with socket.create_connection(("127.0.0.1", port), 2) as sock:
        sock.sendall(f"GET {table}\nStats: has_been_checked = 1\nOutputFormat: json\n\n".encode())
        sock.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: sock.recv(65536), b""))
    return int(json.loads(answer)[0][0])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the server and its helper processes: they are one session, whose id we know."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
