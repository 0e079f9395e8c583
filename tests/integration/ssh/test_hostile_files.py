"""A host that lies about its files gets nothing written outside of the folder that was named."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import asyncssh
import pytest
from asyncssh import SFTPAttrs, SFTPName

from bedside.clock import SystemClock
from bedside.errors import Denied, HostError
from bedside.ssh import getter
from bedside.ssh.capture import CaptureSettings
from bedside.ssh.connect import Connection
from bedside.ssh.options import SshOptions
from bedside.ssh.secrets import NoSecrets
from bedside.ssh.session import Session

pytestmark = pytest.mark.slow

FOLDER = SFTPAttrs(permissions=stat.S_IFDIR | 0o755, size=0)
FILE = SFTPAttrs(permissions=stat.S_IFREG | 0o4777, size=4, atime=0, mtime=0)
LINK = SFTPAttrs(permissions=stat.S_IFLNK | 0o777, size=0)


@dataclass
class Lies:
    """What the host claims is in its folders, by path; its files all hold `evil`."""

    folders: dict[bytes, list[tuple[bytes, SFTPAttrs]]]
    leads_to: bytes = b"/"
    endless: bool = False
    listed: list[bytes] = field(default_factory=list)


def lying(lies: Lies) -> type[asyncssh.SFTPServer]:
    class Server(asyncssh.SFTPServer):
        def stat(self, path: bytes) -> SFTPAttrs:
            if path.endswith(b"*"):
                raise asyncssh.SFTPNoSuchFile("a pattern")
            return FOLDER if path in lies.folders or lies.endless else FILE

        lstat = stat

        async def scandir(self, path: bytes) -> AsyncIterator[SFTPName]:
            lies.listed.append(path)
            for name, attrs in lies.folders.get(path, lies.folders[b"/top"]):
                yield SFTPName(name, attrs=attrs)

        def readlink(self, path: bytes) -> bytes:
            return lies.leads_to

        def open(self, path: bytes, pflags: int, attrs: SFTPAttrs) -> object:
            return path

        def read(self, file_obj: object, offset: int, size: int) -> bytes:
            return b"evil"[offset:]

        def fstat(self, file_obj: object) -> SFTPAttrs:
            return FILE

        def close(self, file_obj: object) -> None:
            pass

    return Server


class Open(asyncssh.SSHServer):
    """Lets everybody in."""

    def begin_auth(self, username: str) -> bool:
        return False


@asynccontextmanager
async def host(lies: Lies) -> AsyncIterator[Session]:
    server = await asyncssh.listen(
        "127.0.0.1", 0, server_factory=Open, sftp_factory=lying(lies),
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
    )  # fmt: skip
    async with server:
        raw = await asyncssh.connect(
            "127.0.0.1", server.get_port(), known_hosts=None, config=None, username="x"
        )
        options = SshOptions(host="evil", name="evil", address="", port=0, user="x")
        connection = Connection("evil", raw, options)
        capture = CaptureSettings()
        async with Session(connection, secrets=NoSecrets(), clock=SystemClock(), capture=capture) as session:
            yield session


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("name", [b"../evil", b"/etc/evil", b"a/../../evil", b"", b"x\0y", b"a/b"])
@pytest.mark.parametrize("kind", [FILE, FOLDER, LINK])
async def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: bytes, kind: SFTPAttrs) -> None:
    target = tmp_path / "in" / "target"
    target.mkdir(parents=True)
    async with host(Lies({b"/top": [(b"good", FILE), (name, kind)]})) as session:
        with pytest.raises(Denied, match="leads elsewhere"):
            await session.get("/top", f"{target}/")
    assert everything(tmp_path) <= {"in", "in/target", "in/target/top"}


@pytest.mark.parametrize("name", [b"x/../../evil", b"x/evil"])
async def test_a_glob_takes_no_name_that_leads_elsewhere(tmp_path: Path, name: bytes) -> None:
    async with host(Lies({b"/top": [(name, FILE)]})) as session:
        with pytest.raises(Denied, match="leads elsewhere"):
            await session.get("/top/*", f"{tmp_path}/target/")
    assert everything(tmp_path) == {"target"} or everything(tmp_path) == set()


async def test_nothing_is_written_through_a_link_that_the_host_planted(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    folders = {b"/top": [(b"x", LINK), (b"x", FOLDER)], b"/top/x": [(b"evil", FILE)]}
    async with host(Lies(folders, leads_to=bytes(outside))) as session:
        with pytest.raises(Denied):
            await session.get("/top", str(tmp_path / "target"))
    assert everything(outside) == set()


async def test_nothing_is_written_through_a_link_in_place_of_a_file(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    folders = {b"/top": [(b"x", LINK), (b"x", FILE), (b"x", LINK), (b"x", FILE)]}
    async with host(Lies(folders, leads_to=bytes(outside))) as session:
        await session.get("/top", str(tmp_path / "target"))
    assert outside.read_text() == "mine"


async def test_set_user_id_is_not_taken_over(tmp_path: Path) -> None:
    async with host(Lies({b"/top": [(b"x", FILE)]})) as session:
        await session.get("/top", str(tmp_path / "target"))
        await session.get("/top/x", str(tmp_path / "y"))
    for path in (tmp_path / "target/x", tmp_path / "y"):
        assert path.read_bytes() == b"evil"
        assert stat.S_IMODE(path.stat().st_mode) == 0o777


async def test_folders_without_end_are_given_up(tmp_path: Path) -> None:
    lies = Lies({b"/top": [(b"d", FOLDER)]}, endless=True)
    async with host(lies) as session:
        with pytest.raises(Denied, match="folders in each other"):
            await session.get("/top", str(tmp_path / "target"))
    assert len(lies.listed) <= 102


async def test_a_listing_without_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(getter, "_ENTRY_LIMIT", 500)
    lies = Lies({b"/top": [(b"%d" % n, FILE) for n in range(100_000)]})
    async with host(lies) as session:
        with pytest.raises(Denied, match="more than 500 files"):
            await session.get("/top", str(tmp_path / "target"))
    assert everything(tmp_path) == {"target"}


async def test_a_name_that_is_too_long_is_refused(tmp_path: Path) -> None:
    async with host(Lies({b"/top": [(b"x" * 300, FILE)]})) as session:
        with pytest.raises(HostError, match="too long"):
            await session.get("/top", str(tmp_path / "target"))
