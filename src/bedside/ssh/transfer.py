"""Files to and from a host.

* A target that is a folder, or ends with a slash, gets the source inside, under its own name; a target
  that is a link is written through, as `cp` does. `~` is where a login starts.
* Modes and times are kept (an explicit mode is for files). A folder that is there already keeps its own.
* Links in a folder are copied as links; a link that is itself the source is followed. In a folder, what is
  neither file, folder nor link is left out.
* Every file is written beside its place and renamed, so that a cut connection leaves no half file.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import posixpath
from collections.abc import AsyncIterator

import asyncssh
from asyncssh.sftp import start_sftp_client

from bedside.errors import ConnectionLost, Denied, TimedOut
from bedside.ssh import local, remote
from bedside.ssh.cat import CatFiles
from bedside.ssh.counting import Progress
from bedside.ssh.execution import Link
from bedside.ssh.getter import Getter
from bedside.ssh.patience import CLEANUP_S, OutOfPatience, Patience
from bedside.ssh.putter import Putter
from bedside.ssh.remote import Refused, RemoteFiles
from bedside.ssh.sftp import SftpFiles
from bedside.ssh.translate import translate

STALL_S = 60.0
"""Without an idle time-out of the session's own, a copy that makes no progress for so long is given up."""


class Transfer:
    """Copies files to and from one host."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._no_sftp = False

    async def put(
        self, source: str, target: str, *, mode: int | None = None, progress: Progress | None = None
    ) -> list[str]:
        """Copy local files (a path, glob or directory) to the host; return the remote paths written.

        Raises Denied for a file here or there that can't be had, TimedOut, ConnectionLost.
        """
        patience = self._patience()
        async with self._errors("put", patience):
            sources = local.find(source)
            return await patience.run(self._put(sources, target, Putter(patience, mode, progress)))

    async def get(self, source: str, target: str, *, progress: Progress | None = None) -> list[str]:
        """Copy files (a path, glob or directory) from the host; return the local paths written.

        Raises Denied for a file here or there that can't be had, TimedOut, ConnectionLost.
        """
        patience = self._patience()
        async with self._errors("get", patience):
            return await patience.run(self._get(source, target, Getter(patience, progress)))

    async def _put(self, sources: list[bytes], target: str, putter: Putter) -> list[str]:
        async with self._files(putter.patience) as files:
            place, inside = await _remote_place(files, target)
            if len(sources) > 1 and not inside:
                raise Refused(place, "several files need a folder to go to", "end the target with a slash")
            for source in sources:
                await putter.put(
                    files, source, posixpath.join(place, local.name_of(source)) if inside else place
                )
        return putter.written

    async def _get(self, source: str, target: str, getter: Getter) -> list[str]:
        async with self._files(getter.patience) as files:
            pattern = _absolute(await files.home(), source)
            found = [pattern]
            if await files.look(pattern, follow=False) is None:
                found = await remote.glob(files, pattern) if remote.has_magic(pattern) else []
            if not found:
                raise Refused(pattern, "there is no such file on the host")
            place, inside = local.place(target)
            if len(found) > 1 and not inside:
                raise Refused(place, "several files need a folder to go to", "end the target with a slash")
            for path in found:
                name = remote.checked_name(path.rpartition(b"/")[2], path) if inside else b""
                await getter.get(files, path, posixpath.join(place, name) if inside else place)
        return getter.written

    @contextlib.asynccontextmanager
    async def _files(self, patience: Patience) -> AsyncIterator[RemoteFiles]:
        client = None if self._no_sftp else await self._sftp()
        if client is None:
            self._no_sftp = True
            yield CatFiles(self._link, patience)
            return
        try:
            yield SftpFiles(client)
        finally:
            client.exit()

    async def _sftp(self) -> asyncssh.SFTPClient | None:
        """Return an SFTP client, or None where the host has no SFTP (or one that does not work)."""
        raw = self._link.raw
        try:
            writer, reader, _ = await raw.open_session(subsystem="sftp", encoding=None)
        except asyncssh.ChannelOpenError as error:
            if error.code == asyncssh.OPEN_REQUEST_SESSION_FAILED and not raw.is_closed():
                return None
            raise
        try:
            loop = asyncio.get_running_loop()
            return await start_sftp_client(raw, loop, "replace", reader, writer, None, "strict", 3)
        except asyncssh.SFTPError:
            if raw.is_closed():
                raise
            # dropbear may break a channel that is opened before this one is fully gone
            writer.channel.abort()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLEANUP_S):
                    await writer.channel.wait_closed()
            return None

    def _patience(self) -> Patience:
        return Patience(self._link.clock, idle=self._link.idle_timeout or STALL_S)

    @contextlib.asynccontextmanager
    async def _errors(self, phase: str, patience: Patience) -> AsyncIterator[None]:
        host = self._link.host
        try:
            yield
        except Refused as refused:
            seconds = patience.seconds
            raise Denied(
                str(refused), host=host, phase=phase, seconds=seconds, advice=refused.advice
            ) from refused
        except OutOfPatience as error:
            raise TimedOut(
                f"the copy made no progress and reached {error}",
                host=host,
                phase=phase,
                seconds=patience.seconds,
            ) from error
        except (asyncssh.Error, OSError) as error:
            if self._link.raw.is_closed():
                raise ConnectionLost(
                    "the connection broke", host=host, phase=phase, seconds=patience.seconds
                ) from error
            raise translate(error, host=host, phase=phase, seconds=patience.seconds) from error


async def _remote_place(files: RemoteFiles, target: str) -> tuple[bytes, bool]:
    """Return the target's path on the host, and True when it is a folder that files go into."""
    path = _absolute(await files.home(), target)
    there = await files.look(path, follow=True)
    if there is None and target.endswith("/"):
        await files.make_folder(path, None)
        return path, True
    if there and there.kind != "directory" and target.endswith("/"):
        raise Refused(path, "it is not a folder")
    return path, there is not None and there.kind == "directory"


def _absolute(home: bytes, path: str) -> bytes:
    if path.startswith("~") and path[1:2] not in ("", "/"):
        raise Refused(os.fsencode(path), "only one's own home can be written as ~", "write the whole path")
    data = os.fsencode(path.removeprefix("~").removeprefix("/") if path.startswith("~") else path)
    return posixpath.normpath(posixpath.join(home, data))
