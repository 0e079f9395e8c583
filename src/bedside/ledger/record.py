"""What a run leaves in the ledger: `run.start`, one `host.outcome` a host, `run.end`."""

from __future__ import annotations

import getpass
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from bedside.ledger.store import Entry, Ledger
from bedside.model import Done, Failed, Outcome
from bedside.runner import Result

OUTPUT_LIMIT = 4096
"""How many bytes of each stream an outcome keeps; the rest is counted."""


class RunRecord:
    """The record of one `run`, `put`, `get` or `fab`. `run.start` is on disk before any host is touched."""

    def __init__(self, ledger: Ledger, verb: str, hosts: Sequence[str], what: Mapping[str, Any]) -> None:
        self.id = uuid.uuid4().hex
        self._ledger = ledger
        self._pending: list[Entry] = []
        start = {"verb": verb, "hosts": list(hosts), "by": getpass.getuser(), **what}
        ledger.append(self.id, [Entry("run.start", start)])

    def outcome(self, outcome: Outcome[Any], **more: Any) -> None:
        """Note how a host ended; on disk with the next `flush`."""
        payload: dict[str, Any] = {"seconds": round(outcome.seconds, 3), **more, **_told(outcome)}
        self._pending.append(Entry("host.outcome", payload, host=outcome.host))

    def flush(self) -> None:
        """Write the outcomes noted so far, in one transaction. Raises LedgerError."""
        if self._pending:
            self._ledger.append(self.id, self._pending)
            self._pending = []

    def end(self, **summary: Any) -> None:
        """Write what is left and `run.end`."""
        self._pending.append(Entry("run.end", summary))
        self.flush()


def _told(outcome: Outcome[Any]) -> dict[str, Any]:
    if isinstance(outcome, Failed):
        error = outcome.error
        told: dict[str, Any] = {
            "ok": False,
            "error": error.kind,
            "phase": error.phase,
            "message": error.message,
        }
        result = getattr(error, "result", None)
        return {**told, **(_result(result) if isinstance(result, Result) else {})}
    return {"ok": True, **_value(outcome)}


def _value(outcome: Done[Any]) -> dict[str, Any]:
    if isinstance(outcome.value, Result):
        return {**_result(outcome.value), "ok": outcome.value.ok}
    return (
        {}
        if outcome.value is None
        else {"value": _cut(str(outcome.value).encode("utf-8", "surrogateescape"))}
    )


def _result(result: Result) -> dict[str, Any]:
    return {
        "exit": result.exit,
        "signal": result.signal,
        "stdout": _cut(result.stdout),
        "stderr": _cut(result.stderr),
    }


def _cut(data: bytes) -> str:
    text = data[:OUTPUT_LIMIT].decode("utf-8", "backslashreplace")
    return text if len(data) <= OUTPUT_LIMIT else f"{text}… ({len(data)} bytes in all)"
