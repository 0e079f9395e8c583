"""Our own known_hosts file: what was learnt, kept by several connections and several processes at once."""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable
from pathlib import Path

from bedside.clock import Clock
from bedside.config import private_folder
from bedside.ssh.knownhosts import KnownHosts, KnownKey, lines_of

LOCK_LIMIT = 5.0
"""Seconds to wait for another process that holds the file's lock."""
_LOCK_PAUSE = 0.02


class OwnHosts:
    """The file (or with None as its path, only our memory). New keys are appended, many in one write.

    The file is locked (flock) while it is appended to, and what others appended is read first: so a host
    that two processes meet at once is filed once, and a second key for it is noticed.
    """

    def __init__(self, path: Path | None, clock: Clock, warn: Callable[[str], None]) -> None:
        self.path = path
        self.hosts = KnownHosts(warn)
        self._clock, self._warn = clock, warn
        self._turn = asyncio.Lock()
        self._pending: dict[str, tuple[str, bytes]] = {}
        self._offset = self._lines = 0
        self._broken = False
        if path:
            self._read_news(path)

    async def remember(self, name: str, kind: str, blob: bytes) -> list[KnownKey]:
        """File a key under a name. Returns the keys that stand there already, if it is none of them."""
        if conflict := self._conflict(name, blob):
            return conflict
        if self.path is None or self._broken:
            self.hosts.learn(name, kind, blob)
            return []
        waiting = self._pending.setdefault(name, (kind, blob))
        if waiting[1] != blob:
            return [KnownKey("", *waiting, None, 0)]
        async with self._turn:
            if self._pending:
                batch, self._pending = self._pending, {}
                await self._write(self.path, batch)
        return self._conflict(name, blob)

    def _conflict(self, name: str, blob: bytes) -> list[KnownKey]:
        known = [key for key in self.hosts.find(name) if not key.marker]
        return [] if any(key.blob == blob for key in known) else known

    async def _write(self, path: Path, batch: dict[str, tuple[str, bytes]]) -> None:
        try:
            private_folder(path.parent)
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                await self._lock(descriptor)
                self._read_news(path)
                self._append(descriptor, batch)
            finally:
                os.close(descriptor)
        except OSError as error:
            self._broken = True
            self._warn(
                f"new host keys can't be kept in {path} ({error.strerror or error}): "
                "they count for this run only"
            )
            for name, (kind, blob) in batch.items():
                self.hosts.learn(name, kind, blob)

    def _append(self, descriptor: int, batch: dict[str, tuple[str, bytes]]) -> None:
        new = {name: key for name, key in batch.items() if not self.hosts.find(name)}
        if not new:
            return
        size = os.fstat(descriptor).st_size
        cut = size > 0 and os.pread(descriptor, 1, size - 1) != b"\n"
        data = ("\n" * cut + lines_of((name, *key) for name, key in new.items())).encode()
        try:
            if os.write(descriptor, data) != len(data):
                raise OSError("no space left")
        except OSError:
            os.ftruncate(descriptor, size)
            raise
        if self.path:
            self._read_news(self.path)

    def _read_news(self, path: Path) -> None:
        """Read what stands behind what we have read; from the start where the file was made anew."""
        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_size < self._offset:
                    self._offset = self._lines = 0
                    self.hosts = KnownHosts(self._warn)
                file.seek(self._offset)
                data = file.read()
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            self._warn(f"{path} can't be read: {error.strerror}")
            return
        self.hosts.add(data.decode("utf-8", "surrogateescape"), path, self._lines + 1)
        self._offset += len(data)
        self._lines += data.count(b"\n")

    async def _lock(self, descriptor: int) -> None:
        deadline = self._clock.monotonic() + LOCK_LIMIT
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if self._clock.monotonic() > deadline:
                    raise OSError("another process holds its lock") from None
                await self._clock.sleep(_LOCK_PAUSE)
            else:
                return
