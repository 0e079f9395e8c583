"""Files on our own side: what is sent, and where that which a host sends may be put.

Every write goes through a folder that is held open, and follows no link: whatever a host claims is in a
folder, nothing is written outside of the one that the user named.
"""

from __future__ import annotations

import asyncio
import contextlib
import glob as globbing
import os
import stat
from collections.abc import Iterator
from typing import Self

from bedside.ssh.remote import Entry, Kind, Refused, beside, has_magic

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


@contextlib.contextmanager
def about(path: bytes) -> Iterator[None]:
    """Let an OSError in the block leave as Refused, naming the path."""
    try:
        yield
    except OSError as error:
        raise Refused(path, (error.strerror or str(error)).lower()) from error


def find(source: str) -> list[bytes]:
    """Return the local paths that a path or glob names. Raises Refused where there is none."""
    path = os.fsencode(os.path.expanduser(source))
    if os.path.lexists(path):
        return [path]
    found = sorted(globbing.glob(path)) if has_magic(path) else []
    if not found:
        raise Refused(path, "there is no such file here")
    return found


def place(target: str) -> tuple[bytes, bool]:
    """Return the target's local path, and True when it is a folder that files go into."""
    path = os.path.abspath(os.fsencode(os.path.expanduser(target)))
    if target.endswith("/"):
        with about(path):
            os.makedirs(path, exist_ok=True)
    return path, os.path.isdir(path)


def written_through(path: bytes) -> bytes:
    """Return where a file for this path is to be written: where a link leads, else itself."""
    return os.path.realpath(path) if os.path.islink(path) else path


def read_link(path: bytes) -> bytes:
    """Return what stands in a link."""
    with about(path):
        return os.readlink(path)


def name_of(path: bytes) -> bytes:
    """Return the name a file or folder is copied under."""
    return os.path.basename(os.path.abspath(path))


def look(path: bytes, *, follow: bool) -> Entry | None:
    """Return what is there, or None."""
    try:
        with about(path):
            return entry_of(os.stat(path, follow_symlinks=follow))
    except Refused as refused:
        if isinstance(refused.__cause__, FileNotFoundError):
            return None
        raise


def entries(path: bytes) -> list[tuple[bytes, Entry]]:
    """Return the names in a folder, in order, with what they are; links are not followed."""
    with about(path), os.scandir(path) as found:
        return sorted(
            ((item.name, entry_of(item.stat(follow_symlinks=False))) for item in found),
            key=lambda pair: pair[0],
        )


def entry_of(status: os.stat_result) -> Entry:
    """Return a file's entry."""
    return Entry(kind_of(status.st_mode), stat.S_IMODE(status.st_mode), status.st_size, int(status.st_mtime))


def kind_of(mode: int) -> Kind:
    """Return the kind that a mode's high bits say."""
    kinds: dict[int, Kind] = {stat.S_IFREG: "file", stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}
    return kinds.get(stat.S_IFMT(mode), "other")


class Reader:
    """A local file that is being sent."""

    def __init__(self, path: bytes) -> None:
        self._path = path
        with about(path):
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        self.entry = entry_of(os.fstat(self._descriptor))

    async def read(self, offset: int, length: int) -> bytes:
        """Return exactly so many bytes. Raises Refused where the file has become shorter."""
        with about(self._path):
            data = await asyncio.to_thread(os.pread, self._descriptor, length, offset)
        if len(data) < length:
            raise Refused(self._path, "it became shorter while it was sent")
        return data

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


class Folder:
    """A local folder that is held open."""

    def __init__(self, descriptor: int, path: bytes, *, new: bool) -> None:
        self._descriptor = descriptor
        self.path = path
        self.new = new
        """True when we made it."""

    @classmethod
    def at(cls, path: bytes) -> Folder:
        """Open the folder at a path that the user named; links in it are followed. Raises Refused."""
        with about(path):
            return cls(os.open(path, _FOLDER), path, new=False)

    def enter(self, name: bytes) -> Folder:
        """Open the folder of that name in here; make it if there is none. Raises Refused for a link."""
        path, new = os.path.join(self.path, name), False
        with about(path):
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o700, dir_fd=self._descriptor)
                new = True
            return Folder(os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=self._descriptor), path, new=new)

    @contextlib.contextmanager
    def writing(self, name: bytes) -> Iterator[Writer]:
        """Give a writer for a file of that name; it is in place only after `Writer.finish`."""
        path = os.path.join(self.path, name)
        temp = beside(path).rpartition(b"/")[2]
        with about(path):
            self._refuse_special(name)
            writer = Writer(os.open(temp, _FILE, 0o600, dir_fd=self._descriptor), path)
        try:
            yield writer
            if writer.finished:
                with about(path):
                    os.replace(temp, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
        finally:
            os.close(writer.descriptor)
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temp, dir_fd=self._descriptor)

    def link(self, name: bytes, leads_to: bytes) -> None:
        """Put a link in place."""
        path = os.path.join(self.path, name)
        temp = beside(path).rpartition(b"/")[2]
        with about(path):
            os.symlink(leads_to, temp, dir_fd=self._descriptor)
            try:
                os.replace(temp, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
            except OSError:
                os.unlink(temp, dir_fd=self._descriptor)
                raise

    def settle(self, entry: Entry) -> None:
        """Give the folder its mode and time."""
        with about(self.path):
            os.fchmod(self._descriptor, entry.mode & 0o777)
            if entry.mtime is not None:
                os.utime(self._descriptor, (entry.mtime, entry.mtime))

    def _refuse_special(self, name: bytes) -> None:
        with contextlib.suppress(FileNotFoundError):
            status = os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
            if kind_of(status.st_mode) == "other":
                raise Refused(os.path.join(self.path, name), "it is not a regular file")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


class Writer:
    """A local file that is being received, still under another name."""

    def __init__(self, descriptor: int, path: bytes) -> None:
        self.descriptor, self._path = descriptor, path
        self.finished = False

    async def write(self, data: bytes) -> None:
        """Append bytes. Raises Refused, as when the disk is full."""
        with about(self._path):
            await asyncio.to_thread(self._write, data)

    async def finish(self, entry: Entry) -> None:
        """The content is complete: set mode and time, flush to disk.

        Set-user-id and its like are dropped: a host must not plant them here.
        """
        with about(self._path):
            os.fchmod(self.descriptor, entry.mode & 0o777)
            if entry.mtime is not None:
                os.utime(self.descriptor, (entry.mtime, entry.mtime))
            await asyncio.to_thread(os.fsync, self.descriptor)
        self.finished = True

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self.descriptor, rest) :]
