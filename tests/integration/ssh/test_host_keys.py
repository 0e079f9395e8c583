"""Whether a host is the one it was: against real sshd with real keys."""

from __future__ import annotations

import asyncio
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.connecting import Side
from tests.support.sshd import Sshd, keygen, public, sshd

from bedside.errors import HostKeyMismatch
from bedside.model import Host

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("sshd"), host_keys=("rsa", "ecdsa", "ed25519")) as running:
        yield running


class Hosts(Side):
    """Our side, with the users' known_hosts in the folder too, and the server's user key."""

    def section(self, server: Sshd, **more: Any) -> dict[str, Any]:
        return {"identity_files": [str(server.key)]} | more

    def knows(self, *lines: str) -> str:
        """Write the user's known_hosts; return the ssh_config that names it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "user_known").write_text("".join(lines))
        return f"Host *\n  UserKnownHostsFile {self.folder}/user_known\n"

    async def key_type(self, server: Sshd, ssh_config: str = "", **section: Any) -> str:
        """Connect, and return the type of the key the host showed."""
        host = Host("web1", address="127.0.0.1", port=server.port)
        async with self.connected(host, ssh_config, **self.section(server, **section)) as connection:
            key = connection.raw.get_server_host_key()
            return key.get_algorithm() if key else ""

    async def mismatch(self, server: Sshd, ssh_config: str = "", **section: Any) -> HostKeyMismatch:
        with pytest.raises(HostKeyMismatch) as caught:
            await self.key_type(server, ssh_config, **section)
        assert caught.value.phase == "key_exchange"
        return caught.value


def line(server: Sshd, kind: str, name: str | None = None, marker: str = "") -> str:
    """Return a known_hosts line for one of the server's keys."""
    data = public(server.folder / f"host_{kind}").split()[:2]
    return f"{marker}{name or f'[web1]:{server.port}'} {' '.join(data)}\n"


async def test_a_new_key_is_learnt_in_a_file_of_our_own(server: Sshd, tmp_path: Path) -> None:
    side = Hosts(tmp_path)
    assert await side.key_type(server) == "ssh-ed25519"
    assert side.known_hosts.read_text() == line(server, "ed25519")
    assert side.known_hosts.stat().st_mode & 0o777 == 0o600
    assert side.known_hosts.parent.stat().st_mode & 0o777 == 0o700
    assert await side.key_type(server) == "ssh-ed25519"
    assert side.known_hosts.read_text() == line(server, "ed25519"), "it is learnt once"


@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
async def test_the_known_type_is_asked_for_first(server: Sshd, tmp_path: Path, kind: str) -> None:
    side = Hosts(tmp_path)
    config = side.knows(line(server, kind))
    assert kind in await side.key_type(server, config)
    assert not side.known_hosts.exists()


async def test_a_changed_key_is_refused_with_both_fingerprints_and_the_line(
    server: Sshd, tmp_path: Path
) -> None:
    side = Hosts(tmp_path)
    other = public(keygen(tmp_path / "other")).split()[1]
    config = side.knows("# comment\n", f"[web1]:{server.port} ssh-ed25519 {other}\n")
    error = await side.mismatch(server, config)
    shown = subprocess.run(
        ["ssh-keygen", "-lf", server.folder / "host_ed25519.pub"], capture_output=True, text=True
    ).stdout.split()[1]
    assert shown in str(error)
    assert error.shown == f"ssh-ed25519 {shown}"
    assert f"{tmp_path}/user_known:2" in str(error)
    assert "SHA256:" in error.known[0]
    assert f"ssh-keygen -R '[web1]:{server.port}' -f {tmp_path}/user_known" in error.advice
    assert not side.known_hosts.exists()


async def test_a_key_of_another_type_is_no_new_host(tmp_path: Path) -> None:
    with sshd(tmp_path / "sshd", host_keys=("ed25519",)) as server:
        side = Hosts(tmp_path)
        rsa = " ".join(public(keygen(tmp_path / "rsa", "rsa")).split()[:2])
        error = await side.mismatch(server, side.knows(f"[web1]:{server.port} {rsa}\n"))
        assert "ssh-rsa SHA256:" in str(error)
        assert "ssh-ed25519 SHA256:" in str(error)


async def test_strict_takes_known_keys_only(server: Sshd, tmp_path: Path) -> None:
    side = Hosts(tmp_path)
    error = await side.mismatch(server, host_keys="strict")
    assert "not known" in str(error)
    assert "accept-new" in error.advice
    assert not side.known_hosts.exists()
    config = side.knows(line(server, "ed25519"))
    assert await side.key_type(server, config, host_keys="strict") == "ssh-ed25519"


async def test_the_users_own_strictness_is_honoured(server: Sshd, tmp_path: Path) -> None:
    side = Hosts(tmp_path)
    await side.mismatch(server, "Host web*\n  StrictHostKeyChecking yes\n")
    await side.key_type(server, "Host web*\n  StrictHostKeyChecking accept-new\n")


async def test_off_takes_anything_and_says_so_once(server: Sshd, tmp_path: Path) -> None:
    side = Hosts(tmp_path)
    other = public(keygen(tmp_path / "other")).split()[1]
    config = side.knows(f"[127.0.0.1]:{server.port} ssh-ed25519 {other}\n")
    async with side.pool(config, **side.section(server, host_keys="off")) as pool:
        for _ in range(2):
            await (await pool.fresh(f"127.0.0.1:{server.port}")).close()
    assert len(side.warnings) == 1
    assert "127.0.0.1" in side.warnings[0]
    assert "OFF" in side.warnings[0]


async def test_hashed_names_and_names_without_a_port(server: Sshd, tmp_path: Path) -> None:
    side = Hosts(tmp_path)
    side.knows(line(server, "rsa"), line(server, "ecdsa"))
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", tmp_path / "user_known"], capture_output=True, check=True)
    hashed = (tmp_path / "user_known").read_text()
    assert "web1" not in hashed
    config = side.knows(hashed)
    assert await side.key_type(server, config, host_keys="strict") in ("ssh-rsa", "ecdsa-sha2-nistp256")
    config = side.knows(line(server, "rsa", "web1"))
    assert await side.key_type(server, config, host_keys="strict") == "ssh-rsa"


async def test_an_address_counts_where_the_name_is_unknown(server: Sshd, tmp_path: Path) -> None:
    side = Hosts(tmp_path)
    config = side.knows(line(server, "rsa", f"[127.0.0.1]:{server.port}"))
    assert await side.key_type(server, config, host_keys="strict") == "ssh-rsa"


async def test_an_alias_is_looked_up_alone(server: Sshd, tmp_path: Path) -> None:
    side = Hosts(tmp_path)
    config = side.knows(line(server, "rsa", "cluster")) + "  HostKeyAlias cluster\n"
    assert await side.key_type(server, config, host_keys="strict") == "ssh-rsa"


async def test_a_revoked_key_is_refused(server: Sshd, tmp_path: Path) -> None:
    side = Hosts(tmp_path)
    config = side.knows(line(server, "ed25519"), line(server, "ed25519", "*", "@revoked "))
    error = await side.mismatch(server, config)
    assert "revoked" in str(error)


def certify(server: Sshd, authority: Path, principal: str, *options: str) -> str:
    """Sign the server's ed25519 key; return the sshd_config line for it."""
    key = server.folder / "host_ed25519.pub"
    subprocess.run(
        ["ssh-keygen", "-q", "-s", authority, "-h", "-I", "web1", "-n", principal, *options, key], check=True
    )
    return f"HostCertificate {server.folder}/host_ed25519-cert.pub"


async def test_a_certified_host_is_known_by_its_authority(tmp_path: Path) -> None:
    authority = keygen(tmp_path / "ca")
    with sshd(tmp_path / "sshd") as plain:
        config = certify(plain, authority, "web1")
    side = Hosts(tmp_path)
    trusted = side.knows(f"@cert-authority * {public(authority)}")
    with sshd(tmp_path / "sshd", config=config) as server:
        assert await side.key_type(server, trusted, host_keys="strict")
        certify(server, authority, "someone-else")
    with sshd(tmp_path / "sshd", config=config) as server:
        error = await side.mismatch(server, trusted)
        assert "rincipal" in str(error)
    with sshd(tmp_path / "sshd") as bare:
        error = await side.mismatch(bare, trusted)
        assert "bare key" in str(error)


async def test_many_hosts_are_learnt_at_once_each_once(server: Sshd, tmp_path: Path) -> None:
    """One server that answers at many names."""
    with sshd(tmp_path / "sshd", address="0.0.0.0") as server:
        side = Hosts(tmp_path)
        async with side.pool(**side.section(server, port=server.port)) as pool:
            await asyncio.gather(*(pool.session(f"127.1.0.{n}") for n in range(1, 41)))
        names = [words.split()[0] for words in side.known_hosts.read_text().splitlines()]
    assert sorted(names) == sorted(f"[127.1.0.{n}]:{server.port}" for n in range(1, 41))


LEARN = """
import asyncio, sys
from pathlib import Path
from bedside.clock import SystemClock
from bedside.ssh.ownhosts import OwnHosts
async def main():
    own = OwnHosts(Path(sys.argv[1]), SystemClock(), print)
    for n in range(200):
        assert not await own.remember(f"host{n}", "ssh-ed25519", b"key" + str(n).encode())
        await own.remember(f"both{n}", "ssh-ed25519", sys.argv[2].encode())
asyncio.run(main())
"""


def test_two_processes_learn_into_one_file(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    started = [subprocess.Popen([sys.executable, "-c", LEARN, path, name]) for name in ("one", "two")]
    assert [process.wait(30) for process in started] == [0, 0]
    names = [words.split()[0] for words in path.read_text().splitlines()]
    assert len(names) == len(set(names)) == 400, "each name once, whoever came first"


async def test_a_lock_that_is_held_is_waited_for_and_then_done_without(server: Sshd, tmp_path: Path) -> None:
    side = Hosts(tmp_path)
    side.known_hosts.parent.mkdir(parents=True)
    descriptor = os.open(side.known_hosts, os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        async with asyncio.TaskGroup() as group:
            connecting = group.create_task(side.key_type(server))
            await asyncio.sleep(0.5)
            assert not connecting.done()
            fcntl.flock(descriptor, fcntl.LOCK_UN)
    finally:
        os.close(descriptor)
    assert side.known_hosts.read_text() == line(server, "ed25519")


async def test_a_folder_that_can_not_be_written_costs_a_warning_only(server: Sshd, tmp_path: Path) -> None:
    side = Hosts(tmp_path)
    (tmp_path / "state").write_text("a file, no folder")
    assert await side.key_type(server) == "ssh-ed25519"
    assert len([w for w in side.warnings if "can't be kept" in w]) == 1
