"""Keeping what a command prints: bounded in memory, whole on disk.

A stream up to the memory limit is kept as it is. Of a longer one the first and the last half of the
limit stay in memory, and the whole goes to a file that only we may read. How the bytes were cut into
packets on their way makes no difference to any of it.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from bedside.runner import OnData, OnLine, Stream

LINE_LIMIT = 64 * 1024
"""A line longer than this many bytes is handed to `on_line` in pieces."""


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    """How much output to keep, in bytes a stream. `folder` is where whole streams go; None: nowhere."""

    memory_limit: int = 1024 * 1024
    disk_limit: int = 256 * 1024 * 1024
    folder: Path | None = None


class Capture:
    """One stream of one command."""

    def __init__(self, settings: CaptureSettings, name: str) -> None:
        self._settings = settings
        self._name = name
        self._head_limit = settings.memory_limit // 2
        self._tail_limit = settings.memory_limit - self._head_limit
        self._head = b""
        self._tail = bytearray()
        self._file: BinaryIO | None = None
        self._on_disk = 0
        self.path: Path | None = None
        """The file with the whole stream (or its first `disk_limit` bytes), where there is one."""
        self.total = 0
        """Bytes seen so far."""

    @property
    def truncated(self) -> bool:
        """True when the stream is longer than the memory limit."""
        return self.total > self._settings.memory_limit

    def feed(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        was_truncated = self.truncated
        self.total += len(data)
        self._tail += data
        if not self.truncated:
            return
        if was_truncated:
            self._spill(data)
        else:
            self._open()
            self._spill(self._tail)
            self._head = bytes(self._tail[: self._head_limit])
            del self._tail[: self._head_limit]
        if len(self._tail) > 2 * self._tail_limit:
            del self._tail[: -self._tail_limit or None]

    def kept(self) -> bytes:
        """Return the stream, or its two ends with a line between that says what is left out."""
        if not self.truncated:
            return bytes(self._tail)
        left_out = self.total - self._head_limit - self._tail_limit
        tail = self._tail[len(self._tail) - self._tail_limit :]
        return self._head + f"\n[... {left_out} bytes left out{self._where()} ...]\n".encode() + tail

    def close(self) -> None:
        """Close the file; safe to call twice."""
        if self._file:
            file, self._file = self._file, None
            file.close()

    def _where(self) -> str:
        if self.path is None:
            return ""
        part = "the whole" if self._on_disk == self.total else f"the first {self._on_disk} bytes"
        return f"; {part} in {self.path}"

    def _open(self) -> None:
        if self._settings.folder is None:
            return
        try:
            self._settings.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, path = tempfile.mkstemp(prefix=f"{self._name}-", dir=self._settings.folder)
        except OSError:  # losing the middle of a flood must not fail the command; `kept` says it is lost
            return
        self._file, self.path = os.fdopen(descriptor, "wb", buffering=0), Path(path)

    def _spill(self, data: bytes | bytearray) -> None:
        if self._file is None:
            return
        try:
            self._on_disk += self._file.write(memoryview(data)[: self._settings.disk_limit - self._on_disk])
        except OSError:  # our own disk is full: what was written stays
            self.close()
        if self._on_disk < self.total:
            self.close()


class LineSplitter:
    """Cuts a stream into lines, without their ends; a line over the limit comes in pieces."""

    def __init__(self, stream: Stream, on_line: OnLine, limit: int = LINE_LIMIT) -> None:
        self._stream, self._on_line, self._limit = stream, on_line, limit
        self._rest = bytearray()

    def feed(self, data: bytes) -> None:
        """Take the next bytes; call `on_line` for each line that is now complete."""
        *ended, rest = data.split(b"\n")
        for line in ended:
            self._rest += line
            self._pieces()
            self._emit()
        self._rest += rest
        self._pieces()

    def close(self) -> None:
        """The stream is at its end: hand out a last line that had no end."""
        if self._rest:
            self._emit()

    def _pieces(self) -> None:
        while len(self._rest) > self._limit:
            self._on_line(self._stream, bytes(self._rest[: self._limit]))
            del self._rest[: self._limit]

    def _emit(self) -> None:
        line = bytes(self._rest.removesuffix(b"\r"))
        self._rest.clear()
        self._on_line(self._stream, line)


class Recorder:
    """Both streams of one command, and the callers that want to see them as they come."""

    def __init__(
        self,
        settings: CaptureSettings,
        host: str,
        *,
        on_line: OnLine | None = None,
        on_data: OnData | None = None,
    ) -> None:
        name = re.sub(r"[^A-Za-z0-9.-]", "_", host)[:64].lstrip(".")
        self.stdout = Capture(settings, f"{name}-stdout")
        self.stderr = Capture(settings, f"{name}-stderr")
        self._on_data = on_data
        self._lines = (
            {"stdout": LineSplitter("stdout", on_line), "stderr": LineSplitter("stderr", on_line)}
            if on_line else None
        )  # fmt: skip

    def feed(self, stream: Stream, data: bytes) -> None:
        """Take the next bytes of a stream."""
        (self.stdout if stream == "stdout" else self.stderr).feed(data)
        if self._on_data:
            self._on_data(stream, data)
        if self._lines:
            self._lines[stream].feed(data)

    def close(self) -> None:
        """The command has ended: hand out last lines, close files. Safe to call twice."""
        self.stdout.close()
        self.stderr.close()
        if self._lines:
            lines, self._lines = self._lines, None
            for splitter in lines.values():
                splitter.close()
