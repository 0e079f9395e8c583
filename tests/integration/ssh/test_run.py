"""Commands on a real sshd."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.sessions import cut, open_folder, plain_user, session, signal_all
from tests.support.sshd import Sshd, descendants, sshd

from bedside.errors import ConnectionLost, Denied, TimedOut, UsageError
from bedside.runner import Command, Pty, Runner, Stream
from bedside.ssh import execution
from bedside.ssh.capture import CaptureSettings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture(scope="module")
def plain() -> Iterator[Sshd]:
    """The same for a user that is not root: sshd passes no signals to a command of root's."""
    with plain_user() as user, open_folder() as folder, sshd(folder, user=user) as running:
        yield running


async def gone(pid: int) -> None:
    """Wait until a process is no more."""
    async with asyncio.timeout(10):
        with contextlib.suppress(FileNotFoundError):
            while "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text():
                await asyncio.sleep(0.02)


async def test_a_session_is_a_runner(server: Sshd) -> None:
    async with session(server) as opened:
        runner: Runner = opened
        assert runner.host == "web1"


async def test_streams_come_apart_with_the_exit_status(server: Sshd) -> None:
    async with session(server) as host:
        result = await host.run(Command("echo out; echo err >&2; exit 7"))
    assert (result.exit, result.signal, result.stdout, result.stderr) == (7, None, b"out\n", b"err\n")
    assert (result.host, result.ok, result.truncated) == ("web1", False, False)


async def test_a_signal_that_ends_a_command_is_named(server: Sshd) -> None:
    async with session(server) as host:
        result = await host.run(Command("kill -KILL $$"))
    assert (result.exit, result.signal) == (None, "KILL")


async def test_standard_input_is_sent_and_closed(server: Sshd) -> None:
    data = os.urandom(3_000_000)
    async with session(server, capture=CaptureSettings(memory_limit=len(data))) as host:
        assert (await host.run(Command("cat", stdin=data))).stdout == data
        assert (await host.run(Command("cat"))).stdout == b""
        assert (await host.run(Command("true", stdin=data))).ok


async def test_a_terminal_is_given_when_asked_for(server: Sshd) -> None:
    async with session(server) as host:
        assert (await host.run(Command("tty"))).stdout == b"not a tty\n"
        terminal = await host.run(Command("tty; stty size; echo $TERM", pty=Pty("xterm", 100, 30)))
        assert terminal.stdout.startswith(b"/dev/")
        assert terminal.stdout.endswith(b"\r\n30 100\r\nxterm\r\n")
        assert (await host.run(Command("cat >/dev/null; echo end", pty=Pty()))).stdout == b"end\r\n"
        half = await host.run(Command("stty -echo; wc -c", stdin=b"abc", pty=Pty()))
        assert half.stdout.endswith(b"3\r\n")


async def test_environment_and_folder_hold_for_the_command(server: Sshd, tmp_path: Path) -> None:
    folder = tmp_path / "a 'b"
    folder.mkdir()
    async with session(server) as host:
        command = Command('pwd; printf "%s" "$A"', env={"A": "x\n'y' $HOME"}, cwd=str(folder))
        assert (await host.run(command)).stdout == f"{folder}\nx\n'y' $HOME".encode()
        missing = await host.run(Command("echo one; echo two", cwd="/no/such/folder"))
    assert missing.exit == 1
    assert missing.stdout == b""


async def test_lines_and_bytes_are_shown_as_they_come(server: Sshd) -> None:
    lines: list[tuple[Stream, bytes]] = []
    data: list[bytes] = []
    async with session(server) as host:
        await host.run(
            Command("printf 'a\\r\\nb\\377'; echo err >&2"),
            on_line=lambda stream, line: lines.append((stream, line)),
            on_data=lambda _, piece: data.append(piece),
        )
    assert sorted(lines) == [("stderr", b"err"), ("stdout", b"a"), ("stdout", b"b\xff")]
    assert b"".join(data).replace(b"err\n", b"") == b"a\r\nb\xff"


async def test_a_callers_mistake_is_the_callers_and_spares_the_connection(server: Sshd) -> None:
    def wrong(_: Stream, line: bytes) -> None:
        raise ZeroDivisionError(line)

    async with session(server) as host:
        with pytest.raises(ZeroDivisionError):
            await host.run(Command("yes"), on_line=wrong)
        assert (await host.run(Command("echo still"))).out == "still"


async def test_a_command_that_takes_too_long_is_ended(plain: Sshd) -> None:
    async with session(plain) as host:
        with pytest.raises(TimedOut, match=r"reached the time-out of 0.5 s") as caught:
            await host.run(Command("echo $$; exec sleep 1000", timeout=0.5))
        assert caught.value.phase == "run"
        assert caught.value.result
        assert caught.value.result.exit is None
        assert (await host.run(Command("echo still"))).out == "still"
        await gone(int(caught.value.result.out))


async def test_a_command_that_falls_silent_is_ended(plain: Sshd) -> None:
    async with session(plain, idle_timeout=0.6) as host:
        talking = await host.run(Command("for i in 1 2 3 4 5; do echo $i; sleep 0.3; done"))
        assert talking.ok
        with pytest.raises(TimedOut, match=r"the idle time-out of 0.6 s"):
            await host.run(Command("echo; sleep 1000"))
        assert (await host.run(Command("sleep 1", idle_timeout=0))).ok


async def test_a_flood_fills_neither_memory_nor_disk(server: Sshd, tmp_path: Path) -> None:
    settings = CaptureSettings(memory_limit=10_000, disk_limit=1_000_000, folder=tmp_path)
    async with session(server, capture=settings) as host:
        with pytest.raises(TimedOut) as caught:
            await host.run(Command("yes & yes >&2", timeout=1))
    result = caught.value.result
    assert result
    assert result.truncated
    assert len(result.stdout) < 10_300
    assert len(result.stderr) < 10_300
    for path in (result.stdout_file, result.stderr_file):
        assert path
        assert path.stat().st_size == 1_000_000


async def test_long_output_is_whole_on_disk(server: Sshd, tmp_path: Path) -> None:
    async with session(server, capture=CaptureSettings(memory_limit=1000, folder=tmp_path)) as host:
        result = await host.run(Command("seq 100000"))
    assert result.ok
    assert result.stdout_file
    assert result.stdout_file.read_bytes() == b"".join(b"%d\n" % n for n in range(1, 100001))
    assert result.stdout.startswith(b"1\n2\n")
    assert result.stdout.endswith(b"\n100000\n")


async def test_a_host_that_dies_in_the_middle_is_lost_with_its_output(server: Sshd) -> None:
    async with session(server) as host:
        started = asyncio.Event()
        running = asyncio.create_task(
            host.run(Command("echo begun; sleep 1000"), on_line=lambda *_: started.set())
        )
        await asyncio.wait_for(started.wait(), 10)
        cut(server)
        with pytest.raises(ConnectionLost) as caught:
            await asyncio.wait_for(running, 10)
        assert caught.value.result
        assert caught.value.result.stdout == b"begun\n"
        with pytest.raises(ConnectionLost):
            await host.run(Command("echo again"))


async def test_a_host_that_no_longer_answers_times_out(plain: Sshd) -> None:
    async with session(plain) as host:
        await host.run(Command("true"))  # from now on all processes of the login are there
        stopped = descendants(plain.process.pid)
        try:
            signal_all(stopped, signal.SIGSTOP)
            with pytest.raises(TimedOut) as caught:
                await host.run(Command("touch /nowhere", timeout=0.5))
        finally:
            signal_all(stopped, signal.SIGCONT)
        assert caught.value.seconds < 5
        assert caught.value.result
        assert caught.value.result.exit is None
        assert (await host.run(Command("echo still"))).out == "still"


async def test_a_refused_channel_is_denied(tmp_path: Path) -> None:
    with sshd(tmp_path, config="MaxSessions 1") as small:
        async with session(small) as host:
            channel = await host.open(Command("cat"))
            with pytest.raises(Denied, match="MaxSessions"):
                await host.run(Command("true"))
            await channel.close()


async def test_a_daemon_that_holds_the_output_does_not_hold_us(
    server: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "LINGER_S", 0.3)
    async with session(server) as host:
        result = await host.run(Command("echo begun; sleep 1000 & echo $!; exit 3"))
        assert result.exit == 3
        begun, pid = result.out.split()
        assert begun == "begun"
        assert (await host.run(Command(f"kill {pid}"))).ok


async def test_a_cancelled_command_is_ended(plain: Sshd) -> None:
    async with session(plain) as host:
        pids: asyncio.Queue[int] = asyncio.Queue()
        running = asyncio.create_task(
            host.run(Command("echo $$; exec sleep 1000"), on_line=lambda _, line: pids.put_nowait(int(line)))
        )
        pid = await asyncio.wait_for(pids.get(), 10)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await gone(pid)
        assert (await host.run(Command("echo still"))).out == "still"


async def test_many_commands_share_a_connection(server: Sshd) -> None:
    async with session(server) as host:
        results = await asyncio.gather(*(host.run(Command(f"echo {n}")) for n in range(8)))
    assert [result.out for result in results] == [str(n) for n in range(8)]


@pytest.mark.parametrize("line", ["", "  \n"])
async def test_no_command_is_a_mistake(server: Sshd, line: str) -> None:
    async with session(server) as host:
        with pytest.raises(UsageError):
            await host.run(Command(line))
