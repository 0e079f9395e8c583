import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bedside.clock import SystemClock
from bedside.errors import LedgerError, Unreachable
from bedside.ledger import Ledger, RunRecord, open_ledger
from bedside.ledger.envelope import FIRST, canonical, chained
from bedside.ledger.store import Entry
from bedside.model import Done, Failed
from bedside.runner import Result


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    opened = open_ledger(None, tmp_path / "state/ledger.db", SystemClock())
    yield opened
    opened.close()


def test_entries_come_back_in_order_and_chained(ledger: Ledger) -> None:
    ledger.append("r1", [Entry("run.start", {"b": 1, "a": "ä"}), Entry("host.outcome", {}, host="h")])
    ledger.append("r2", [Entry("run.start", {})])
    entries = list(ledger.entries())
    assert [e.sequence for e in entries] == [1, 2, 3]
    before = FIRST
    for entry in entries:
        before = chained(
            before,
            sequence=entry.sequence,
            time=entry.time,
            run=entry.run,
            host=entry.host,
            kind=entry.kind,
            version=entry.version,
            payload=canonical(entry.payload),
        )
        assert entry.hash == before
    assert [e.sequence for e in ledger.entries("r1")] == [1, 2]
    assert [e.sequence for e in ledger.entries(after=2)] == [3]


def test_the_file_is_for_its_owner_alone(ledger: Ledger, tmp_path: Path) -> None:
    ledger.append("r", [Entry("k", {})])
    files = list((tmp_path / "state").iterdir())
    assert files
    assert all(f.stat().st_mode & 0o077 == 0 for f in files)


def test_runs_side_by_side_share_one_chain_without_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    open_ledger(None, path, SystemClock()).close()

    def write(number: int) -> None:
        one = open_ledger(None, path, SystemClock())
        for _ in range(10):
            one.append(f"r{number}", [Entry("k", {}), Entry("k", {})])
        one.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    ledger = open_ledger(None, path, SystemClock())
    assert [e.sequence for e in ledger.entries()] == list(range(1, 81))
    ledger.close()


def test_a_ledger_of_a_newer_bedside_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    open_ledger(None, path, SystemClock()).close()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(LedgerError, match="format 99"):
        open_ledger(None, path, SystemClock())


def test_a_file_that_is_no_ledger_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_text("my holiday pictures, all of them, and more than a page of them" * 100)
    before = path.read_bytes()
    with pytest.raises(LedgerError, match="can't be used"):
        open_ledger(None, path, SystemClock())
    assert path.read_bytes() == before


@pytest.mark.parametrize("url", ["nonsense", "sqlite:////proc/none/ledger.db", "nosuch://a/b"])
def test_a_ledger_that_cannot_be_had_is_a_clear_error(url: str, tmp_path: Path) -> None:
    with pytest.raises(LedgerError):
        open_ledger(url, tmp_path / "x.db", SystemClock())


def test_a_run_leaves_start_outcomes_and_end(ledger: Ledger) -> None:
    record = RunRecord(ledger, "run", ["a", "b"], {"command": "id"})
    assert [e.kind for e in ledger.entries()] == ["run.start"]
    record.outcome(Done("a", Result("a", "id", 1, None, b"x" * 9000, b"\xff", 0.5), 0.5))
    record.outcome(Failed("b", Unreachable("no", reason="refused", host="b"), 0.1))
    record.end(ok=0, failed=2)
    start, a, b, end = ledger.entries(record.id)
    assert start.payload["hosts"] == ["a", "b"]
    assert (a.host, a.payload["ok"], a.payload["exit"], a.payload["stderr"]) == ("a", False, 1, "\\xff")
    assert a.payload["stdout"].endswith("(9000 bytes in all)")
    assert (b.payload["error"], b.payload["phase"]) == ("unreachable", "connect")
    assert (end.kind, end.payload["failed"]) == ("run.end", 2)
