"""A host's files over SFTP, version 3 with OpenSSH's extensions where the host has them."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterator

import asyncssh
from asyncssh import FXF_CREAT, FXF_EXCL, FXF_READ, FXF_WRITE, SFTPAttrs

from bedside.ssh.local import kind_of
from bedside.ssh.patience import CLEANUP_S
from bedside.ssh.remote import BLOCK, UNSIZED_LIMIT, Entry, Refused, Source, beside

_AT_ONCE = 4
"""Blocks of one file under way at once. AsyncSSH cuts each into packets and sends them side by side."""
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
                file = await self._client.open(temp, flags, private, encoding=None)
                await _send(file, source)
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
            file = await self._client.open(path, FXF_READ, encoding=None)
            limit, offset = size or UNSIZED_LIMIT, 0
            coming: deque[asyncio.Task[bytes]] = deque()
            try:
                while coming or offset < limit:
                    while offset < limit and len(coming) < (_AT_ONCE if size else 1):
                        length = min(BLOCK, limit - offset)
                        coming.append(asyncio.ensure_future(file.read(length, offset)))
                        offset += length
                    data = (await coming.popleft())[:BLOCK]
                    if data:
                        yield data
                    if len(data) < min(BLOCK, limit):
                        break
            finally:
                for task in coming:
                    task.cancel()
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


async def _send(file: asyncssh.SFTPClientFile, source: Source) -> None:
    size, offset = source.entry.size, 0
    going: deque[tuple[asyncio.Task[int], int]] = deque()
    try:
        while going or offset < size:
            if offset < size and len(going) < _AT_ONCE:
                length = min(BLOCK, size - offset)
                data = await source.read(offset, length)
                going.append((asyncio.ensure_future(file.write(data, offset)), length))
                offset += length
            else:
                task, length = going[0]
                await task
                going.popleft()
                source.sent(length)
    finally:
        for task, _ in going:
            task.cancel()


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
