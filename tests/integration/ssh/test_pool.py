"""The pool: one connection a host, fresh ones beside it, limits, and an end."""

from __future__ import annotations

import asyncio
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.badhost import bad_host
from tests.support.connecting import Side, nothing_left_behind
from tests.support.sshd import Sshd, sshd

from bedside.errors import ConnectionLost, TimedOut
from bedside.runner import Command

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("sshd"), address="0.0.0.0") as running:
        yield running


def logins(server: Sshd) -> int:
    """Return how many logins the server has let in."""
    return sum("Accepted publickey" in line for line in server.log)


async def test_a_host_is_connected_to_once_even_by_many_at_once(server: Sshd, tmp_path: Path) -> None:
    before = logins(server)
    side = Side(tmp_path).pool(identity_files=[str(server.key)], port=server.port)
    async with nothing_left_behind(), side as pool:
        sessions = await asyncio.gather(*(pool.session("127.0.0.1") for _ in range(20)))
        results = await asyncio.gather(*(s.run(Command("echo $PPID")) for s in sessions[:5]))
        assert len({result.out for result in results}) == 1
        await sessions[0].close()
        assert (await sessions[1].run(Command("echo hi"))).out == "hi", "closing gives back, no more"
    assert logins(server) == before + 1


async def test_a_fresh_session_is_a_login_of_its_own(server: Sshd, tmp_path: Path) -> None:
    async with Side(tmp_path).pool(identity_files=[str(server.key)], port=server.port) as pool:
        pooled = await pool.session("127.0.0.1")
        before = logins(server)
        async with await pool.fresh("127.0.0.1") as one, await pool.fresh("127.0.0.1") as two:
            out = [(await s.run(Command("echo $SSH_CONNECTION"))).out for s in (pooled, one, two)]
        assert len(set(out)) == 3
        assert logins(server) == before + 2
        assert (await (await pool.session("127.0.0.1")).run(Command("echo $SSH_CONNECTION"))).out == out[0]
        with pytest.raises(ConnectionLost):
            await one.run(Command("echo closed"))


async def test_a_dropped_or_dead_connection_is_made_anew(server: Sshd, tmp_path: Path) -> None:
    async with Side(tmp_path).pool(identity_files=[str(server.key)], port=server.port) as pool:
        first = await pool.session("127.0.0.1")
        await pool.drop("127.0.0.1")
        with pytest.raises(ConnectionLost):
            await first.run(Command("echo gone"))
        second = await pool.session("127.0.0.1")
        with pytest.raises(ConnectionLost):
            await second.run(Command("kill -9 $PPID; sleep 60"))
        third = await pool.session("127.0.0.1")
        assert (await third.run(Command("echo hi"))).out == "hi"


async def test_those_who_wait_together_share_the_failure(tmp_path: Path) -> None:
    async with bad_host("mute") as port:
        started = time.monotonic()
        async with Side(tmp_path).pool(login_timeout="700ms") as pool:
            waits = [pool.session(f"127.0.0.1:{port}") for _ in range(3)]
            ends = await asyncio.gather(*waits, return_exceptions=True)
        assert [type(end) for end in ends] == [TimedOut] * 3
        assert time.monotonic() - started < 2


async def test_one_who_gives_up_leaves_the_others_their_connection(server: Sshd, tmp_path: Path) -> None:
    async with Side(tmp_path).pool(identity_files=[str(server.key)], port=server.port) as pool:
        tasks = [asyncio.ensure_future(pool.session("127.0.0.1")) for _ in range(3)]
        while not pool.connecting:
            await asyncio.sleep(0)
        tasks[0].cancel()
        session = await tasks[1]
        assert (await session.run(Command("echo hi"))).out == "hi"
        await tasks[2]


async def test_logins_under_way_are_limited(tmp_path: Path) -> None:
    async with bad_host("mute") as port:
        started = time.monotonic()
        async with Side(tmp_path).pool(parallel=2, login_timeout="500ms", port=port) as pool:
            waits = [pool.fresh("127.0.0.1") for _ in range(4)]
            await asyncio.gather(*waits, return_exceptions=True)
        assert time.monotonic() - started > 0.95, "two at a time take twice 0.5 s"


async def test_few_file_descriptors_mean_fewer_hosts_not_failures(server: Sshd, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    script = f"""
import asyncio, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
sys.path.insert(0, ".")
from pathlib import Path
from tests.support.connecting import Side
from bedside.runner import Command
async def main():
    side = Side(Path({str(tmp_path)!r}))
    async with side.pool(parallel=64, identity_files=[{str(server.key)!r}], port={server.port}) as pool:
        todo = [f"127.2.0.{{n}}" for n in range(1, 31)]
        done = []
        async def work():
            while todo:
                async with await pool.session(todo.pop()) as session:
                    done.append((await session.run(Command("echo hi"))).out)
        await asyncio.gather(*(work() for _ in range(pool.parallel)))
    assert done == ["hi"] * 30
    print(pool.parallel, len(side.warnings), side.warnings[0])
asyncio.run(main())
"""
    ran = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", script], capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("9 1 9 hosts at once instead of 64")
    assert (soft, hard) == resource.getrlimit(resource.RLIMIT_NOFILE)
