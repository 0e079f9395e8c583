"""Files and folders on their way from a host. What the host says is not to be trusted."""

from __future__ import annotations

import posixpath
from contextlib import aclosing
from functools import partial

from bedside import text
from bedside.ssh import local, remote
from bedside.ssh.counting import Count, Job, Progress, side_by_side
from bedside.ssh.patience import Patience
from bedside.ssh.remote import Entry, Refused, RemoteFiles

_DEPTH_LIMIT = 100
_ENTRY_LIMIT = 1_000_000


class Getter:
    """One get under way."""

    def __init__(self, patience: Patience, progress: Progress | None) -> None:
        self.patience, self._progress = patience, progress
        self._entries = 0
        self.written: list[str] = []

    async def get(self, files: RemoteFiles, path: bytes, target: bytes) -> None:
        """Copy one file or folder to exactly this local path."""
        entry = await files.look(path, follow=True)
        if entry is None:
            raise Refused(path, "there is no such file on the host")
        place, _, name = local.written_through(target).rpartition(b"/")
        with local.Folder.at(place or b"/") as folder:
            if entry.kind == "directory":
                await self._folder(files, path, entry, folder, name, 0)
            else:
                await self._file(files, path, entry, folder, name)

    async def _folder(
        self, files: RemoteFiles, path: bytes, entry: Entry, parent: local.Folder, name: bytes, depth: int
    ) -> None:
        if depth > _DEPTH_LIMIT:
            raise Refused(path, f"the host shows more than {_DEPTH_LIMIT} folders in each other")
        with parent.enter(name) as folder:
            folders: list[tuple[bytes, Entry]] = []
            jobs: list[Job] = []
            async for child, what in files.entries(path):
                self._count(path)
                remote.checked_name(child, path)
                if what.kind == "directory":
                    folders.append((child, what))
                elif what.kind == "link":
                    jobs.append(partial(self._link, files, posixpath.join(path, child), folder, child))
                elif what.kind == "file":
                    jobs.append(partial(self._file, files, posixpath.join(path, child), what, folder, child))
            await side_by_side(jobs, files.parallel)
            for child, what in folders:
                await self._folder(files, posixpath.join(path, child), what, folder, child, depth + 1)
            if folder.new:
                folder.settle(entry)

    async def _link(self, files: RemoteFiles, path: bytes, folder: local.Folder, name: bytes) -> None:
        folder.link(name, await files.read_link(path))
        self._note(folder, name)

    async def _file(
        self, files: RemoteFiles, path: bytes, entry: Entry, folder: local.Folder, name: bytes
    ) -> None:
        if entry.kind != "file":
            raise Refused(path, "it is not a regular file")
        show = Count(self.patience, self._progress, posixpath.join(folder.path, name), entry.size)
        with folder.writing(name) as writer:
            async with aclosing(files.read(path, entry.size)) as blocks:
                async for block in blocks:
                    await writer.write(block)
                    show.more(len(block))
            if show.done < entry.size:
                raise Refused(path, "it became shorter while it was fetched")
            await writer.finish(entry)
        self._note(folder, name)

    def _count(self, path: bytes) -> None:
        self.patience.progress()
        self._entries += 1
        if self._entries > _ENTRY_LIMIT:
            raise Refused(path, f"the host shows more than {_ENTRY_LIMIT} files")

    def _note(self, folder: local.Folder, name: bytes) -> None:
        self.patience.progress()
        self.written.append(text.decode(posixpath.join(folder.path, name)))
