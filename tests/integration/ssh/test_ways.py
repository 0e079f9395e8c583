"""Jump hosts and ProxyCommands, and what ssh_config says of them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.badhost import bad_host
from tests.support.connecting import Side, nothing_left_behind
from tests.support.sshd import Sshd, descendants, free_port, sshd

from bedside.errors import ConnectionLost, TimedOut, Unreachable
from bedside.runner import Command

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("target")) as running:
        yield running


@pytest.fixture(scope="module")
def jump(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("jump"), address="127.0.0.2") as running:
        yield running


def config(server: Sshd, jump: Sshd) -> str:
    """Return an ssh_config in which `target` lies behind `jump`."""
    return f"""
Host jump jump2
  HostName {jump.address}
  Port {jump.port}
  IdentityFile {jump.key}
Host jump2
  ProxyJump jump
Host target
  HostName {server.address}
  Port {server.port}
  IdentityFile {server.key}
  ProxyJump jump
"""


def came_from(server: Sshd) -> list[str]:
    """Return what the server logged of connections."""
    return [line for line in server.log if line.startswith("Connection from")]


async def test_a_jump_host_carries_the_connection(server: Sshd, jump: Sshd, tmp_path: Path) -> None:
    before = len(came_from(jump))
    async with Side(tmp_path).pool(config(server, jump)) as pool:
        session = await pool.session("target")
        result = await session.run(Command("echo $SSH_CONNECTION"))
        assert result.out.split()[2:] == [server.address, str(server.port)]
        fresh = await pool.fresh("target")
        assert (await fresh.run(Command("echo hi"))).out == "hi"
        assert len(came_from(jump)) == before + 1, "the jump host is logged in to once"
        await fresh.close()
        assert (await session.run(Command("echo hi"))).out == "hi", "the way stays open for the others"
        logins = sum("Accepted publickey" in line for line in server.log)
        assert logins >= 2


async def test_a_chain_of_jump_hosts(server: Sshd, jump: Sshd, tmp_path: Path) -> None:
    before = len(came_from(jump))
    async with Side(tmp_path).pool(config(server, jump), jump="jump,jump2") as pool:
        assert (await (await pool.session("target")).run(Command("echo hi"))).out == "hi"
        assert len(came_from(jump)) == before + 2
        assert (await (await pool.session("jump")).run(Command("echo hi"))).out == "hi", (
            "needs no jump itself"
        )


async def test_a_jump_host_that_needs_another_one(server: Sshd, jump: Sshd, tmp_path: Path) -> None:
    before = len(came_from(jump))
    through = config(server, jump).removesuffix("  ProxyJump jump\n") + "  ProxyJump jump2\n"
    async with Side(tmp_path).pool(through) as pool:
        assert (await (await pool.session("target")).run(Command("echo hi"))).out == "hi"
        assert len(came_from(jump)) == before + 2


async def test_a_jump_host_for_all_is_itself_reached_directly(
    server: Sshd, jump: Sshd, tmp_path: Path
) -> None:
    async with Side(tmp_path).pool(config(server, jump) + "Host *\n  ProxyJump jump\n") as pool:
        assert (await (await pool.session("jump")).run(Command("echo hi"))).out == "hi"


async def test_a_circle_of_jump_hosts_is_refused(tmp_path: Path) -> None:
    circle = "Host a\n  ProxyJump b\nHost b\n  ProxyJump c\nHost c\n  ProxyJump b\n"
    async with nothing_left_behind(), Side(tmp_path).pool(circle) as pool:
        with pytest.raises(Unreachable) as caught:
            await pool.session("a")
    assert caught.value.reason == "proxy"
    assert "circle" in str(caught.value)


async def test_a_dead_jump_host_is_named(server: Sshd, tmp_path: Path) -> None:
    async with nothing_left_behind(), Side(tmp_path).pool(jump=f"127.0.0.9:{free_port('127.0.0.9')}") as pool:
        with pytest.raises(Unreachable) as caught:
            await pool.session(f"127.0.0.1:{server.port}")
    assert caught.value.reason == "proxy"
    assert caught.value.host == f"127.0.0.1:{server.port}"
    assert "jump host 127.0.0.9" in str(caught.value)
    assert "refused" in str(caught.value)


async def test_a_jump_host_that_lets_us_in_nowhere_is_named(server: Sshd, jump: Sshd, tmp_path: Path) -> None:
    strange = config(server, jump).replace(str(jump.key), str(tmp_path / "nokey"))
    async with Side(tmp_path).pool(strange) as pool:
        with pytest.raises(Unreachable) as caught:
            await pool.session("target")
    assert "jump host jump failed: login as" in str(caught.value)


async def test_a_target_that_the_jump_host_can_not_reach(jump: Sshd, tmp_path: Path) -> None:
    async with Side(tmp_path).pool(
        jump=f"{jump.address}:{jump.port}", identity_files=[str(jump.key)]
    ) as pool:
        with pytest.raises(Unreachable) as caught:
            await pool.session(f"127.0.0.1:{free_port()}")
    assert caught.value.phase == "connect"
    assert f"the jump host {jump.address}:{jump.port} can't reach it" in str(caught.value)


async def test_a_silent_target_behind_a_jump_host_has_its_own_time_out(jump: Sshd, tmp_path: Path) -> None:
    async with bad_host("mute") as port, nothing_left_behind():
        side = Side(tmp_path)
        through = f"{jump.address}:{jump.port}"
        async with side.pool(jump=through, identity_files=[str(jump.key)], login_timeout="900ms") as pool:
            with pytest.raises(TimedOut) as caught:
                await pool.session(f"127.0.0.1:{port}")
    assert caught.value.phase == "banner"


async def test_a_jump_host_that_dies_is_replaced(server: Sshd, tmp_path: Path) -> None:
    side = Side(tmp_path)
    with sshd(tmp_path / "jump", address="127.0.0.3") as jump:
        async with side.pool(config(server, jump)) as pool:
            session = await pool.session("target")
            for pid in descendants(jump.process.pid):
                os.kill(pid, signal.SIGKILL)
            with pytest.raises(ConnectionLost):
                await session.run(Command("sleep 60"))
            again = await pool.session("target")
            assert (await again.run(Command("echo hi"))).out == "hi"


RELAY = """
import os, socket, sys, threading
far = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def down():
    while data := far.recv(9999):
        os.write(1, data)
threading.Thread(target=down, daemon=True).start()
while data := os.read(0, 9999):
    far.sendall(data)
"""


async def test_a_proxy_command(server: Sshd, tmp_path: Path) -> None:
    relay = tmp_path / "relay.py"
    relay.write_text(RELAY)
    proxy = f"Host web1\n  IdentityFile {server.key}\n  HostName {server.address}\n  Port {server.port}\n"
    proxy += f"  ProxyCommand {sys.executable} {relay} %h %p\n"
    async with nothing_left_behind(), Side(tmp_path).pool(proxy) as pool:
        session = await pool.session("web1")
        assert (await session.run(Command("echo hi"))).out == "hi"


async def test_a_proxy_command_that_dies_says_why(tmp_path: Path) -> None:
    proxy = "Host *\n  ProxyCommand sh -c 'echo no route to the moon >&2; exit 7'\n"
    async with nothing_left_behind(), Side(tmp_path).pool(proxy) as pool:
        with pytest.raises(Unreachable) as caught:
            await pool.session("moon")
    assert caught.value.reason == "proxy"
    assert "no route to the moon" in str(caught.value)
    assert "exit status 7" in str(caught.value)


async def test_a_proxy_command_that_says_nothing_is_ended(tmp_path: Path) -> None:
    silent = Side(tmp_path).pool("Host *\n  ProxyCommand sleep 600\n", login_timeout="700ms")
    async with nothing_left_behind(), silent as pool:
        with pytest.raises(TimedOut):
            await pool.session("moon")


@pytest.mark.parametrize("host", ["a;touch x", "$(touch x)", "a`touch x`", "-x", "a|b", "a'b"])
async def test_a_name_never_reaches_the_shell_of_a_proxy_command(tmp_path: Path, host: str) -> None:
    proxy = f"Host *\n  ProxyCommand touch {tmp_path}/ran; echo %h\n"
    async with Side(tmp_path).pool(proxy) as pool:
        with pytest.raises(Unreachable) as caught:
            await pool.session(host)
    assert caught.value.reason == "name"
    assert not (tmp_path / "ran").exists()


async def test_logins_through_one_jump_host_are_limited(server: Sshd, jump: Sshd, tmp_path: Path) -> None:
    side = Side(tmp_path)
    async with side.pool(config(server, jump), parallel=32, per_jump_host=2) as pool:
        sessions = await asyncio.gather(*(pool.fresh("target") for _ in range(6)))
        assert len(sessions) == 6
