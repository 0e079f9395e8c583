"""Files to and from real servers: with SFTP, without it, and on small boxes. All keep the same promises."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import stat
import subprocess
import tracemalloc
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import asyncssh
import pytest
from tests.support.boxes import busybox, dropbear, dropbear_works
from tests.support.sessions import cut, open_folder, plain_user, session, signal_all
from tests.support.sshd import Sshd, descendants, sshd

from bedside.errors import ConnectionLost, Denied, TimedOut
from bedside.runner import Command

pytestmark = pytest.mark.slow

KINDS = [
    "sftp",
    "cat",
    pytest.param("busybox", marks=pytest.mark.skipif(not shutil.which("busybox"), reason="needs busybox")),
    pytest.param("dropbear", marks=pytest.mark.skipif(not dropbear_works(), reason="needs root, dropbear")),
]
NAMES = [
    "plain", "with space", "new\nline", "it's \"q\" $HOME `id` \\", "-rf", os.fsdecode(b"\xff\xfe no text"),
    ".hidden", "..two", "*", "end ",
]  # fmt: skip
OLD = 1_000_000_000


def started(kind: str, folder: Path) -> AbstractContextManager[Sshd]:
    match kind:
        case "sftp":
            return sshd(folder)
        case "cat":  # a home of its own, so that no start-up files of ours slow down each command
            return sshd(folder, sftp=False, config=f"SetEnv HOME={folder}")
        case "busybox":
            return busybox(folder)
        case _:
            return dropbear(folder)


@pytest.fixture(scope="module", params=KINDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with started(request.param, tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    (tmp_path / "there").mkdir()
    return tmp_path / "there"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def tree(top: Path) -> dict[str, tuple[str, int, int, bytes]]:
    """Return what is in a folder: by path kind, mode, time and content."""
    found = {}
    for folder, folders, files in os.walk(top):
        for path in (Path(folder) / name for name in folders + files):
            status = path.lstat()
            mode, mtime = stat.S_IMODE(status.st_mode), int(status.st_mtime)
            relative = str(path.relative_to(top))
            if path.is_symlink():
                found[relative] = ("link", 0, 0, os.fsencode(path.readlink()))
            elif path.is_dir():
                found[relative] = ("folder", mode, mtime, b"")
            else:
                found[relative] = ("file", mode, mtime, path.read_bytes())
    return found


def plant(top: Path) -> None:
    """Make a folder with all that is difficult in it."""
    for name in NAMES:
        (top / name).write_bytes(b"<" + os.fsencode(name) + b">")
    (top / "empty").touch()
    (top / "deep/er").mkdir(parents=True)
    (top / "deep/er/file").write_text("deep")
    (top / "deep/script").write_text("#!/bin/sh\n")
    (top / "deep/script").chmod(0o751)
    (top / "bare").mkdir()
    (top / "link").symlink_to("deep/er/file")
    (top / "dangling").symlink_to("/no/such/place")
    (top / "loop").symlink_to("..")
    os.utime(top / "deep/script", (OLD, OLD))
    os.utime(top / "bare", (OLD, OLD))
    (top / "bare").chmod(0o711)
    os.mkfifo(top / "fifo")


async def test_a_folder_comes_back_as_it_went(server: Sshd, here: Path, there: Path, tmp_path: Path) -> None:
    plant(here)
    async with session(server) as host:
        put = await host.put(str(here), f"{there}/copy")
        got = await host.get(f"{there}/copy", str(tmp_path / "back"))
    (here / "fifo").unlink()
    os.utime(here / "bare", (OLD, OLD))
    assert tree(there / "copy") == tree(here)
    assert tree(tmp_path / "back") == tree(here)
    leaves = {path for path, (kind, *_) in tree(here).items() if kind != "folder"}
    assert {str(Path(path).relative_to(there / "copy")) for path in put} == leaves
    assert {str(Path(path).relative_to(tmp_path / "back")) for path in got} == leaves


async def test_a_folder_goes_into_a_folder_that_is_there(server: Sshd, here: Path, there: Path) -> None:
    (here / "file").write_text("new")
    (there / "here").mkdir(mode=0o705)
    (there / "here").chmod(0o705)
    (there / "here/file").write_text("old")
    (there / "here/other").write_text("kept")
    here.chmod(0o700)
    async with session(server) as host:
        assert await host.put(f"{here}/", str(there)) == [f"{there}/here/file"]
        back = here / "back"
        back.mkdir()
        assert sorted(await host.get(f"{there}/here", f"{back}")) == [
            f"{back}/here/file",
            f"{back}/here/other",
        ]
    assert (there / "here/file").read_text() == "new"
    assert (there / "here/other").read_text() == "kept"
    assert stat.S_IMODE((there / "here").stat().st_mode) == 0o705


@pytest.mark.parametrize("size", [0, 1, 1_048_576, 5_000_001])
async def test_a_file_keeps_content_mode_and_time(server: Sshd, here: Path, there: Path, size: int) -> None:
    source = here / "file"
    source.write_bytes(os.urandom(size))
    source.chmod(0o640)
    os.utime(source, (OLD, OLD))
    seen: list[tuple[str, int, int]] = []
    async with session(server) as host:
        written = await host.put(str(source), f"{there}/new", progress=lambda *step: seen.append(step))
        assert written == [f"{there}/new"]
        assert await host.get(f"{there}/new", f"{here}/back") == [f"{here}/back"]
        assert await host.put(str(source), f"{there}/other", mode=0o604) == [f"{there}/other"]
    for path in (there / "new", here / "back"):
        assert path.read_bytes() == source.read_bytes()
        assert (stat.S_IMODE(path.stat().st_mode), path.stat().st_mtime) == (0o640, OLD)
    assert stat.S_IMODE((there / "other").stat().st_mode) == 0o604
    assert names(there) == ["new", "other"]
    if size:
        assert seen[-1] == (str(source), size, size)


async def test_targets_are_folders_or_names(server: Sshd, here: Path, there: Path) -> None:
    (here / "a").write_text("a")
    (there / "dir").mkdir()
    async with session(server) as host:
        assert await host.put(f"{here}/a", f"{there}/dir") == [f"{there}/dir/a"]
        assert await host.put(f"{here}/a", f"{there}/new/") == [f"{there}/new/a"]
        assert await host.get(f"{there}/dir/a", f"{here}/x/y/") == [f"{here}/x/y/a"]
        assert await host.get(f"{there}/dir/a", str(here / "x")) == [f"{here}/x/a"]
        with pytest.raises(Denied, match="not a folder"):
            await host.put(f"{here}/a", f"{there}/dir/a/")


async def test_globs_take_what_matches(server: Sshd, here: Path, there: Path) -> None:
    for name in ("a1", "a2", "b1", ".a3"):
        (here / name).write_text(name)
    async with session(server) as host:
        assert await host.put(f"{here}/a*", f"{there}/") == [f"{there}/a1", f"{there}/a2"]
        assert await host.put(f"{here}/b?", f"{there}/only") == [f"{there}/only"]
        with pytest.raises(Denied, match="several files"):
            await host.put(f"{here}/a*", f"{there}/no")
        got = await host.get(f"{there.parent}/t*re/a[12]", f"{here}/back/")
        assert got == [f"{here}/back/a1", f"{here}/back/a2"]
        with pytest.raises(Denied, match="no such file on the host"):
            await host.get(f"{there}/z*", f"{here}/back/")
        (here / "[x]").write_text("literal")
        assert await host.put(f"{here}/[x]", f"{there}/") == [f"{there}/[x]"]
        assert await host.get(f"{there}/[x]", f"{here}/y") == [f"{here}/y"]


async def test_a_tilde_is_where_the_login_starts(server: Sshd, here: Path) -> None:
    (here / "a").write_text("x")
    name = f".bedside-test-{os.getpid()}"
    async with session(server) as host:
        written = await host.put(f"{here}/a", f"~/{name}")
        try:
            assert written[0].endswith(f"/{name}")
            assert await host.get(name, f"{here}/b") == [f"{here}/b"]
        finally:
            await host.run(Command(f"rm -f ~/{name}"))
        with pytest.raises(Denied, match="write the whole path"):
            await host.put(f"{here}/a", "~root/x")


async def test_a_link_is_written_through(server: Sshd, here: Path, there: Path) -> None:
    (here / "a").write_text("new")
    (there / "real").write_text("old")
    (there / "link").symlink_to("real")
    (there / "dir").mkdir()
    (there / "dirlink").symlink_to("dir")
    async with session(server) as host:
        assert await host.put(f"{here}/a", f"{there}/link") == [f"{there}/real"]
        assert await host.put(f"{here}/a", f"{there}/dirlink") == [f"{there}/dirlink/a"]
        assert (there / "link").is_symlink()
        assert (there / "real").read_text() == "new"
        (here / "back").symlink_to("target")
        assert await host.get(f"{there}/link", f"{here}/back") == [f"{here}/target"]
    assert (here / "target").read_text() == "new"


async def test_what_is_no_plain_file_is_neither_read_nor_replaced(
    server: Sshd, here: Path, there: Path
) -> None:
    (here / "a").write_text("new")
    for folder in (here, there):
        os.mkfifo(folder / "fifo")
        (folder / "dir/file").mkdir(parents=True)
    async with session(server) as host:
        for source, target in [(here / "fifo", there / "x"), (here / "a", there / "fifo")]:
            with pytest.raises(Denied, match="not a regular file"):
                await host.put(str(source), str(target))
        await host.put(f"{here}/a", f"{there}/a")
        for source, target in [(there / "fifo", here / "x"), (there / "a", here / "fifo")]:
            with pytest.raises(Denied, match="not a regular file"):
                await host.get(str(source), str(target))
        with pytest.raises(Denied, match=r"in the folder's place|not a folder"):
            await host.put(f"{here}/dir", f"{there}/a")
        (here / "file").write_text("x")
        with pytest.raises(Denied, match="a folder is there"):
            await host.put(f"{here}/file", f"{there}/dir")
    assert stat.S_ISFIFO((there / "fifo").stat().st_mode)
    assert names(there) == ["a", "dir", "fifo"]


async def test_missing_files_are_named(server: Sshd, here: Path, there: Path) -> None:
    (here / "a").write_text("x")
    async with session(server) as host:
        with pytest.raises(Denied, match="/nothing: there is no such file here") as caught:
            await host.put(f"{here}/nothing", f"{there}/x/")
        assert caught.value.phase == "put"
        assert names(there) == []
        with pytest.raises(Denied, match="/nothing: there is no such file on the host"):
            await host.get(f"{there}/nothing", f"{here}/x")
        with pytest.raises(Denied, match=r"(?i)there/no/such: .*(no such file|nonexistent)"):
            await host.put(f"{here}/a", f"{there}/no/such")
        with pytest.raises(Denied, match="no such file"):
            await host.get(f"{there}/nothing", f"{here}/no/such")
        assert names(here) == ["a"]


async def test_a_cut_connection_leaves_no_half_file(server: Sshd, here: Path, there: Path) -> None:
    (here / "big").write_bytes(os.urandom(30_000_000))
    (there / "big").write_text("as it was")
    async with session(server) as host:

        def cut_in_the_middle(path: str, done: int, size: int) -> None:
            if size // 4 < done < size:
                cut(server)

        with pytest.raises(ConnectionLost):
            await host.put(f"{here}/big", f"{there}/big", progress=cut_in_the_middle)
    assert (there / "big").read_text() == "as it was"
    leftovers = set(names(there)) - {"big"}
    assert all(name.startswith(".big.bedside-") for name in leftovers)


async def test_a_cut_connection_leaves_no_half_file_here(server: Sshd, here: Path, there: Path) -> None:
    (there / "big").write_bytes(os.urandom(30_000_000))
    (here / "big").write_text("as it was")
    async with session(server) as host:

        def cut_in_the_middle(path: str, done: int, size: int) -> None:
            if size // 4 < done < size:
                cut(server)

        with pytest.raises(ConnectionLost):
            await host.get(f"{there}/big", f"{here}/big", progress=cut_in_the_middle)
    assert (here / "big").read_text() == "as it was"
    assert names(here) == ["big"]


async def test_a_cancelled_put_removes_its_unfinished_file(server: Sshd, here: Path, there: Path) -> None:
    (here / "big").write_bytes(os.urandom(30_000_000))
    under_way = asyncio.Event()
    async with session(server) as host:
        putting = asyncio.create_task(
            host.put(f"{here}/big", f"{there}/big", progress=lambda *_: under_way.set())
        )
        await asyncio.wait_for(under_way.wait(), 10)
        putting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await putting
        async with asyncio.timeout(10):
            while names(there):
                await asyncio.sleep(0.02)


async def test_a_host_that_falls_silent_ends_a_copy(server: Sshd, here: Path, there: Path) -> None:
    (here / "big").write_bytes(os.urandom(30_000_000))
    async with session(server, idle_timeout=0.5) as host:
        await host.run(Command("true"))  # from now on all processes of the login are there
        stopped = descendants(server.process.pid)

        def fall_silent(path: str, done: int, size: int) -> None:
            signal_all(stopped, signal.SIGSTOP)

        try:
            with pytest.raises(TimedOut, match="no progress"):
                await host.put(f"{here}/big", f"{there}/big", progress=fall_silent)
        finally:
            signal_all(stopped, signal.SIGCONT)
    assert not (there / "big").exists()


MOUNT = "mount -t tmpfs -o size=3m bedside-test"


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to mount a small disk")
async def test_a_full_disk_is_named_and_left_clean(server: Sshd, here: Path, there: Path) -> None:
    (here / "big").write_bytes(os.urandom(5_000_000))
    (here / "small").write_text("x")
    async with session(server) as host:  # the disk is the host's: dropbear has mounts of its own
        assert (await host.run(Command(f"{MOUNT} {there}"))).ok
        try:
            with pytest.raises(Denied, match=r"(?i)no space left"):
                await host.put(f"{here}/big", f"{there}/big")
            assert (await host.run(Command(f"ls -A {there}"))).out == ""
            assert await host.put(f"{here}/small", f"{there}/small")
        finally:
            assert (await host.run(Command(f"umount {there}"))).ok


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to mount a small disk")
async def test_a_full_disk_here_is_named_and_left_clean(server: Sshd, here: Path, there: Path) -> None:
    (there / "big").write_bytes(os.urandom(5_000_000))
    subprocess.run([*MOUNT.split(), here], check=True)
    try:
        async with session(server) as host:
            with pytest.raises(Denied, match=r"(?i)/big: no space left"):
                await host.get(f"{there}/big", f"{here}/big")
        assert names(here) == []
    finally:
        subprocess.run(["umount", "-l", here], check=True)


@pytest.mark.parametrize("sftp", [True, False])
async def test_a_forbidden_place_is_named(sftp: bool, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with plain_user() as user, open_folder() as folder, sshd(folder, user=user, sftp=sftp) as running:
        closed = folder / "closed"
        closed.mkdir(mode=0o755)
        (closed / "secret").write_text("x")
        (closed / "secret").chmod(0o0)
        closed.chmod(0o500)
        async with session(running) as host:
            with pytest.raises(Denied, match=r"(?i)/closed/a: .*permission denied"):
                await host.put(f"{tmp_path}/a", f"{closed}/a")
            if os.getuid() == 0:
                closed.chmod(0o755)
            with pytest.raises(Denied, match=r"(?i)/closed/secret: .*permission denied"):
                await host.get(f"{closed}/secret", f"{tmp_path}/b")
        closed.chmod(0o700)
    assert not (tmp_path / "b").exists()


async def test_a_login_that_prints_is_not_taken_for_an_answer(
    tmp_path: Path, here: Path, there: Path
) -> None:
    forced = 'echo Welcome to this host; exec sh -c "$SSH_ORIGINAL_COMMAND"'
    plant(here)
    (here / "fifo").unlink()
    config = f"SetEnv HOME={tmp_path}\nForceCommand {forced}"
    with sshd(tmp_path / "sshd", sftp=False, config=config) as loud:
        async with session(loud) as host:
            await host.put(str(here), f"{there}/copy")
            await host.get(f"{there}/copy", f"{there}/back")
    assert tree(there / "back") == tree(here)


async def test_sftp_is_looked_for_once(tmp_path: Path, here: Path, there: Path) -> None:
    (here / "a").write_text("x")
    with sshd(tmp_path / "sshd", sftp=False) as bare:
        async with session(bare) as host:
            await host.put(f"{here}/a", f"{there}/1")
            await host.put(f"{here}/a", f"{there}/2")
    assert sum("subsystem request for sftp" in line for line in bare.log) == 1


async def test_an_sftp_server_that_can_not_replace_files_is_helped(
    tmp_path: Path, here: Path, there: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def missing(*_: object) -> None:
        raise asyncssh.SFTPOpUnsupported("no posix-rename here")

    monkeypatch.setattr(asyncssh.SFTPClient, "posix_rename", missing)
    (here / "a").write_text("new")
    (there / "a").write_text("old")
    with sshd(tmp_path / "sshd") as plain:
        async with session(plain) as host:
            await host.put(f"{here}/a", f"{there}/a")
            await host.put(f"{here}/a", f"{there}/b")
    assert {name: (there / name).read_text() for name in names(there)} == {"a": "new", "b": "new"}


async def test_a_file_of_the_kernel_is_read_though_it_has_no_size(server: Sshd, here: Path) -> None:
    async with session(server) as host:
        await host.get("/proc/version", f"{here}/version")
    assert (here / "version").read_text() == Path("/proc/version").read_text()


async def test_memory_stays_bounded_with_a_big_file(server: Sshd, here: Path, there: Path) -> None:
    with (here / "big").open("wb") as file:
        file.truncate(100_000_000)
    async with session(server) as host:
        tracemalloc.start()
        try:
            await host.put(f"{here}/big", f"{there}/big")
            await host.get(f"{there}/big", f"{here}/back")
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert peak < 20_000_000
    assert (here / "back").stat().st_size == 100_000_000
