"""A simulated host's files: a real folder, in which paths of the host are looked up."""

from __future__ import annotations

import errno
import os
import posixpath
from collections.abc import Callable, Mapping
from pathlib import Path

from bedside.lab.simulated import streams

HOMES: Mapping[str, str] = {"root": "/root", "ops": "/home/ops"}
_FREE = ("/tmp", "/var/tmp")  # noqa: S108 - the host's folders, not the machine's
_CHUNK = 65536


class Files:
    """All files of one host below `root`. `is_full` says whether its disk is full now.

    Users other than root may write in their home and in /tmp, and read what its mode lets others read.
    """

    def __init__(self, root: Path, is_full: Callable[[], bool]) -> None:
        self.root = root
        self._is_full = is_full

    def real(self, path: str, cwd: str = "/") -> Path:
        """Return where the host's `path` really is; links can't lead out. Raises OSError (EACCES)."""
        real = self.root / posixpath.normpath(posixpath.join("/", cwd, path)).lstrip("/")
        if not real.parent.resolve().is_relative_to(self.root) or not real.resolve().is_relative_to(
            self.root
        ):
            raise _error(errno.EACCES, path)
        return real

    def readable(self, path: str, user: str, cwd: str = "/") -> Path:
        """Return where to read. Raises OSError where there is nothing or the user may not."""
        real = self.real(path, cwd)
        if user == "root" or self._own(real, user):
            return real
        if self._within(real, "/root") or (real.exists() and not real.stat().st_mode & 0o004):
            raise _error(errno.EACCES, path)
        return real

    def writable(self, path: str, user: str, cwd: str = "/") -> Path:
        """Return where to write. Raises OSError where the user may not."""
        real = self.real(path, cwd)
        if user != "root" and not self._own(real, user):
            raise _error(errno.EACCES, path)
        return real

    def room(self) -> None:
        """Raise OSError (ENOSPC) where the disk is full: call it before writing data."""
        if self._is_full():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def listing(self, path: str, cwd: str = "/") -> list[str]:
        """Return the names in a folder, none where there is no such folder."""
        try:
            return sorted(entry.name for entry in self.real(path, cwd).iterdir())
        except OSError:
            return []

    def told(self, error: OSError) -> str:
        """Return an error as a program of the host says it: `/etc/x: No such file or directory`."""
        path = os.fsdecode(error.filename or "")
        if path.startswith(str(self.root)):
            path = "/" + path[len(str(self.root)) :].lstrip("/")
        return (f"{path}: " if path else "") + (error.strerror or str(error))

    def plant(self, contents: Mapping[str, str]) -> None:
        """Write files of the host's own, making folders as needed; a path that ends in `/` is a folder."""
        for path, text in contents.items():
            real = self.root / path.lstrip("/")
            (real if path.endswith("/") else real.parent).mkdir(parents=True, exist_ok=True)
            if not path.endswith("/"):
                real.write_text(text)

    def reader(self, path: str, user: str, cwd: str) -> streams.Input:
        """Open a file for reading. Raises OSError."""
        if path == "/dev/null":
            return streams.empty()
        real = self.readable(path, user, cwd)
        if real.is_dir():
            raise _error(errno.EISDIR, path)
        offset, size = 0, real.stat().st_size

        async def more() -> bytes:
            nonlocal offset
            if offset >= size:
                return b""
            with real.open("rb") as file:
                file.seek(offset)
                data = file.read(_CHUNK)
            offset += len(data)
            return data

        return streams.Input(more)

    def writer(self, path: str, user: str, cwd: str, *, append: bool) -> streams.Output:
        """Open a file for writing, emptying it unless `append`. Raises OSError."""
        if path == "/dev/null":
            return streams.Sink()
        real = self.writable(path, user, cwd)
        with real.open("ab" if append else "wb"):
            return _FileOutput(self, real)

    def _own(self, real: Path, user: str) -> bool:
        return any(self._within(real, folder) for folder in (*_FREE, HOMES[user]))

    def _within(self, real: Path, folder: str) -> bool:
        return real.is_relative_to(self.root / folder.lstrip("/"))


class _FileOutput:
    def __init__(self, files: Files, real: Path) -> None:
        self._files, self._real = files, real

    async def write(self, data: bytes) -> None:
        self._files.room()
        with self._real.open("ab") as file:
            file.write(data)


def _error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)
