"""The simulated level as a process: started, asked, broken and ended for real."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh
import pytest
import pytest_asyncio
from tests.support.labs import processes, until

from bedside.errors import LabError
from bedside.lab import level
from bedside.lab.level import OPS_PASSWORD, Folders, LabState, Spec
from bedside.lab.simulated.level import Lab as Simulated

pytestmark = pytest.mark.slow


class Simulation:
    """A simulated lab in the loop of the test."""

    def __init__(self, state: Path) -> None:
        self.folders = Folders(state, state)
        self.level = Simulated(self.folders, {})

    async def up(self, spec: Spec) -> LabState:
        self.state = await self.level.up(spec, lambda _: None)
        return self.state

    @property
    def pid(self) -> int:
        return int((self.folders.state / "simulation.lock").read_text())

    @asynccontextmanager
    async def login(
        self, name: str, user: str = "root", **options: object
    ) -> AsyncIterator[asyncssh.SSHClientConnection]:
        host = self.state.host(name)
        chosen = {
            "client_keys": [str(self.folders.key)],
            "known_hosts": str(self.folders.known_hosts),
        } | options
        connection = await asyncssh.connect(
            host.address, host.port, username=user, config=None, agent_path=None, login_timeout=5, **chosen
        )
        try:
            yield connection
        finally:
            connection.abort()

    async def fault(self, name: str, kind: str, seconds: int | None = None) -> None:
        await self.level.fault(self.state, self.state.host(name), kind, seconds)


@pytest_asyncio.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Simulation]:
    made = Simulation(tmp_path / "state")
    await made.up(Spec(hosts=2, releases=("bookworm",), lookalikes=("openwrt", "appliance")))
    try:
        yield made
    finally:
        assert await made.level.down() == []


# --- the process


@pytest.mark.parametrize(("hosts", "seconds"), [(20, 3), (200, 10)])
async def test_many_hosts_are_up_soon_and_need_little_memory(
    tmp_path: Path, hosts: int, seconds: float
) -> None:
    made, started = Simulation(tmp_path / "state"), time.monotonic()
    await made.up(Spec(hosts=hosts))
    try:
        assert time.monotonic() - started < seconds
        async with made.login(made.state.hosts[-5].name) as last:
            assert (await last.run("hostname")).stdout == f"{made.state.hosts[-5].name}\n"
        status = Path(f"/proc/{made.pid}/status").read_text()
        assert int(status.partition("VmRSS:")[2].split()[0]) < 150_000, "kB"
    finally:
        assert await made.level.down() == []
    assert not processes(made.folders.state)


async def test_killed_simulation_is_dead_and_the_next_up_clears_it(lab: Simulation) -> None:
    os.kill(lab.pid, signal.SIGKILL)
    assert until(lambda: not processes(lab.folders.state))
    with pytest.raises(LabError, match="down clears it"):
        await lab.level.status(lab.state)
    again = await lab.up(Spec(hosts=1))
    assert len(await lab.level.status(again)) == 5


async def test_killed_simulation_leaves_nothing_after_down(lab: Simulation) -> None:
    os.kill(lab.pid, signal.SIGKILL)
    assert await lab.level.down() == []
    assert not lab.folders.state.exists()


async def test_unfinished_lab_is_cleared_by_the_next_up(lab: Simulation) -> None:
    level.save(lab.folders, LabState("simulated", "starting", "", Spec()))
    before = lab.pid
    await lab.up(Spec(hosts=1, lookalikes=()))
    assert lab.pid != before
    assert not Path(f"/proc/{before}/cmdline").exists() or not Path(f"/proc/{before}/cmdline").read_bytes()


async def test_process_that_merely_has_the_old_pid_is_not_touched(tmp_path: Path) -> None:
    made = Simulation(tmp_path / "state")
    made.folders.state.mkdir()
    (made.folders.state / "simulation.lock").write_text(str(os.getpid()))
    assert await made.level.down() == []
    assert not made.folders.state.exists()


async def test_lab_of_another_level_is_left_alone(tmp_path: Path) -> None:
    made = Simulation(tmp_path / "state")
    level.save(made.folders, LabState("namespaces", "up", "", Spec()))
    with pytest.raises(LabError, match="level namespaces"):
        await made.level.down()
    with pytest.raises(LabError, match="level namespaces"):
        await made.up(Spec(hosts=1))
    assert level.read(made.folders) is not None


async def test_simulation_whose_folder_is_gone_ends_by_itself(tmp_path: Path) -> None:
    made = Simulation(tmp_path / "state")
    await made.up(Spec(hosts=1, lookalikes=()))
    made.folders.state.rename(tmp_path / "moved")
    assert until(lambda: not processes(made.folders.state), 10)


async def test_socket_and_key_are_their_owners_alone_however_deep_the_folder(tmp_path: Path) -> None:
    made = Simulation(tmp_path / ("deep" * 30) / ("er" * 60) / "state")
    await made.up(Spec(hosts=1, lookalikes=()))
    try:
        for name in ("control", "id_ed25519", "state.json", "ops_password"):
            assert stat.S_IMODE((made.folders.state / name).stat().st_mode) == 0o600, name
        assert len(await made.level.status(made.state)) == 1
    finally:
        assert await made.level.down() == []


# --- logins


async def test_only_root_and_ops_get_in_and_only_with_the_labs_key_or_password(lab: Simulation) -> None:
    async with lab.login("bookworm-01", "ops", client_keys=None, password=OPS_PASSWORD) as ops:
        assert (await ops.run("id -un")).stdout == "ops\n"
    stranger = asyncssh.generate_private_key("ssh-ed25519")
    for user, options in (("admin", {}), ("root", {"client_keys": [stranger]}), ("ops", {"password": "no"})):
        refused = options if user == "admin" else {"client_keys": None} | options
        with pytest.raises(asyncssh.PermissionDenied):
            async with lab.login("bookworm-01", user, **refused):
                pass


async def test_version_says_that_it_is_a_simulation(lab: Simulation) -> None:
    async with lab.login("openwrt-01") as router:
        version = router.get_extra_info("server_version")
    assert version == "SSH-2.0-dropbear_2022.82 bedside-lab-simulated"


async def test_appliance_shows_its_banner_and_nothing_else(lab: Simulation) -> None:
    host = lab.state.host("appliance-01")
    reader, writer = await asyncio.open_connection(host.address, host.port)
    writer.write(b"SSH-2.0-test\r\n")
    assert (await reader.readline()).startswith(b"SSH-2.0-Appliance_1.0")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await reader.read(1)
    writer.close()
    await writer.wait_closed()


async def test_signal_and_interrupt_end_a_command(lab: Simulation) -> None:
    async with lab.login("bookworm-01") as host:
        process = await host.create_process("echo on; sleep 60")
        assert await process.stdout.readline() == "on\n"
        process.send_signal("TERM")
        assert (await process.wait()).exit_signal is not None
        typed = await host.create_process("echo on; sleep 60", term_type="vt100")
        assert await typed.stdout.readline() == "on\r\n"
        typed.stdin.write("\x03")
        assert (await typed.wait()).exit_status == 130


async def test_terminal_echoes_what_is_typed_but_no_password(lab: Simulation) -> None:
    async with lab.login("bookworm-01", "ops") as host:
        shell = await host.create_process(term_type="vt100")
        await shell.stdout.readuntil("$ ")
        shell.stdin.write("sudo -p PASS: id -un\r")
        assert (await shell.stdout.readuntil("PASS:")).startswith("sudo -p")
        shell.stdin.write(f"{OPS_PASSWORD}\r")
        assert "root" in await shell.stdout.readuntil("$ ")
        shell.stdin.write("echo typp\x7fo; exit 3\r")
        rest = await shell.stdout.read()
        assert "\r\ntypo\r\n" in rest
        assert OPS_PASSWORD not in rest
        assert (await shell.wait()).exit_status == 3


async def test_long_lived_shell_answers_line_by_line(lab: Simulation) -> None:
    async with lab.login("bookworm-01") as host:
        shell = await host.create_process("sh")
        for number in range(3):
            shell.stdin.write(f"echo {number}\n")
            assert await shell.stdout.readline() == f"{number}\n"
        shell.stdin.write_eof()
        assert (await shell.wait()).exit_status == 0


# --- files


async def test_files_go_there_and_back_by_sftp(lab: Simulation, tmp_path: Path) -> None:
    data = os.urandom(300_000)
    (tmp_path / "data").write_bytes(data)
    async with lab.login("bookworm-01") as host, host.start_sftp_client() as sftp:
        await sftp.put(str(tmp_path / "data"), "data")
        await sftp.chmod("data", 0o640)
        assert await sftp.realpath(".") == "/root"
        await sftp.posix_rename("data", "/etc/data")
        await sftp.get("/etc/data", str(tmp_path / "back"))
        assert "300000\n-rw-r-----" in str((await host.run("wc -c < /etc/data; ls -l /etc/data")).stdout)
    assert (tmp_path / "back").read_bytes() == data


async def test_sftp_keeps_to_rights_room_and_folder(lab: Simulation) -> None:
    async with lab.login("bookworm-01", "ops") as host, host.start_sftp_client() as sftp:
        with pytest.raises(asyncssh.SFTPPermissionDenied):
            await sftp.open("/etc/mine", "w")
        with pytest.raises(asyncssh.SFTPPermissionDenied):
            await sftp.listdir("/../../root")
        with pytest.raises(asyncssh.SFTPError):
            await sftp.symlink("/etc", "out")
        await lab.fault("bookworm-01", "full")
        file = await sftp.open("mine", "wb")
        with pytest.raises(asyncssh.SFTPError):
            await file.write(b"data")
        await lab.fault("bookworm-01", "unfull")
        await file.write(b"data")
        await file.close()


async def test_router_has_no_sftp(lab: Simulation) -> None:
    async with lab.login("openwrt-01") as host:
        with pytest.raises(asyncssh.ChannelOpenError):
            async with host.start_sftp_client():
                pass


# --- faults


async def test_cut_session_is_silent_and_goes_on_when_mended(lab: Simulation) -> None:
    async with lab.login("bookworm-01") as host:
        await lab.fault("bookworm-01", "cut")
        running = asyncio.create_task(host.run("echo hi"))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(running), 0.3)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3), lab.login("bookworm-01"):
                pass
        await lab.fault("bookworm-01", "mend")
        assert (await asyncio.wait_for(running, 20)).stdout == "hi\n"


async def test_reboot_breaks_what_stands_and_refuses_for_a_while(lab: Simulation) -> None:
    async with lab.login("bookworm-01") as host:
        process = await host.create_process("echo on; sleep 60")
        await process.stdout.readline()
        await host.run("reboot", check=False)
        assert (await process.wait()).exit_status is None
    with pytest.raises(ConnectionRefusedError):
        async with lab.login("bookworm-01"):
            pass
    assert not (await lab.level.status(lab.state))[0].on

    async def back() -> bool:
        try:
            async with lab.login("bookworm-01") as host:
                return int((await host.run("uptime -s")).exit_status or 0) == 0
        except OSError:
            return False

    async with asyncio.timeout(10):
        while not await back():
            await asyncio.sleep(0.05)


async def test_standing_session_survives_a_broken_sshd(lab: Simulation) -> None:
    async with lab.login("bookworm-01") as host:
        await lab.fault("bookworm-01", "break-sshd")
        assert (await host.run("echo still here")).stdout == "still here\n"
        with pytest.raises(ConnectionRefusedError):
            async with lab.login("bookworm-01"):
                pass
        await lab.fault("bookworm-01", "fix-sshd")
        async with lab.login("bookworm-01"):
            pass


async def test_lock_is_let_go_after_its_seconds(lab: Simulation) -> None:
    await lab.fault("bookworm-01", "lock", 1)
    async with lab.login("bookworm-01") as host:
        assert (await host.run("apt-get update")).exit_status == 100
        async with asyncio.timeout(10):
            while (await host.run("apt-get update")).exit_status:
                await asyncio.sleep(0.05)


async def test_appliance_can_be_cut_but_not_filled(lab: Simulation) -> None:
    with pytest.raises(LabError, match="only shows a banner"):
        await lab.fault("appliance-01", "full")
    await lab.fault("appliance-01", "cut")
    await lab.fault("appliance-01", "mend")
