"""Talking to a shell on a real sshd."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import Iterator

import pytest
from tests.support.sessions import cut, session
from tests.support.sshd import Sshd, sshd

from bedside.errors import ConnectionLost, TimedOut
from bedside.runner import Channel, Command

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


async def read_line(channel: Channel) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        piece = await channel.read(1, timeout=10)
        assert piece
        line += piece
    return line


async def test_a_shell_answers_again_and_again(server: Sshd) -> None:
    async with session(server) as host:
        channel = await host.open(Command("exec sh", env={"A": "b"}, cwd="/"))
        for n in range(3):
            await channel.write(f'echo {n} "$A" "$PWD"\n'.encode())
            assert await read_line(channel) == f"{n} b /\n".encode()
        await channel.write(b"exit 5\n")
        assert await channel.read(timeout=10) == b""
        result = await channel.wait(timeout=10)
        assert result.exit == 5
        await channel.close()
        await channel.close()


async def test_the_result_holds_what_was_not_read(server: Sshd) -> None:
    async with session(server) as host:
        channel = await host.open(Command("echo one; read line; echo $line; echo err >&2"))
        assert await read_line(channel) == b"one\n"
        await channel.write(b"two\n")
        await channel.write_eof()
        result = await channel.wait(timeout=10)
        assert result.ok
        assert b"two\n" in result.stdout
        assert b"err\n" in result.stdout + result.stderr
        await channel.close()


async def test_a_silent_channel_times_out_and_stays_usable(server: Sshd) -> None:
    async with session(server) as host:
        channel = await host.open(Command("cat"))
        with pytest.raises(TimedOut):
            await channel.read(timeout=0.1)
        with pytest.raises(TimedOut):
            await channel.wait(timeout=0.1)
        await channel.close()
        channel = await host.open(Command("cat", stdin=b"first\n"))
        assert await read_line(channel) == b"first\n"
        with pytest.raises(TimedOut):
            await channel.read(timeout=0.1)
        await channel.write(b"second\n")
        assert await read_line(channel) == b"second\n"
        await channel.close()


async def test_an_unread_flood_waits_on_the_host(server: Sshd) -> None:
    async with session(server) as host:
        channel = await host.open(Command("head -c 60000000 /dev/zero; echo end"))
        total, last = 0, b""
        tracemalloc.start()
        try:
            while piece := await channel.read(50_000, timeout=10):
                total, last = total + len(piece), piece
                await asyncio.sleep(0)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert total == 60_000_004
        assert last.endswith(b"end\n")
        assert peak < 12_000_000
        await channel.close()


async def test_a_lost_connection_ends_reads_and_writes(server: Sshd) -> None:
    async with session(server) as host:
        channel = await host.open(Command("cat"))
        reading = asyncio.create_task(channel.read(timeout=10))
        cut(server)
        with pytest.raises(ConnectionLost):
            await reading
        with pytest.raises(ConnectionLost):
            await channel.write(b"x")
        with pytest.raises(ConnectionLost):
            await channel.wait(timeout=10)
        await channel.write_eof()
        await channel.close()


async def test_closing_ends_the_command(server: Sshd) -> None:
    async with session(server) as host:
        channel = await host.open(Command("echo $$; exec cat"))
        pid = int(await read_line(channel))
        await channel.close()
        assert (await host.run(Command(f"while kill -0 {pid} 2>/dev/null; do sleep 0.05; done"))).ok
