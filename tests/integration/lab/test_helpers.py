"""The two programs that run inside a lab, against real sockets on loopback."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bedside.lab import banners, forward


@asynccontextmanager
async def speaking(words: bytes) -> AsyncIterator[int]:
    """Serve something that says the words, then echoes until half-close; yields its port."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        writer.write(await reader.read())
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_banners_are_collected_and_a_silent_host_is_missing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with speaking(b"SSH-2.0-Test_1\r\n") as port:
            asked = [("127.0.0.1", port), ("127.0.0.2", silent.getsockname()[1])]
            assert await banners.collect(asked, 0.5) == {"127.0.0.1": "SSH-2.0-Test_1"}


async def test_forwarder_hands_both_directions_and_the_half_close_on() -> None:
    async with speaking(b"hello ") as port:
        with socket.create_server(("127.0.0.1", 0)) as outside:
            rule = f"{outside.fileno()}=127.0.0.1:{port}"
            command = [sys.executable, "-I", str(Path(forward.__file__)), rule]
            with subprocess.Popen(command, pass_fds=[outside.fileno()]) as process:
                try:
                    reader, writer = await asyncio.open_connection(*outside.getsockname())
                    writer.write(b"world")
                    writer.write_eof()
                    async with asyncio.timeout(10):
                        assert await reader.read() == b"hello world"
                    writer.close()
                finally:
                    process.kill()
