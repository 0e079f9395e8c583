"""The ledger's tables, version by version. A version once released is never edited: add the next one."""

from __future__ import annotations

import sqlite3

from bedside.errors import LedgerError

_STEPS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE entry (
            sequence INTEGER PRIMARY KEY,
            time TEXT NOT NULL,
            run TEXT NOT NULL,
            host TEXT,
            kind TEXT NOT NULL,
            version INTEGER NOT NULL,
            payload TEXT NOT NULL,
            hash TEXT NOT NULL
        )
        """,
        "CREATE INDEX entry_by_run ON entry (run, sequence)",
    ),
)
CURRENT = len(_STEPS)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables to the current version, within the caller's transaction.

    Raises LedgerError where the ledger was written by a newer bedside.
    """
    found: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if found > CURRENT:
        raise LedgerError(
            f"the ledger has format {found}, this bedside knows {CURRENT}", advice="use the newer bedside"
        )
    for step in _STEPS[found:]:
        for statement in step:
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {CURRENT}")
