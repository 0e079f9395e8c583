from __future__ import annotations

import stat
import threading
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedside.config import Config
from bedside.errors import ConfigError
from bedside.inventory import exclusions
from bedside.inventory.exclusions import Entry
from bedside.model import Host

NOW = datetime(2026, 1, 10, 12, tzinfo=UTC)


def entry(host: str = "nas-01", **more: object) -> Entry:
    return Entry(**{"host": host, "reason": "the vendor's", "by": "ops", **more})  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "exclusions.toml"


def test_what_is_added_is_read_again_and_the_file_is_private(path: Path) -> None:
    exclusions.add(path, entry("a"))
    exclusions.add(path, entry("b", reason='it\'s "odd" \\ \x7f\n', until="2030-01-01"))
    assert [e.host for e in exclusions.load(path).entries] == ["a", "b"]
    assert exclusions.load(path).entries[1].reason == 'it\'s "odd" \\ \x7f\n'
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in path.parent.iterdir()] == ["exclusions.toml"]


@given(st.text(st.characters(max_codepoint=300), max_size=20))
def test_any_reason_can_be_written(tmp_path_factory: pytest.TempPathFactory, reason: str) -> None:
    path = tmp_path_factory.mktemp("x") / "exclusions.toml"
    exclusions.add(path, entry(reason=reason))
    assert exclusions.load(path).entries == (entry(reason=reason),)


def test_comments_and_odd_layout_survive_a_change(path: Path) -> None:
    path.write_text(
        "# ours\n[[exclude]]\nhost='a'\nreason='r'\nby='x'\n\n# about b\n"
        "[[exclude]]\nhost='b'\nreason='r'\nby='x'"
    )
    exclusions.add(path, entry("c"))
    assert exclusions.remove(path, lambda e: e.host == "a") == [entry("a", reason="r", by="x")]
    assert path.read_text().startswith("# ours\n# about b\n[[exclude]]\nhost='b'")
    assert [e.host for e in exclusions.load(path).entries] == ["b", "c"]


def test_a_layout_that_can_not_be_changed_safely_is_left_alone(path: Path) -> None:
    text = "exclude = [ { host = 'a', reason = 'r', by = 'x' }, { host = 'b', reason = 'r', by = 'x' } ]\n"
    path.write_text(text)
    for change in (
        lambda: exclusions.add(path, entry()),
        lambda: exclusions.remove(path, lambda e: e.host == "a"),
    ):
        with pytest.raises(ConfigError, match="in an editor"):
            change()
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[[exclude]]\nhost = 'a'\nreason = \n", 3),
        ("[[exclude]]\nhost = 'a'\nreason = 'r'\nby = 'x'\n[[exclude]]\nhsot = 'b'\n", 6),
        ("[[exclude]]\nhost = 'a'\nreason = 'r'\nby = 'x'\nquery = 'all'\n", 1),
        ("[[exclude]]\nquery = 'nme = a'\nreason = 'r'\nby = 'x'\n", 2),
        ("[[exclude]]\nhost = 'a'\nreason = 'r'\nby = 'x'\nuntil = 'soon'\n", 5),
    ],
)
def test_a_broken_file_is_told_with_its_line_and_loses_nothing(path: Path, text: str, line: int) -> None:
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        exclusions.add(path, entry())
    assert caught.value.line == line
    assert path.read_text() == text


def test_changes_at_the_same_time_are_all_kept(path: Path) -> None:
    names = [f"host{n}" for n in range(12)]
    threads = [threading.Thread(target=exclusions.add, args=(path, entry(name))) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(e.host or "" for e in exclusions.load(path).entries) == sorted(names)


@pytest.mark.parametrize(
    ("until", "holds"),
    [
        (None, True), ("2026-01-10", True), ("2026-01-09", False), (date(2026, 1, 11), True),
        ("2026-01-10T12:00:00+00:00", False), ("2026-01-10T12:30:00+00:00", True),
        (datetime(2026, 1, 10, 13), True),  # noqa: DTZ001 (a local time of TOML)
    ],
)  # fmt: skip
def test_until_is_the_last_day_or_the_very_moment(until: object, holds: bool) -> None:
    found = exclusions.Exclusions(Path("x"), (entry(until=until),), (None,))
    assert (found.judge(Host("nas-01"), NOW) is not None) is holds


def test_a_host_is_meant_by_name_address_or_query(path: Path) -> None:
    exclusions.add(path, entry("NAS-01"))
    exclusions.add(path, entry("10.0.0.9"))
    exclusions.add(path, Entry(query="tag = frozen", reason="freeze", by="ops"))
    found = exclusions.load(path)
    for host in (Host("nas-01"), Host("x", address="10.0.0.9"), Host("y", tags=("frozen",))):
        assert found.judge(host, NOW)
    assert found.judge(Host("web1"), NOW) is None


def test_the_file_stands_beside_the_configuration_or_in_the_users_own_folder(tmp_path: Path) -> None:
    assert exclusions.place(Config(tmp_path / "bedside.toml"), {}) == tmp_path / "exclusions.toml"
    assert exclusions.place(Config(), {"XDG_CONFIG_HOME": "/c"}) == Path("/c/bedside/exclusions.toml")
