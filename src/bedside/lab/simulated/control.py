"""The unix socket between the lab's commands and the simulation's process: one JSON line each way."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bedside.errors import LabError

Handler = Callable[[Mapping[str, Any]], Awaitable[Any]]
_SECONDS = 10
_MOST_BYTES = 4 << 20


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Yield a name of `path` that fits into a socket address (108 bytes) however deep its folder is."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


async def listen(path: Path, handle: Handler) -> asyncio.Server:
    """Serve `handle` on a socket that only its owner may use. LabError becomes an answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = json.loads(await reader.readline())
            try:
                answer = {"ok": await handle(request)}
            except LabError as error:
                answer = {"error": error.message}
            except OSError as error:
                answer = {"error": f"the machine does not let us: {error}"}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()
        except (OSError, ValueError):
            pass  # whoever asked has gone, or was not one of ours
        finally:
            writer.close()

    return await asyncio.start_unix_server(serve, sock=_private_socket(path))


def _private_socket(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    server = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        with _short(path) as name:
            server.bind(name)
    finally:
        os.umask(before)
    return server


async def ask(path: Path, request: Mapping[str, Any]) -> Any:
    """Ask the process; bounded. Raises LabError where it is not there, refuses or is silent."""
    try:
        async with asyncio.timeout(_SECONDS):
            with _short(path) as name:
                reader, writer = await asyncio.open_unix_connection(name, limit=_MOST_BYTES)
            writer.write(json.dumps(request).encode() + b"\n")
            line = await reader.readline()
            writer.close()
    except OSError as error:  # TimeoutError too
        raise LabError(
            f"the simulation does not answer: {error.strerror or 'it is silent'}",
            advice="bedside lab down clears it",
        ) from None
    if not line:
        raise LabError("the simulation ended while it was asked", advice="bedside lab down clears it")
    answer = json.loads(line)
    if "error" in answer:
        raise LabError(answer["error"])
    return answer["ok"]
