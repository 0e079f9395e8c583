"""SFTP and SCP of a simulated host: its folder, with its users' rights and its faults."""

from __future__ import annotations

import errno
import os
import posixpath
from collections.abc import AsyncIterator

import asyncssh

from bedside.lab.simulated.files import HOMES
from bedside.lab.simulated.host import Host

_WRITE = asyncssh.FXF_WRITE | asyncssh.FXF_APPEND | asyncssh.FXF_CREAT | asyncssh.FXF_TRUNC


class HostFiles(asyncssh.SFTPServer):
    """The SFTP server of one session."""

    def __init__(self, host: Host, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        super().__init__(chan, chroot=os.fsencode(host.files.root))
        self._host = host
        self._user: str = chan.get_connection().get_extra_info("username")

    def map_path(self, path: bytes) -> bytes:
        """Return the machine's path of the host's; relative ones start at the user's home."""
        name = posixpath.join(HOMES[self._user], os.fsdecode(path))
        return os.fsencode(self._host.files.real(name))

    def _may_write(self, path: bytes) -> None:
        self._host.files.writable(os.fsdecode(path), self._user, HOMES[self._user])

    def _may_read(self, path: bytes) -> None:
        self._host.files.readable(os.fsdecode(path), self._user, HOMES[self._user])

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        """List a folder, if the user may."""
        self._may_read(path)
        async for name in super().scandir(path):
            yield name

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        """Open a file, if the user may. Raises OSError."""
        if pflags & _WRITE:
            self._may_write(path)
        else:
            self._may_read(path)
        return super().open(path, pflags, attrs)

    def open56(self, path: bytes, desired_access: int, flags: int, attrs: asyncssh.SFTPAttrs) -> object:
        """Open a file as SFTP 5 and 6 do; writing is what most want, so the right to write is asked for."""
        self._may_write(path)
        return super().open56(path, desired_access, flags, attrs)

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        """Write, if the disk has room. Raises OSError (ENOSPC)."""
        self._host.files.room()
        written = super().write(file_obj, offset, data)
        return written if isinstance(written, int) else await written

    def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """Change modes and times, if the user may."""
        self._may_write(path)
        super().setstat(path, attrs)

    def remove(self, path: bytes) -> None:
        """Remove a file, if the user may."""
        self._may_write(path)
        super().remove(path)

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """Make a folder, if the user may."""
        self._may_write(path)
        super().mkdir(path, attrs)

    def rmdir(self, path: bytes) -> None:
        """Remove a folder, if the user may."""
        self._may_write(path)
        super().rmdir(path)

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Rename, if the user may."""
        self._may_write(oldpath)
        self._may_write(newpath)
        super().rename(oldpath, newpath)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Rename over what is there, if the user may."""
        self._may_write(oldpath)
        self._may_write(newpath)
        super().posix_rename(oldpath, newpath)

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        """Refuse: simulated hosts have no links, so that no path leads out of their folder."""
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        """Refuse, as `symlink`."""
        raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
