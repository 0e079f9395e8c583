"""The ledger's store: SQLite in WAL mode with synchronous=FULL, so that what is appended has reached the
disk when `append` returns.

It speaks to the driver of the standard library: an ORM's or a toolkit's import took 0.22 s, a third of
the start of every command that acts. A store for a shared database server comes beside it, loaded only
where the configuration names one.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from bedside.clock import Clock
from bedside.errors import LedgerError
from bedside.ledger.envelope import FIRST, Envelope, canonical, chained
from bedside.ledger.migrations import migrate

BUSY_LIMIT = 10.0
"""Seconds to wait for another bedside that is writing."""
_COLUMNS = ("sequence", "time", "run", "host", "kind", "version", "payload", "hash")
_INSERT = f"INSERT INTO entry VALUES ({', '.join(f':{name}' for name in _COLUMNS)})"  # noqa: S608
SCHEME = "sqlite:///"


class LedgerSection(msgspec.Struct, forbid_unknown_fields=True):
    """`[ledger]` of the configuration: `url = "sqlite:///PATH"`; by default a file in the state folder."""

    url: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be appended: who emits it says kind, payload and the payload's version."""

    kind: str
    payload: Mapping[str, Any]
    host: str | None = None
    version: int = 1


class Ledger:
    """An open ledger. Its methods block for a disk write each."""

    def __init__(self, connection: sqlite3.Connection, where: Path, clock: Clock) -> None:
        self._connection, self._where, self._clock = connection, where, clock

    def append(self, run: str, entries: Iterable[Entry]) -> list[Envelope]:
        """Append entries of one run, all or none, durably; return their envelopes. Raises LedgerError."""
        with _transaction(self._connection, self._where):
            last = self._connection.execute(
                "SELECT sequence, hash FROM entry ORDER BY sequence DESC LIMIT 1"
            ).fetchone()
            sequence, before = last or (0, FIRST)
            envelopes = []
            for entry in entries:
                sequence += 1
                values: dict[str, Any] = {
                    "sequence": sequence,
                    "time": self._clock.now().isoformat(timespec="milliseconds"),
                    "run": run,
                    "host": entry.host,
                    "kind": entry.kind,
                    "version": entry.version,
                    "payload": canonical(entry.payload),
                }
                before = chained(before, **values)
                self._connection.execute(_INSERT, {**values, "hash": before})
                envelopes.append(Envelope(**{**values, "payload": entry.payload}, hash=before))
            return envelopes

    def entries(self, run: str | None = None, *, after: int = 0) -> Iterator[Envelope]:
        """Yield the entries (of one run) in order, those after sequence number `after`."""
        query = "SELECT * FROM entry WHERE sequence > ? AND (? IS NULL OR run = ?) ORDER BY sequence"
        with _told(self._where):
            for row in self._connection.execute(query, (after, run, run)):
                values = dict(zip(_COLUMNS, row, strict=True))
                yield Envelope(**{**values, "payload": json.loads(values["payload"])})

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def open_ledger(url: str | None, default: Path, clock: Clock) -> Ledger:
    """Open the ledger at `url`, or in the file `default`, and migrate it. Raises LedgerError."""
    if url is not None and not url.startswith(SCHEME):
        raise LedgerError("[ledger] url is of no kind that is known", advice='write "sqlite:///PATH"')
    path = Path(url.removeprefix(SCHEME)).expanduser() if url else default
    _touch(path)
    with _told(path):
        connection = sqlite3.connect(path, timeout=BUSY_LIMIT, isolation_level=None)
        try:
            for pragma in ("journal_mode=WAL", "synchronous=FULL"):
                connection.execute(f"PRAGMA {pragma}").close()
            with _transaction(connection, path):
                migrate(connection)
        except BaseException:
            connection.close()
            raise
    return Ledger(connection, path, clock)


def _touch(path: Path) -> None:
    """Make the file as 0600 before SQLite would make it as the umask says."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise LedgerError(
            f"the ledger {path} can't be opened: {error.strerror}",
            advice="nothing was done on any host; free the disk or set [ledger] url",
        ) from None


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection, where: Path) -> Iterator[None]:
    """All or nothing. It locks at once: two runs must not read the same last entry."""
    with _told(where):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise


@contextlib.contextmanager
def _told(where: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise LedgerError(
            f"the ledger {where} can't be used: {error}", advice="free the disk or set [ledger] url"
        ) from None
