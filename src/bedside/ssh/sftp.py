"""A host's files over SFTP, version 3 with OpenSSH's extensions where the host has them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterator

import asyncssh
from asyncssh import FXF_CREAT, FXF_EXCL, FXF_READ, FXF_WRITE, SFTPAttrs

from bedside.ssh.local import kind_of
from bedside.ssh.patience import CLEANUP_S
from bedside.ssh.pipeline import Pipeline
from bedside.ssh.remote import BLOCK, UNSIZED_LIMIT, Entry, Refused, Source, beside

_UNDER_WAY = 2 * BLOCK
"""Bytes of one file that are under way at once,"""
_REQUESTS = 128
"""in so many requests at most,"""
_REQUEST = 256 * 1024
"""each of so many bytes at most, if the host allows that much."""
_AS_IT_IS = 0
"""AsyncSSH's block size for "in one request". Its own splitting leaves tasks behind that nobody waits for
when it is cancelled."""

_WHY: dict[type[asyncssh.SFTPError], str] = {
    asyncssh.SFTPNoSuchFile: "no such file or folder on the host",
    asyncssh.SFTPNoSuchPath: "no such folder on the host",
    asyncssh.SFTPPermissionDenied: "permission denied on the host",
    asyncssh.SFTPNoSpaceOnFilesystem: "no space left on the host's disk",
    asyncssh.SFTPQuotaExceeded: "the disk quota on the host is exceeded",
}


class SftpFiles:
    """`remote.RemoteFiles` over one SFTP channel."""

    parallel = 8

    def __init__(self, client: asyncssh.SFTPClient) -> None:
        self._client = client

    async def home(self) -> bytes:
        """Return the folder in which a login starts."""
        with _about(b"~"):
            return bytes(await self._client.realpath(b"."))

    async def look(self, path: bytes, *, follow: bool) -> Entry | None:
        """Return what is there, or None."""
        try:
            with _about(path):
                return _entry(await (self._client.stat(path) if follow else self._client.lstat(path)))
        except Refused as refused:
            if isinstance(refused.__cause__, asyncssh.SFTPNoSuchFile | asyncssh.SFTPNoSuchPath):
                return None
            raise

    async def entries(self, path: bytes) -> AsyncIterator[tuple[bytes, Entry]]:
        """Give the names in a folder."""
        with _about(path):
            async for name in self._client.scandir(path):
                filename = name.filename
                if isinstance(filename, bytes) and filename not in (b".", b".."):
                    yield filename, _entry(name.attrs)

    async def real(self, path: bytes) -> bytes:
        """Return where a link leads in the end."""
        with _about(path):
            return bytes(await self._client.realpath(path))

    async def make_folder(self, path: bytes, mode: int | None) -> None:
        """Make a folder."""
        with _about(path):
            await self._client.mkdir(path, SFTPAttrs() if mode is None else SFTPAttrs(permissions=mode))

    async def settle_folder(self, path: bytes, entry: Entry) -> None:
        """Give a folder its mode and time."""
        with _about(path):
            await self._client.setstat(path, _attributes(entry))

    async def read_link(self, path: bytes) -> bytes:
        """Return what stands in a link."""
        with _about(path):
            return await self._client.readlink(path)

    async def write_link(self, path: bytes, leads_to: bytes) -> None:
        """Put a link in place."""
        temp = beside(path)
        with _about(path):
            await self._client.symlink(leads_to, temp)
            try:
                await self._rename(temp, path)
            except BaseException:
                await self._remove(temp)
                raise

    async def write(self, path: bytes, source: Source) -> None:
        """Put a file in place."""
        temp = beside(path)
        try:
            with _about(path):
                flags = FXF_WRITE | FXF_CREAT | FXF_EXCL
                private = SFTPAttrs(permissions=0o600)
                # Where it fails, the file is not closed: that may take for ever; the channel's end does it.
                file = await self._client.open(temp, flags, private, encoding=None, block_size=_AS_IT_IS)
                await _send(file, source, self._client.limits.max_write_len)
                await file.setstat(_attributes(source.entry))
                with contextlib.suppress(asyncssh.SFTPOpUnsupported):
                    await file.fsync()
                await file.close()
                await self._rename(temp, path)
        except Refused as refused:
            await self._remove(temp)
            failed = isinstance(refused.__cause__, asyncssh.SFTPFailure)
            if failed and await self._is_full(path, source.entry.size):
                raise Refused(path, "no space left on the host's disk") from refused
            raise
        except BaseException:
            await self._remove(temp)
            raise

    async def read(self, path: bytes, size: int) -> AsyncGenerator[bytes, None]:
        """Give the content of a file."""
        with _about(path):
            file = await self._client.open(path, FXF_READ, encoding=None, block_size=_AS_IT_IS)
            limit, offset = size or UNSIZED_LIMIT, 0
            block, requests = _cut(self._client.limits.max_read_len)
            async with Pipeline[bytes](requests if size else 1) as coming:
                while coming or offset < limit:
                    while offset < limit and not coming.full:
                        coming.add(_read(file, offset, min(block, limit - offset)))
                        offset += block
                    data = await coming.next()
                    if data:
                        yield data
                    if len(data) < block:
                        break
            await file.close()

    async def _rename(self, temp: bytes, path: bytes) -> None:
        try:
            await self._client.posix_rename(temp, path)
        except asyncssh.SFTPOpUnsupported:  # plain rename does not replace
            with contextlib.suppress(asyncssh.SFTPNoSuchFile):
                await self._client.remove(path)
            await self._client.rename(temp, path)

    async def _remove(self, temp: bytes) -> None:
        """Remove what is unfinished, if the connection still allows it."""
        with contextlib.suppress(asyncssh.Error, OSError, TimeoutError):
            async with asyncio.timeout(CLEANUP_S / 2):
                await self._client.remove(temp)

    async def _is_full(self, path: bytes, size: int) -> bool:
        # OpenSSH says only "Failure" for a full disk, so ask how much room there is.
        try:
            room = await self._client.statvfs(path.rpartition(b"/")[0] or b"/")
        except (asyncssh.Error, OSError):
            return False
        return room.bavail * room.frsize < size


def _cut(longest: int) -> tuple[int, int]:
    """Return how long requests shall be, and how many at once."""
    block = min(longest, _REQUEST)
    return block, min(_UNDER_WAY // block, _REQUESTS)


async def _send(file: asyncssh.SFTPClientFile, source: Source, longest: int) -> None:
    block, requests = _cut(longest)
    async with Pipeline[int](requests) as going:
        for start in range(0, source.entry.size, BLOCK):
            data = await source.read(start, min(BLOCK, source.entry.size - start))
            for offset in range(0, len(data), block):
                if going.full:
                    source.sent(await going.next())
                going.add(file.write(data[offset : offset + block], start + offset))
        while going:
            source.sent(await going.next())


async def _read(file: asyncssh.SFTPClientFile, offset: int, length: int) -> bytes:
    """Return so many bytes; fewer only at the file's end."""
    data = b""
    while len(data) < length:
        more: bytes = await file.read(length - len(data), offset + len(data))
        if not more:
            break
        data += more[: length - len(data)]
    return data


def _entry(attributes: SFTPAttrs) -> Entry:
    mode = attributes.permissions or 0
    mtime = None if attributes.mtime is None else int(attributes.mtime)
    return Entry(kind_of(mode), mode & 0o7777, attributes.size or 0, mtime)


def _attributes(entry: Entry) -> SFTPAttrs:
    if entry.mtime is None:
        return SFTPAttrs(permissions=entry.mode)
    return SFTPAttrs(permissions=entry.mode, atime=entry.mtime, mtime=entry.mtime)


@contextlib.contextmanager
def _about(path: bytes) -> Iterator[None]:
    """Let the host's refusals leave as Refused, naming the path."""
    try:
        yield
    except (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection):
        raise
    except asyncssh.SFTPError as error:
        raise Refused(path, _WHY.get(type(error)) or f"the host refused: {error.reason}") from error
