"""The ledger's tables, version by version. A version once released is never edited: add the next one."""

from __future__ import annotations

from sqlalchemy import Connection, text

from bedside.errors import LedgerError

_STEPS: tuple[tuple[str, ...], ...] = (
    (
        """
        CREATE TABLE entry (
            sequence BIGINT PRIMARY KEY,
            time VARCHAR(40) NOT NULL,
            run VARCHAR(64) NOT NULL,
            host TEXT,
            kind VARCHAR(64) NOT NULL,
            version INTEGER NOT NULL,
            payload TEXT NOT NULL,
            hash CHAR(64) NOT NULL
        )
        """,
        "CREATE INDEX entry_by_run ON entry (run, sequence)",
    ),
)
CURRENT = len(_STEPS)


def migrate(connection: Connection) -> None:
    """Bring the tables to the current version, within the caller's transaction.

    Raises LedgerError where the ledger was written by a newer bedside.
    """
    connection.execute(text("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER NOT NULL)"))
    found = connection.execute(text("SELECT max(version) FROM schema_version")).scalar() or 0
    if found > CURRENT:
        raise LedgerError(
            f"the ledger has format {found}, this bedside knows {CURRENT}", advice="use the newer bedside"
        )
    for version in range(found, CURRENT):
        for statement in _STEPS[version]:
            connection.execute(text(statement))
        connection.execute(text("INSERT INTO schema_version VALUES (:v)"), {"v": version + 1})
