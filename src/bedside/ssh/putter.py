"""Files and folders on their way to a host."""

from __future__ import annotations

import posixpath
from dataclasses import replace
from functools import partial

from bedside import text
from bedside.ssh import local
from bedside.ssh.counting import Count, Job, Progress, side_by_side
from bedside.ssh.patience import Patience
from bedside.ssh.remote import Entry, Refused, RemoteFiles, Source


class Putter:
    """One put under way."""

    def __init__(self, patience: Patience, mode: int | None, progress: Progress | None) -> None:
        self.patience, self._mode, self._progress = patience, mode, progress
        self.written: list[str] = []

    async def put(self, files: RemoteFiles, source: bytes, target: bytes) -> None:
        """Copy one file or folder to exactly this path."""
        entry = local.look(source, follow=True)
        if entry is None:
            raise Refused(source, "there is no such file here")
        if entry.kind == "directory":
            await self._folder(files, source, target, entry)
        else:
            await self._file(files, source, target)

    async def _folder(self, files: RemoteFiles, source: bytes, target: bytes, entry: Entry) -> None:
        self.patience.progress()
        there = await files.look(target, follow=True)
        if there is None:
            await files.make_folder(target, 0o700)
        elif there.kind != "directory":
            raise Refused(target, "a file on the host is in the folder's place")
        folders: list[tuple[bytes, Entry]] = []
        jobs: list[Job] = []
        for name, child in local.entries(source):
            path, goal = posixpath.join(source, name), posixpath.join(target, name)
            if child.kind == "directory":
                folders.append((name, child))
            elif child.kind == "link":
                jobs.append(partial(self._link, files, path, goal))
            elif child.kind == "file":
                jobs.append(partial(self._file, files, path, goal, new=there is None))
        await side_by_side(jobs, files.parallel)
        for name, child in folders:
            await self._folder(files, posixpath.join(source, name), posixpath.join(target, name), child)
        if there is None:
            await files.settle_folder(target, entry)

    async def _link(self, files: RemoteFiles, source: bytes, target: bytes) -> None:
        await files.write_link(target, local.read_link(source))
        self._note(target)

    async def _file(self, files: RemoteFiles, source: bytes, target: bytes, *, new: bool = False) -> None:
        with local.Reader(source) as reader:
            entry = reader.entry
            if entry.kind != "file":
                raise Refused(source, "it is not a regular file")
            if not new:  # in a folder that we made nothing can be in the way
                target = await _writable(files, target)
            if self._mode is not None:
                entry = replace(entry, mode=self._mode)
            show = Count(self.patience, self._progress, source, entry.size)
            await files.write(target, Source(entry, reader.read, show.more))
        self._note(target)

    def _note(self, path: bytes) -> None:
        self.patience.progress()
        self.written.append(text.decode(path))


async def _writable(files: RemoteFiles, path: bytes) -> bytes:
    """Return where a file for this path is to be written: where a link leads, else itself."""
    there = await files.look(path, follow=False)
    if there and there.kind == "link":
        path = await files.real(path)
        there = await files.look(path, follow=False)
    if there and there.kind != "file":
        raise Refused(path, "a folder is there" if there.kind == "directory" else "it is not a regular file")
    return path
