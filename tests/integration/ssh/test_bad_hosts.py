"""Hosts that misbehave while we connect: each ends in the right error within its time-out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.badhost import Kind, bad_host, full_backlog, stalling
from tests.support.connecting import Side, nothing_left_behind
from tests.support.sshd import Sshd, free_port, sshd

from bedside.errors import ConnectionLost, HostError, TimedOut, Unreachable
from bedside.runner import Command

pytestmark = pytest.mark.slow

LIMITS: dict[str, Any] = {"connect_timeout": "600ms", "login_timeout": "900ms"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


async def fails(side: Side, host: str) -> HostError:
    """Connect, and return the error; leaving nothing behind, within the time-outs."""
    started = time.monotonic()
    async with nothing_left_behind():
        with pytest.raises(HostError) as caught:
            async with side.connected(host, **LIMITS):
                pass
    assert time.monotonic() - started < 4
    assert caught.value.host == host
    return caught.value


@pytest.mark.parametrize("kind", ["mute", "slow", "chatty", "long"])
async def test_a_host_that_never_says_that_it_speaks_ssh(tmp_path: Path, kind: Kind) -> None:
    async with bad_host(kind) as port:
        error = await fails(Side(tmp_path), f"127.0.0.1:{port}")
    if kind == "long":
        assert isinstance(error, Unreachable)
        assert error.reason == "protocol"
    else:
        assert isinstance(error, TimedOut)
        assert 0.8 < error.seconds < 3
    assert error.phase == "banner"


async def test_a_host_that_stops_after_its_banner_stalls_in_the_key_exchange(tmp_path: Path) -> None:
    async with bad_host("banner") as port:
        error = await fails(Side(tmp_path), f"127.0.0.1:{port}")
    assert isinstance(error, TimedOut)
    assert error.phase == "key_exchange"


@pytest.mark.parametrize(("after", "phase"), [(300, "key_exchange"), (1500, "key_exchange")])
async def test_a_real_host_that_falls_silent(server: Sshd, tmp_path: Path, after: int, phase: str) -> None:
    async with stalling((server.address, server.port), after) as port:
        error = await fails(Side(tmp_path), f"127.0.0.1:{port}")
    assert isinstance(error, TimedOut)
    assert error.phase == phase


@pytest.mark.parametrize("kind", ["flood", "garbage", "latin", "old"])
async def test_a_host_that_does_not_speak_ssh_as_it_should(tmp_path: Path, kind: Kind) -> None:
    async with bad_host(kind) as port:
        error = await fails(Side(tmp_path), f"127.0.0.1:{port}")
    assert isinstance(error, Unreachable)
    assert error.reason == "protocol"


@pytest.mark.parametrize("kind", ["close", "half", "reset", "http"])
async def test_a_host_that_hangs_up(tmp_path: Path, kind: Kind) -> None:
    async with bad_host(kind) as port:
        error = await fails(Side(tmp_path), f"127.0.0.1:{port}")
    assert isinstance(error, Unreachable)
    assert error.reason == "reset"
    assert error.phase == ("key_exchange" if kind == "half" else "banner")


async def test_a_full_backlog_is_no_answer(tmp_path: Path) -> None:
    with full_backlog() as port:
        error = await fails(Side(tmp_path), f"127.0.0.1:{port}")
    assert isinstance(error, Unreachable)
    assert (error.reason, error.phase) == ("timeout", "connect")


async def test_a_refused_connection_and_a_name_that_is_none(tmp_path: Path) -> None:
    refused = await fails(Side(tmp_path), f"127.0.0.1:{free_port()}")
    nobody = await fails(Side(tmp_path), "no-such-host.invalid")
    assert isinstance(refused, Unreachable)
    assert isinstance(nobody, Unreachable)
    assert (refused.reason, nobody.reason) == ("refused", "name")
    assert refused.phase == nobody.phase == "connect"


@pytest.mark.parametrize("host", ["-oProxyCommand=x", "a b", "", "x\x1b[2J", "host:99999", "[::1"])
async def test_a_name_that_can_not_be_a_host_fails_alone(tmp_path: Path, host: str) -> None:
    async with Side(tmp_path).pool() as pool:
        with pytest.raises(Unreachable) as caught:
            await pool.session(host)
    assert caught.value.reason == "name"


async def test_bad_hosts_do_not_hold_up_the_good_one(server: Sshd, tmp_path: Path) -> None:
    kinds: list[Kind] = ["mute", "banner", "slow", "garbage", "flood", "reset"]
    async with asyncio.TaskGroup() as group, nothing_left_behind():
        stops = []
        ports: asyncio.Queue[int] = asyncio.Queue()

        async def serve(kind: Kind, stop: asyncio.Event) -> None:
            async with bad_host(kind) as port:
                ports.put_nowait(port)
                await stop.wait()

        for kind in kinds:
            stops.append(asyncio.Event())
            group.create_task(serve(kind, stops[-1]))
        bad = [f"127.0.0.1:{await ports.get()}" for _ in kinds]
        good = f"127.0.0.1:{server.port}"
        side = Side(tmp_path)
        async with side.pool(identity_files=[str(server.key)], **LIMITS | {"login_timeout": "3s"}) as pool:
            started = time.monotonic()
            waits = [asyncio.ensure_future(pool.session(host)) for host in bad]
            session = await pool.session(good)
            result = await session.run(Command("echo hi"))
            assert result.out == "hi"
            assert time.monotonic() - started < 2.9, "the good host waited for the bad ones"
            ends = await asyncio.gather(*waits, return_exceptions=True)
        assert all(isinstance(end, HostError) for end in ends)
        for stop in stops:
            stop.set()


async def test_a_cancelled_connect_leaves_nothing_behind(tmp_path: Path) -> None:
    async with bad_host("mute") as port, nothing_left_behind(), Side(tmp_path).pool() as pool:
        task = asyncio.ensure_future(pool.session(f"127.0.0.1:{port}"))
        while not pool.connecting:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_pool_that_is_closed_ends_what_is_being_made(tmp_path: Path) -> None:
    async with bad_host("mute") as port, nothing_left_behind():
        pool = Side(tmp_path).pool()
        task = asyncio.ensure_future(pool.session(f"127.0.0.1:{port}"))
        while not pool.connecting:
            await asyncio.sleep(0.01)
        await pool.close()
        with pytest.raises(ConnectionLost, match="dropped"):
            await task


async def test_a_dead_peer_is_noticed_by_keepalive(server: Sshd, tmp_path: Path) -> None:
    """After the login, and the first bytes of a command, nothing comes any more."""
    async with stalling((server.address, server.port), 10_000) as port:
        side = Side(tmp_path)
        config = "Host *\n  ServerAliveInterval 1\n  ServerAliveCountMax 1\n"
        async with side.pool(config, identity_files=[str(server.key)]) as pool:
            session = await pool.session(f"127.0.0.1:{port}")
            started = time.monotonic()
            with pytest.raises(ConnectionLost):
                await session.run(Command("yes; sleep 60"))
            assert time.monotonic() - started < 10
