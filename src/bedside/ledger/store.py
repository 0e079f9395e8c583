"""The ledger's store: SQLAlchemy Core; SQLite in WAL mode with synchronous=FULL, so that what is
appended has reached the disk when `append` returns."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, RowMapping, create_engine, event, text
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from bedside.clock import Clock
from bedside.errors import LedgerError
from bedside.ledger.envelope import FIRST, Envelope, canonical, chained
from bedside.ledger.migrations import migrate

_INSERT = text(
    "INSERT INTO entry (sequence, time, run, host, kind, version, payload, hash)"
    " VALUES (:sequence, :time, :run, :host, :kind, :version, :payload, :hash)"
)


class LedgerSection(msgspec.Struct, forbid_unknown_fields=True):
    """`[ledger]` of the configuration: an SQLAlchemy URL; by default SQLite in the state folder."""

    url: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be appended: who emits it says kind, payload and the payload's version."""

    kind: str
    payload: Mapping[str, Any]
    host: str | None = None
    version: int = 1


class Ledger:
    """An open ledger. Its methods block for a disk write each: call them from a thread, or between waits."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine, self._clock = engine, clock

    def append(self, run: str, entries: Iterable[Entry]) -> list[Envelope]:
        """Append entries of one run, all or none, durably; return their envelopes. Raises LedgerError."""
        with self._transaction() as connection:
            last = connection.execute(
                text("SELECT sequence, hash FROM entry ORDER BY sequence DESC LIMIT 1")
            ).one_or_none()
            sequence, before = (last[0], last[1]) if last else (0, FIRST)
            envelopes = []
            for entry in entries:
                sequence += 1
                time = self._clock.now().isoformat(timespec="milliseconds")
                values: dict[str, Any] = {
                    "sequence": sequence, "time": time, "run": run, "host": entry.host,
                    "kind": entry.kind, "version": entry.version, "payload": canonical(entry.payload),
                }  # fmt: skip
                before = chained(before, **values)
                connection.execute(_INSERT, {**values, "hash": before})
                envelopes.append(Envelope(**{**values, "payload": entry.payload}, hash=before))
            return envelopes

    def entries(self, run: str | None = None, *, after: int = 0) -> Iterator[Envelope]:
        """Yield the entries (of one run) in order, those after sequence number `after`."""
        where = "WHERE sequence > :after" + (" AND run = :run" if run else "")
        query = text(f"SELECT * FROM entry {where} ORDER BY sequence")  # noqa: S608 (only our own words)
        with self._transaction() as connection:
            for row in connection.execute(query, {"after": after, "run": run}).mappings():
                yield _envelope(row)

    def close(self) -> None:
        """Close the store's connections."""
        self._engine.dispose()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise _unusable(self._engine.url.render_as_string(hide_password=True), error) from None


def open_ledger(url: str | None, default: Path, clock: Clock) -> Ledger:
    """Open the ledger at `url`, or in the file `default`, and migrate it. Raises LedgerError."""
    if url is None or url.startswith("sqlite:"):
        path = Path(url.removeprefix("sqlite:///")).expanduser() if url else default
        _touch(path)
        url = f"sqlite:///{path}"
    try:
        engine = create_engine(url)
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _set_up_sqlite)
            event.listen(engine, "begin", _begin_immediately)
        with engine.begin() as connection:
            migrate(connection)
    except ArgumentError:
        raise LedgerError("[ledger] url is no database URL", advice='write "sqlite:///PATH"') from None
    except (SQLAlchemyError, ImportError) as error:
        raise _unusable(url if url.startswith("sqlite:") else url.partition("@")[2], error) from None
    return Ledger(engine, clock)


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


def _set_up_sqlite(connection: Any, _: object) -> None:
    # The driver would begin its transactions late, and two runs could read the same last entry.
    connection.isolation_level = None
    for pragma in ("busy_timeout=10000", "journal_mode=WAL", "synchronous=FULL"):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_immediately(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _unusable(where: str, error: Exception) -> LedgerError:
    cause = getattr(error, "orig", None) or error
    return LedgerError(
        f"the ledger {where} can't be used: {cause}", advice="free the disk or set [ledger] url"
    )


def _envelope(row: RowMapping) -> Envelope:
    return Envelope(**{**row, "payload": json.loads(row["payload"])})
