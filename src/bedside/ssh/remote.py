"""The files of a host, by whatever way they are reached: the port between `transfer` and SFTP or `cat`."""

from __future__ import annotations

import fnmatch
import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from bedside import text

Kind = Literal["file", "directory", "link", "other"]

BLOCK = 1024 * 1024
"""Bytes that are read from a file at once; a few such blocks are under way at any time."""

UNSIZED_LIMIT = 64 * BLOCK
"""A file that claims to be empty (as those in /proc do) is read up to this many bytes."""

_NAME_LIMIT = 200
_MAGIC = re.compile(rb"[*?\[]")


class Refused(Exception):
    """A file, here or on the host, could not be had. Becomes `errors.Denied`."""

    def __init__(self, path: bytes, why: str, advice: str = "") -> None:
        super().__init__(path, why)
        self.path, self.why, self.advice = path, why, advice

    def __str__(self) -> str:
        return f"{text.one_line(text.decode(self.path))}: {self.why}"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one file. `mode` holds the permission bits; times are seconds since 1970."""

    kind: Kind
    mode: int
    size: int
    mtime: int | None


@dataclass(frozen=True, slots=True)
class Source:
    """A local file to be sent. `read(offset, length)` gives exactly so many bytes, or raises Refused."""

    entry: Entry
    read: Callable[[int, int], Awaitable[bytes]]
    sent: Callable[[int], None]
    """Told how many bytes more have arrived."""


class RemoteFiles(Protocol):
    """File operations on a host. Paths are absolute. All raise Refused, asyncssh.Error and OSError.

    What writes does so beside the place and renames, so that no half file ever stands there.
    """

    parallel: int
    """How many files may usefully be copied at once."""

    async def home(self) -> bytes:
        """Return the folder in which a login starts."""

    async def look(self, path: bytes, *, follow: bool) -> Entry | None:
        """Return what is there, or None; with `follow`, what a link there leads to."""

    def entries(self, path: bytes) -> AsyncIterator[tuple[bytes, Entry]]:
        """Give the names in a folder, as the host says them: they are not to be trusted."""

    async def real(self, path: bytes) -> bytes:
        """Return where a link leads in the end."""

    async def make_folder(self, path: bytes, mode: int | None) -> None:
        """Make a folder; with mode None as the host's umask has it."""

    async def settle_folder(self, path: bytes, entry: Entry) -> None:
        """Give a folder its mode and time."""

    async def read_link(self, path: bytes) -> bytes:
        """Return what stands in a link."""

    async def write_link(self, path: bytes, leads_to: bytes) -> None:
        """Put a link in place."""

    async def write(self, path: bytes, source: Source) -> None:
        """Put a file in place, with the mode and time of the source's entry."""

    def read(self, path: bytes, size: int) -> AsyncGenerator[bytes, None]:
        """Give the content of a file: `size` bytes, fewer if it became shorter; what there is if 0."""


def beside(path: bytes) -> bytes:
    """Return a name nobody can guess for the unfinished file beside the path."""
    folder, _, name = path.rpartition(b"/")
    return b"%s/.%s.bedside-%s" % (folder, name[:_NAME_LIMIT], secrets.token_hex(6).encode())


def checked_name(name: bytes, folder: bytes) -> bytes:
    """Return a name that came from a host, if it is one that stays in its folder. Raises Refused."""
    if not name or name in (b".", b"..") or b"/" in name or b"\0" in name:
        raise Refused(folder, f"the host shows a name in it that leads elsewhere: {name!r:.100}")
    return name


def has_magic(path: bytes) -> bool:
    """Return True for a path with `*`, `?` or `[` in it."""
    return bool(_MAGIC.search(path))


async def glob(files: RemoteFiles, pattern: bytes) -> list[bytes]:
    """Return the paths on the host that match, in order; `*` leaves out names with a leading dot."""
    found = [b""]
    for part in pattern.strip(b"/").split(b"/"):
        if has_magic(part):
            found = [path for folder in found for path in await _matches(files, folder, part)]
        else:
            found = [folder + b"/" + part for folder in found]
    return [path for path in found if await files.look(path, follow=False)]


async def _matches(files: RemoteFiles, folder: bytes, pattern: bytes) -> list[bytes]:
    entry = await files.look(folder or b"/", follow=True)
    if entry is None or entry.kind != "directory":
        return []
    names = [name async for name, _ in files.entries(folder or b"/")]
    return sorted(
        folder + b"/" + checked_name(name, folder or b"/")
        for name in names
        if name.startswith(b".") == pattern.startswith(b".") and fnmatch.fnmatchcase(name, pattern)
    )
