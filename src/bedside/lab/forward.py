"""Run inside the lab: hand connections on from loopback ports of the machine to addresses of the lab.

    python forward.py FD=HOST:PORT...

Each FD is a listening socket that was made in the machine's own network and inherited: a socket stays in the
network it was made in. The process itself lives in the lab, and dies with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys

_CHUNK = 1 << 16


async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy until the end, and hand the end on: Livestatus asks half-close."""
    with contextlib.suppress(OSError):
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(OSError):
        writer.write_eof()


async def serve(listening: socket.socket, host: str, port: int) -> None:
    """Hand every connection on, for ever."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError), contextlib.closing(writer):
            there, onwards = await asyncio.open_connection(host, port)
            with contextlib.closing(onwards):
                await asyncio.gather(copy(reader, onwards), copy(there, writer))

    server = await asyncio.start_server(handle, sock=listening)
    await server.serve_forever()


async def main(rules: list[str]) -> None:
    """Serve all rules."""
    async with asyncio.TaskGroup() as group:
        for rule in rules:
            fd, _, target = rule.partition("=")
            host, _, port = target.rpartition(":")
            group.create_task(serve(socket.socket(fileno=int(fd)), host, int(port)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
