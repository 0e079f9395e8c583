"""A host's files through `cat` and POSIX tools, where the host has no SFTP: dropbear, OpenWrt, old boxes.

The scripts beside this module do the work on the host. Each first prints a word of ours, so that what a
login shell's start-up files print is not taken for an answer. Times are kept to the second as far as
the host's `touch` and `date` can; nothing is flushed to its disk, since POSIX has no command for that.
"""

from __future__ import annotations

import asyncio
import secrets
import stat
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from importlib import resources

from bedside import text
from bedside.runner import Stream
from bedside.ssh.execution import Link
from bedside.ssh.inbox import Inbox
from bedside.ssh.patience import CLEANUP_S, Patience
from bedside.ssh.process import Process, start
from bedside.ssh.quoting import shell
from bedside.ssh.remote import BLOCK, UNSIZED_LIMIT, Entry, Kind, Refused, Source, beside

_KINDS: dict[bytes, Kind] = {b"file": "file", b"directory": "directory", b"link": "link"}
_SAID = 4096
"""Bytes of a script's complaints that are kept."""


class CatFiles:
    """`remote.RemoteFiles` through commands; each takes a channel of its own for a moment."""

    parallel = 1  # dropbear (2022) breaks off when a command ends while another channel opens

    def __init__(self, link: Link, patience: Patience) -> None:
        self._link, self._patience = link, patience

    async def home(self) -> bytes:
        """Return the folder in which a login starts."""
        return (await self._answer("do", b"~", "pwd")).removesuffix(b"\n")

    async def look(self, path: bytes, *, follow: bool) -> Entry | None:
        """Return what is there, or None."""
        answer = await self._answer("look", path, text.decode(path), "follow" if follow else "here")
        return _record(answer.removesuffix(b"\0"))[1] if answer else None

    async def entries(self, path: bytes) -> AsyncIterator[tuple[bytes, Entry]]:
        """Give the names in a folder."""
        rest = b""
        async with self._calling("list", path, text.decode(path)) as call:
            call.process.end_input()
            async for block in call.blocks():
                *records, rest = (rest + block).split(b"\0")
                for record in records:
                    yield _record(record)

    async def real(self, path: bytes) -> bytes:
        """Return where a link leads in the end."""
        return (await self._answer("do", path, "readlink", "-f", text.decode(path))).removesuffix(b"\n")

    async def make_folder(self, path: bytes, mode: int | None) -> None:
        """Make a folder."""
        options = () if mode is None else ("-m", f"{mode:o}")
        await self._answer("do", path, "mkdir", *options, text.decode(path))

    async def settle_folder(self, path: bytes, entry: Entry) -> None:
        """Give a folder its mode and time."""
        await self._answer("settle", path, text.decode(path), f"{entry.mode:o}", _time(entry))

    async def read_link(self, path: bytes) -> bytes:
        """Return what stands in a link."""
        return (await self._answer("do", path, "readlink", text.decode(path))).removesuffix(b"\n")

    async def write_link(self, path: bytes, leads_to: bytes) -> None:
        """Put a link in place."""
        await self._answer("link", path, text.decode(path), text.decode(leads_to), text.decode(beside(path)))

    async def write(self, path: bytes, source: Source) -> None:
        """Put a file in place. The host counts the bytes before it renames."""
        entry, offset = source.entry, 0
        words = text.decode(path), text.decode(beside(path)), str(entry.size), f"{entry.mode:o}", _time(entry)
        async with self._calling("write", path, *words) as call:
            while offset < entry.size and not call.process.closed.done():
                length = min(BLOCK // 4, entry.size - offset)
                call.process.send(await source.read(offset, length))
                await call.process.drain()
                source.sent(length)
                offset += length
            call.process.end_input()
            async for _ in call.blocks():
                pass

    async def read(self, path: bytes, size: int) -> AsyncGenerator[bytes, None]:
        """Give the content of a file."""
        async with self._calling("do", path, "cat", text.decode(path)) as call:
            call.process.end_input()
            left = size or UNSIZED_LIMIT
            async for block in call.blocks():
                if wanted := block[:left]:
                    yield wanted
                left -= len(wanted)
                if len(wanted) < len(block):
                    break

    async def _answer(self, script: str, path: bytes, *words: str) -> bytes:
        async with self._calling(script, path, *words) as call:
            call.process.end_input()
            return b"".join([block async for block in call.blocks()])

    @asynccontextmanager
    async def _calling(self, script: str, path: bytes, *words: str) -> AsyncIterator[_Call]:
        call = _Call(path, secrets.token_hex(8))
        line = shell(_script(script), call.mark, *words)
        call.process = await start(self._link.raw, line, call.feed, self._patience)
        call.inbox.attach(call.process)
        try:
            yield call
        finally:
            if not call.process.closed.done():
                call.process.channel.abort()
                await asyncio.wait((call.process.closed,), timeout=CLEANUP_S / 2)


class _Call:
    """One script that runs on the host."""

    process: Process

    def __init__(self, path: bytes, mark: str) -> None:
        self.mark = mark
        self.inbox = Inbox()
        self._path = path
        self._said = b""

    def feed(self, stream: Stream, data: bytes) -> None:
        """Take what it prints."""
        if stream == "stdout":
            self.inbox.feed(data)
        else:
            self._said = (self._said + data)[-_SAID:]

    async def blocks(self) -> AsyncIterator[bytes]:
        """Give what it prints behind its mark. Raises Refused where it fails."""
        mark, before = f"{self.mark}\n".encode(), b""
        while not (found := before.partition(mark))[1]:
            block = await self.inbox.read(BLOCK)
            if not block:
                break
            before = before[-len(mark) :] + block
        block = found[2]
        while block or (block := await self.inbox.read(BLOCK)):
            yield block
            block = b""
        self._check(started=bool(found[1]))

    def _check(self, *, started: bool) -> None:
        process = self.process
        if process.exit is None and process.signal is None and process.lost:
            raise process.lost
        if process.exit != 0 or not started:
            lines = text.decode(self._said).strip().splitlines() or ["the host gives no reason"]
            raise Refused(self._path, text.one_line(lines[-1]))


@cache
def _script(name: str) -> str:
    """Return a script without its comments, since some hosts take only short commands."""
    script = resources.files(__package__).joinpath(f"cat_{name}.sh").read_text("ascii")
    return "".join(line for line in script.splitlines(keepends=True) if not line.lstrip().startswith("#"))


def _record(record: bytes) -> tuple[bytes, Entry]:
    try:
        kind, letters, size, time, name = record.split(b" ", 4)
        mtime = None if time == b"-" else int(time)
        return name, Entry(_KINDS.get(kind, "other"), _mode(letters), int(size.rstrip(b",")), mtime)
    except ValueError:
        raise Refused(record[:200], "the host's answer makes no sense") from None


def _mode(letters: bytes) -> int:
    """Return the permission bits that `ls -l` writes as `-rwsr-x--t`."""
    mode = 0
    for place, letter in enumerate(letters[1:10]):
        if letter in b"rwxst":
            mode |= 0o400 >> place
        if letter in b"sStT":
            mode |= {2: stat.S_ISUID, 5: stat.S_ISGID, 8: stat.S_ISVTX}[place]
    return mode


def _time(entry: Entry) -> str:
    """Return a time as `touch -t` wants it, in UTC."""
    return "-" if entry.mtime is None else datetime.fromtimestamp(entry.mtime, UTC).strftime("%Y%m%d%H%M.%S")
