"""Hosts that behave badly on TCP, inside the test's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Literal

BANNER = b"SSH-2.0-OpenSSH_8.4p1 Debian-5\r\n"

Kind = Literal[
    "mute",  # accepts, and never says anything
    "banner",  # sends the banner, then nothing
    "slow",  # sends the banner a byte a second
    "chatty",  # lines before the banner, one a second, for ever
    "flood",  # endless lines before the banner, as fast as they are taken
    "long",  # one line without an end
    "garbage",  # the banner, then endless random bytes
    "latin",  # a banner that is no ASCII
    "http",  # something else listens there
    "old",  # speaks SSH 1.5
    "close",  # closes at once
    "half",  # the banner, then closes
    "reset",  # RST at once
]

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def bad_host(kind: Kind, address: str = "127.0.0.1") -> AsyncIterator[int]:
    """Serve badly on a free port; yields the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        acts = [asyncio.ensure_future(_misbehave(kind, writer)), asyncio.ensure_future(_drain(reader))]
        try:
            await asyncio.wait(acts, return_when=asyncio.FIRST_COMPLETED)  # until the client is gone
        finally:
            for act in acts:
                act.cancel()
            await asyncio.gather(*acts, return_exceptions=True)

    async with _serving(serve, address) as port:
        yield port


@contextlib.asynccontextmanager
async def stalling(target: tuple[str, int], after: int, address: str = "127.0.0.1") -> AsyncIterator[int]:
    """Pass everything on from a real server, but fall silent `after` bytes of its; yields the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(*target)
        upwards = asyncio.ensure_future(_copy(reader, up_writer))
        try:
            left = after
            while left > 0 and (data := await up_reader.read(left)):
                writer.write(data)
                left -= len(data)
            await upwards  # until the client is gone
        finally:
            upwards.cancel()
            up_writer.close()

    async with _serving(serve, address) as port:
        yield port


@contextlib.contextmanager
def full_backlog(address: str = "127.0.0.1") -> Iterator[int]:
    """Listen, never accept, and let nobody else in any more: a SYN gets no answer; yields the port."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind((address, 0))
        server.listen(0)
        for _ in range(8):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        yield server.getsockname()[1]


@contextlib.asynccontextmanager
async def _serving(serve: Handler, address: str) -> AsyncIterator[int]:
    writers: set[asyncio.StreamWriter] = set()
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)
        task = asyncio.current_task()
        assert task
        tasks.add(task)
        try:
            await serve(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # the client is gone, or the test is over
        finally:
            writer.close()

    server = await asyncio.start_server(handle, address, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _misbehave(kind: Kind, writer: asyncio.StreamWriter) -> None:
    if kind == "reset":
        writer.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        writer.transport.abort()
        return
    once = {
        "banner": BANNER, "half": BANNER, "old": b"SSH-1.5-OpenSSH_3.8\r\n", "garbage": BANNER,
        "latin": "SSH-2.0-Fähre\r\n".encode("latin-1"), "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    }.get(kind, b"")  # fmt: skip
    writer.write(once)
    await writer.drain()
    while kind in ("flood", "garbage", "long"):
        writer.write({"flood": b"x" * 200 + b"\r\n", "long": b"x" * 65536}.get(kind) or os.urandom(65536))
        await writer.drain()
    if kind == "slow":
        for byte in BANNER:
            writer.write(bytes([byte]))
            await asyncio.sleep(1)
    while kind == "chatty":
        writer.write(b"one moment please\r\n")
        await asyncio.sleep(1)
    if kind in ("mute", "banner", "slow", "latin"):
        await asyncio.Future()


async def _drain(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(OSError):
        while await reader.read(65536):
            pass


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
