"""A CouchDB-API server: npm's pouchdb-server, in memory, from a cached folder.

Debian has no couchdb package; pouchdb-server speaks the same HTTP API. Known differences: `_find` has no
default limit and no bookmark, and a `_changes` request with a selector filter would end the server under
Node 15 and later but for `--unhandled-rejections=warn`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from bedside.errors import LabError
from bedside.lab import proc
from bedside.lab.cache import making
from bedside.lab.level import Progress

PACKAGE = "pouchdb-server@4.2.0"
_INSTALL_SECONDS = 600
_START_SECONDS = 20


async def install(cache: Path, progress: Progress) -> Path:
    """Install the server under `cache` once and return its folder; complete or not there at all.

    Raises LabError where npm is missing or fails.
    """
    folder = cache / PACKAGE.replace("@", "-")
    async with making(folder, progress) as part:
        if part is None:
            return folder
        npm = proc.on_path("npm")
        if npm is None:
            raise LabError("npm is missing", advice="apt-get install nodejs npm")
        progress(f"installing {PACKAGE} by npm, once (20 to 100 s)")
        part.mkdir()
        (part / "package.json").write_text('{"private": true}\n')
        command = [npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error", PACKAGE]
        await proc.run(
            proc.contained(command), what=f"npm install {PACKAGE}", timeout=_INSTALL_SECONDS, cwd=part
        )
    return folder


def command(installed: Path, run: Path, address: str, port: int) -> list[str]:
    """Return the command that serves on address and port; `run` is an empty folder to start it in."""
    node = proc.on_path("node")
    if node is None:
        raise LabError("node is missing", advice="apt-get install nodejs npm")
    server = installed / "node_modules" / "pouchdb-server" / "bin" / "pouchdb-server"
    return [node, "--unhandled-rejections=warn", str(server), "--in-memory", "--no-stdout-logs",
            "-o", address, "-p", str(port), "-d", str(run), "-c", str(run / "config.json")]  # fmt: skip


@dataclass(slots=True)
class Couch:
    """A server that runs; `url` has no slash at its end."""

    url: str
    pid: int
    _process: asyncio.subprocess.Process

    async def stop(self) -> None:
        """End it; bounded."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        async with asyncio.timeout(5):
            await self._process.wait()


async def start(
    installed: Path, run: Path, *, address: str = "127.0.0.1", port: int = 0, wrap: Sequence[str] = ()
) -> Couch:
    """Start the server on this machine and return when it answers. Port 0 takes a free one.

    `wrap` goes before the command. Raises LabError where it does not answer in time.
    """
    port = port or free_port(address)
    argv = [*wrap, *command(installed, run, address, port)]
    run.mkdir(parents=True, exist_ok=True)
    (run / "config.json").unlink(missing_ok=True)  # it would keep admins of an earlier run
    with (run / "out").open("wb") as out:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=asyncio.subprocess.DEVNULL, stdout=out, stderr=out, cwd=run, start_new_session=True
        )
    couch = Couch(f"http://{address}:{port}", process.pid, process)
    try:
        await answers(couch.url)
    except BaseException as error:
        await couch.stop()
        if isinstance(error, LabError):
            raise LabError(f"{error.message}: {proc.tail((run / 'out').read_bytes())}") from None
        raise
    return couch


async def answers(url: str, *, timeout: float = _START_SECONDS) -> None:
    """Wait until a CouchDB API answers at `url`. Raises LabError."""
    try:
        async with asyncio.timeout(timeout), httpx.AsyncClient(trust_env=False) as http:
            while True:
                with suppress(httpx.HTTPError):
                    if (await http.get(url, timeout=2)).status_code == httpx.codes.OK:
                        return
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise LabError(f"the CouchDB API at {url} did not answer within {timeout:.0f} s") from None


async def fill(url: str, database: str, documents: Sequence[dict[str, object]]) -> None:
    """Make a database and put the documents into it. Raises LabError."""
    try:
        async with httpx.AsyncClient(base_url=url, timeout=30, trust_env=False) as http:
            (await http.put(f"/{database}")).raise_for_status()
            answer = await http.post(f"/{database}/_bulk_docs", json={"docs": list(documents)})
            answer.raise_for_status()
    except httpx.HTTPError as error:
        raise LabError(f"the fact documents can't be stored at {url}: {error}") from None
    refused = [str(told) for told in answer.json() if "error" in told]
    if refused:
        raise LabError(f"the fact documents were refused at {url}: {refused[0]}")


def free_port(address: str) -> int:
    """Return a port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port
