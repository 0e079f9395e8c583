from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from bedside.errors import LabError
from bedside.lab import anchor, proc


async def test_output_comes_back_and_input_goes_in() -> None:
    assert await proc.run(["cat"], what="cat", timeout=10, stdin=b"words") == "words"


async def test_failure_names_what_failed_and_its_last_lines() -> None:
    script = "echo one; echo two >&2; echo three >&2; exit 3"
    with pytest.raises(LabError, match=r"building failed \(status 3\): two \| three"):
        await proc.run(["sh", "-c", script], what="building", timeout=10)


async def test_script_with_a_message_of_its_own_is_quoted_alone() -> None:
    with pytest.raises(LabError) as raised:
        await proc.run(["sh", "-c", f"echo web1 is off >&2; exit {proc.SAID}"], what="x", timeout=10)
    assert str(raised.value) == "web1 is off"


async def test_program_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    with pytest.raises(LabError, match="building took longer than"):
        await proc.run(["sh", "-c", f"sleep 1000 & echo $! >{pid}; wait"], what="building", timeout=0.5)
    child = Path(f"/proc/{pid.read_text().strip()}")
    async with asyncio.timeout(10):
        while child.exists() and "Z" not in (child / "stat").read_text().rpartition(")")[2]:
            await asyncio.sleep(0)


async def test_program_that_is_not_there_is_a_lab_error() -> None:
    with pytest.raises(LabError, match="no-such-program can't be started"):
        await proc.run(["no-such-program"], what="x", timeout=10)


def test_anchor_is_only_a_process_that_says_so(tmp_path: Path) -> None:
    assert anchor.find(tmp_path) is None
    (tmp_path / "anchor.pid").write_text(f"{os.getpid()}\n")  # a pid that is another program's by now
    assert anchor.find(tmp_path) is None
    (tmp_path / "anchor.pid").write_text("half a li")
    assert anchor.find(tmp_path) is None


def test_each_lab_folder_has_a_bridge_of_its_own() -> None:
    names = {anchor.bridge(Path(f"/home/u{n}/.local/state/bedside/lab")) for n in range(100)}
    assert len(names) == 100
    assert all(len(name) < 16 for name in names), "the kernel takes 15 characters"


async def test_waiting_in_vain_is_bounded_and_says_for_what() -> None:
    with pytest.raises(LabError, match="in vain for the moon"):
        await anchor.until(lambda: False, 0.05, "the moon")
