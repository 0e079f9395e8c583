from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedside.errors import LabError, UsageError
from bedside.lab import fleet, level
from bedside.lab.level import Folders, LabHost, LabState, Spec

RELEASES = st.lists(
    st.sampled_from([f"{r}{s}" for r in level.RELEASES for s in ("", "-systemd")]), min_size=1, unique=True
)


def test_names_tell_release_and_number_and_look_alikes_come_on_top() -> None:
    hosts = level.plan(Spec(hosts=4, releases=("bookworm", "trixie-systemd")), fleet.address)
    assert [host.name for host in hosts] == [
        "bookworm-01", "trixie-systemd-01", "bookworm-02", "trixie-systemd-02",
        "openwrt-01", "qnap-01", "cygwin-01", "appliance-01",
    ]  # fmt: skip
    assert [host.systemd for host in hosts[:2]] == [False, True]
    assert [host.platform for host in hosts[1:5:3]] == ["trixie-systemd", "openwrt"]


@given(st.integers(0, 300), RELEASES)
def test_hosts_spread_evenly_under_names_and_addresses_of_their_own(count: int, releases: list[str]) -> None:
    hosts = level.plan(Spec(hosts=count, releases=tuple(releases)), fleet.address)
    debian = Counter(host.platform for host in hosts if host.kind == "debian")
    assert sum(debian.values()) == count
    assert max(debian.values(), default=0) - min(map(debian.__getitem__, releases)) <= 1
    assert len({host.name for host in hosts}) == len({host.address for host in hosts}) == len(hosts)


@given(st.sets(st.integers(1, 2004), min_size=2, max_size=2))
def test_addresses_and_hardware_addresses_never_meet(numbers: set[int]) -> None:
    one, other = numbers
    assert fleet.address(one) != fleet.address(other)
    assert fleet.mac(one) != fleet.mac(other)
    octets = [int(octet) for octet in fleet.address(one)[0].split(".")]
    assert octets[:2] == [10, 77]
    assert 1 <= octets[2] <= 255
    assert 1 <= octets[3] <= 250


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (Spec(releases=("sarge",)), "no release is called 'sarge'"),
        (Spec(releases=("bookworm-sysv",)), "no release is called"),
        (Spec(releases=()), "no release is named"),
        (Spec(hosts=-1), "from 0 to 2000"),
        (Spec(hosts=2001), "from 0 to 2000"),
    ],
)
def test_impossible_fleet_is_a_usage_error(spec: Spec, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        level.plan(spec, fleet.address)


@pytest.mark.parametrize(
    ("kind", "argument", "seconds"), [("lock", "5", 5), ("lock", None, None), ("reboot", None, None)]
)
def test_fault_takes_seconds_only_where_they_mean_something(
    kind: str, argument: str | None, seconds: int | None
) -> None:
    assert level.fault_seconds(kind, argument) == seconds


@pytest.mark.parametrize(
    ("kind", "argument"),
    [("rebot", None), ("reboot", "5"), ("lock", "soon"), ("lock", "0"), ("lock", "-1"), ("lock", "86401")],
)
def test_wrong_fault_is_a_usage_error(kind: str, argument: str | None) -> None:
    with pytest.raises(UsageError):
        level.fault_seconds(kind, argument)


def test_state_comes_back_as_it_was_saved_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    folders = Folders(tmp_path / "lab", tmp_path / "cache")
    host = LabHost("bookworm-01", "debian", "bookworm", "10.77.1.2")
    state = LabState("namespaces", "up", "2026-01-01T00:00:00Z", Spec(), (host,))
    level.save(folders, state)
    assert level.read(folders) == state
    assert (folders.state / "state.json").stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in folders.state.iterdir()] == ["state.json"]


def test_no_lab_half_a_lab_and_a_broken_state_are_told_apart(tmp_path: Path) -> None:
    folders = Folders(tmp_path / "lab", tmp_path / "cache")
    assert level.read(folders) is None
    with pytest.raises(LabError, match="there is no lab"):
        level.read_up(folders)
    level.save(folders, LabState("namespaces", "starting", "2026-01-01T00:00:00Z", Spec()))
    with pytest.raises(LabError, match="not complete"):
        level.read_up(folders)
    (folders.state / "state.json").write_text("{")
    with pytest.raises(LabError, match=r"state\.json"):
        level.read_up(folders)


def test_two_commands_do_not_work_on_one_lab_at_once(tmp_path: Path) -> None:
    folders = Folders(tmp_path / "lab", tmp_path / "cache")
    with level.only_one(folders), pytest.raises(LabError, match="another"), level.only_one(folders):
        pass
    with level.only_one(folders):
        pass


def test_unknown_host_of_a_lab_is_named_with_those_there_are() -> None:
    host = LabHost("bookworm-01", "debian", "bookworm", "10.77.1.2")
    state = LabState("namespaces", "up", "2026-01-01T00:00:00Z", Spec(), (host,))
    with pytest.raises(UsageError, match="bookworm-01"):
        state.host("bookwurm-01")
