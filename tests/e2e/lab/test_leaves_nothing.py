"""Whatever happens to a namespaces lab, nothing of it stays on the machine."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.cli import Cli
from tests.support.labs import make, processes, until

from bedside.config import xdg
from bedside.lab import anchor

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]  # a first lab makes Debian roots


@dataclass
class Desk:
    """A user with a state folder of his own, and the machine's cache."""

    cli: Cli
    state: Path

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start `bedside lab up` with two hosts."""
        return self.cli.start("lab", "up", "--hosts", "2", "--releases", "bookworm", *words)

    def up(self) -> None:
        """Raise a lab of two hosts."""
        ended = self.cli("lab", "up", "--hosts", "2", "--releases", "bookworm", "--level", "namespaces")
        assert ended.status == 0, ended.err

    def left(self) -> list[str]:
        """Return what is left of the lab, in words."""
        name = anchor.bridge(self.state)
        found = [f"process {pid}" for pid in processes(self.state)]
        found += [f"process {pid} in its network" for pid in anchor.users(name)]
        found += [f"mount {line}" for line in own_mounts() if str(self.state) in line or name in line]
        found += [f"control group {group}" for group in control_groups(name)]
        found += [str(self.state)] if self.state.exists() else []
        return found


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    make("namespaces", tmp_path)  # skips where this machine can't
    environ = {"XDG_STATE_HOME": str(tmp_path), "XDG_CACHE_HOME": str(xdg("cache", os.environ).parent)}
    cli = Cli(tmp_path, tmp_path / "none.toml", environ)
    desk = Desk(cli, tmp_path / "bedside" / "lab")
    before = own_mounts(), own_interfaces()
    yield desk
    ended = cli("lab", "down")
    assert ended.status == 0, ended.err
    assert desk.left() == []
    assert (own_mounts(), own_interfaces()) == before, "the machine's own namespaces stay untouched"


def own_mounts() -> list[str]:
    return [line.partition(" ")[2] for line in Path("/proc/self/mountinfo").read_text().splitlines()]


def own_interfaces() -> list[str]:
    return sorted(entry.name for entry in Path("/sys/class/net").iterdir())


def control_groups(name: str) -> list[str]:
    roots = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()
             if " - cgroup2 " in line]  # fmt: skip
    return [str(Path(root) / name) for root in roots if (Path(root) / name).exists()]


def began(desk: Desk, what: str) -> Callable[[], bool]:
    """Return a condition: `up` has come as far as making `what` in the lab's folder."""
    return (desk.state / what).exists


def test_down_leaves_nothing_and_again_is_fine(desk: Desk) -> None:
    desk.up()
    assert desk.cli("lab", "down").status == 0
    assert desk.left() == []
    again = desk.cli("lab", "down")
    assert (again.status, again.err) == (0, "there is no lab\n")


@pytest.mark.parametrize(
    "moment", ["state.json", "anchor.pid", "log/couchdb", "hosts/bookworm-02", "log/icinga"]
)
def test_killed_up_is_cleared_by_down(desk: Desk, moment: str) -> None:
    with desk.start() as going:
        assert until(began(desk, moment))
        going.kill()
    assert desk.cli("lab", "status").status == 1
    assert desk.cli("lab", "down").status == 0
    assert desk.left() == []


def test_killed_up_is_cleared_by_the_next_up(desk: Desk) -> None:
    with desk.start() as going:
        assert until(began(desk, "hosts/bookworm-01"))
        going.kill()
    desk.up()
    assert desk.cli("lab", "ssh", "bookworm-02", "hostname").out == "bookworm-02\n"


def test_interrupted_up_says_how_to_clear_and_down_does(desk: Desk) -> None:
    with desk.start() as going:
        assert until(began(desk, "anchor.pid"))
        going.send_signal(signal.SIGINT)
        _, said = going.communicate(timeout=60)
    assert going.returncode == 130
    assert "bedside lab down" in said
    assert desk.cli("lab", "down").status == 0
    assert desk.left() == []


@pytest.mark.parametrize("part", ["outer", "inner"])
def test_killed_anchor_takes_all_along_and_the_next_up_works(desk: Desk, part: str) -> None:
    desk.up()
    found = anchor.find(desk.state)
    assert found is not None
    os.kill(getattr(found, part), signal.SIGKILL)
    assert until(lambda: not processes(desk.state))
    dead = desk.cli("lab", "status")
    assert dead.status == 1
    assert "bedside lab down" in dead.err
    desk.up()
    assert desk.cli("lab", "ssh", "bookworm-01", "hostname").out == "bookworm-01\n"


def test_down_ends_what_still_uses_the_network(desk: Desk) -> None:
    desk.up()
    with desk.cli.start("lab", "exec", "--", "sleep", "1000") as sleeper:
        assert until(lambda: sleeper.pid in anchor.users(anchor.bridge(desk.state)))
        assert desk.cli("lab", "down").status == 0
        assert sleeper.wait(10) == -signal.SIGKILL
    assert desk.left() == []


def test_hosts_with_systemd_leave_no_control_group(desk: Desk) -> None:
    ended = desk.cli("lab", "up", "--hosts", "1", "--releases", "bookworm-systemd", "--no-lookalikes")
    assert ended.status == 0, ended.err
    told = desk.cli("lab", "ssh", "bookworm-systemd-01", "systemctl is-system-running --wait")
    assert told.out == "running\n"
    assert desk.cli("lab", "down").status == 0
    assert desk.left() == []


def test_lab_of_twenty_from_a_warm_cache_takes_less_than_ten_seconds(desk: Desk) -> None:
    desk.up()  # warms the cache
    desk.cli("lab", "down")
    started = time.monotonic()
    ended = desk.cli("lab", "up", "--hosts", "20", "--releases", "bookworm")
    assert ended.status == 0, ended.err
    assert time.monotonic() - started < 10
