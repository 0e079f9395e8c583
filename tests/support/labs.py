"""Labs for tests: raised in a folder of their own, asked from outside, taken down in the end."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from bedside.lab import level
from bedside.lab.level import Folders, HostStatus, LabState, Level, Spec

LEVELS = [
    pytest.param("simulated", marks=pytest.mark.slow),
    pytest.param("namespaces", marks=pytest.mark.lab),
]
SPEC = Spec(hosts=3)


@dataclass
class Lab:
    """A lab that is up, and the ways to it from the machine's own network."""

    level: Level
    folders: Folders
    state: LabState
    runner: asyncio.Runner
    """One loop for all of a lab's life: a level may hold on to processes that it started."""

    def ssh(
        self, host: str, command: str, *, stdin: str = "", wait: int = 20
    ) -> subprocess.CompletedProcess[str]:
        """Run a command on a host by the generated ssh_config."""
        config = self.folders.ssh_config(inside=False)
        words = [
            "ssh",
            "-F",
            str(config),
            "-o",
            "BatchMode=yes",
            "-o",
            f"ConnectTimeout={wait}",
            host,
            command,
        ]
        return subprocess.run(words, input=stdin, capture_output=True, text=True, timeout=60)

    def fault(self, host: str, kind: str) -> None:
        """Do a fault to a host."""
        self.runner.run(self.level.fault(self.state, self.state.host(host), kind))

    def status(self) -> list[HostStatus]:
        """Return how each host is."""
        return self.runner.run(self.level.status(self.state))

    def sources(self) -> dict[str, str]:
        """Return the URLs in the generated configuration, by type."""
        settings = tomllib.loads(self.folders.config(inside=False).read_text())
        return {source["type"]: source["url"] for source in settings["site"][level.SITE]["sources"]}

    def livestatus(self, request: str) -> Any:
        """Ask the monitoring, and return the rows."""
        return json.loads(self.raw_livestatus(f"{request}\nOutputFormat: json\n\n"))

    def raw_livestatus(self, request: str, *, half_close: bool = True) -> bytes:
        """Send bytes to the monitoring, and return all that comes until it closes."""
        url = urlsplit(self.sources()["livestatus"])
        with socket.create_connection((url.hostname, url.port), 10) as connection:
            connection.sendall(request.encode())
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b""))


def until(holds: Callable[[], bool], seconds: float = 30) -> bool:
    """Wait until something holds; False where it does not in time."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def make(name: Any, state: Path) -> tuple[Level, Folders]:
    """Return a level whose lab lives in a folder of its own; what is cached is shared."""
    folders = Folders(state, Folders.of(os.environ).cache)
    made = level.load(name, folders, os.environ)
    if lacks := made.lacks():
        pytest.skip(f"level {name}: {'; '.join(lacks)}")
    return made, folders


@contextmanager
def raised(name: Any, state: Path, spec: Spec) -> Iterator[Lab]:
    """Raise a lab, and take it down in the end."""
    made, folders = make(name, state)
    with asyncio.Runner() as runner:
        try:
            yield Lab(made, folders, runner.run(made.up(spec, lambda _: None)), runner)
        finally:
            assert runner.run(made.down()) == []


def processes(folder: Path) -> list[int]:
    """Return the processes on this machine whose words name the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.fsencode(folder) in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found
