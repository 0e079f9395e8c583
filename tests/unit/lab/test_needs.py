from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from bedside.errors import LabError
from bedside.lab import level, needs, proc
from bedside.lab.level import Folders


def test_without_root_the_command_to_type_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(proc, "on_path", lambda program: f"/usr/bin/{program}")
    assert "apt-get install --no-install-recommends gcc npm" in needs.obstacle(["gcc", "npm"])
    assert needs.obstacle([]) == ""


async def test_without_root_nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    said: list[str] = []
    with pytest.raises(LabError, match="gcc"):
        await needs.install(["gcc"], said.append)
    assert said == []


def test_without_root_the_simulated_level_is_chosen_and_the_reason_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    folders = Folders(tmp_path / "lab", tmp_path / "cache")
    chosen, why = level.choose(None, folders, {})
    assert chosen.name == "simulated"
    assert why == "namespaces can't be used here: it needs root"
    with pytest.raises(LabError, match=r"needs root; .*--level simulated"):
        level.choose("namespaces", folders, {})


def test_missing_programs_are_told_as_packages() -> None:
    assert needs.missing({"no-such-program": "some-package", "sh": "dash"})[:1] == ["some-package"]


def test_services_are_denied_only_while_we_live(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    monkeypatch.setattr(needs, "_POLICY", policy)

    def asked() -> int:
        return subprocess.run([str(policy), "icinga2", "start"]).returncode

    with needs._no_services():
        assert asked() == 101
    assert not policy.exists()
    with subprocess.Popen(["true"]) as gone:
        pass
    monkeypatch.setattr(os, "getpid", lambda: gone.pid)
    with needs._no_services():
        assert asked() == 0, "whoever denied it was killed"
        assert not policy.exists(), "and what it left is gone"


def test_machines_own_policy_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    policy = tmp_path / "policy-rc.d"
    policy.write_text("theirs")
    monkeypatch.setattr(needs, "_POLICY", policy)
    with needs._no_services():
        assert policy.read_text() == "theirs"
    assert policy.read_text() == "theirs"


def test_unknown_group_ends_with_a_usage_status(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert needs.main(["--install", "nonsense"]) == 2
