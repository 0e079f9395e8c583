"""The parts of copying that need no host."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedside.ssh import cat, local
from bedside.ssh.remote import Entry, Refused, beside, checked_name, has_magic

SHELLS = [
    shell for shell in ("dash", "bash", "busybox", "mksh", "zsh", "yash", "posh") if shutil.which(shell)
]
SCRIPTS = sorted(file.name for file in resources.files("bedside.ssh").iterdir() if file.name.endswith(".sh"))


@given(st.integers(0, 0o7777))
def test_modes_are_read_as_ls_writes_them(mode: int) -> None:
    assert cat._mode(stat.filemode(stat.S_IFREG | mode).encode()) == mode


@given(st.integers(0, 2**32))
def test_times_are_written_as_touch_reads_them(time: int) -> None:
    stamp = cat._time(Entry("file", 0, 0, time))
    assert len(stamp) == 15
    assert stamp[12] == "."


@pytest.mark.parametrize("time", [0, 951_782_399, 1_700_000_000])
def test_touch_sets_the_time_that_was_meant(tmp_path: Path, time: int) -> None:
    stamp = cat._time(Entry("file", 0, 0, time))
    subprocess.run(["touch", "-t", stamp, tmp_path / "x"], env=os.environ | {"TZ": "UTC0"}, check=True)
    assert (tmp_path / "x").stat().st_mtime == time


@pytest.mark.parametrize("record", [b"", b"file", b"file x y z w", b"file -rw- 1 soon x"])
def test_an_answer_that_makes_no_sense_is_refused(record: bytes) -> None:
    with pytest.raises(Refused):
        cat._record(record)


def test_scripts_travel_without_their_comments() -> None:
    for name in SCRIPTS:
        script = cat._script(name.removeprefix("cat_").removesuffix(".sh"))
        assert "# " not in script
        assert len(script) < 1000  # dropbear takes 9000 bytes of command, older ones less


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("name", SCRIPTS)
def test_every_shell_can_read_the_scripts(shell: str, name: str) -> None:
    command = [shell, "sh", "-n"] if shell == "busybox" else [shell, "-n"]
    with resources.as_file(resources.files("bedside.ssh") / name) as path:
        assert subprocess.run([*command, path], capture_output=True).stderr == b""


@given(st.binary(min_size=1, max_size=255).filter(lambda name: b"/" not in name and b"\0" not in name))
def test_the_unfinished_file_is_beside_and_its_name_fits(name: bytes) -> None:
    folder, _, temp = beside(b"/some/folder/" + name).rpartition(b"/")
    assert folder == b"/some/folder"
    assert temp.startswith(b".")
    assert len(temp) <= 255
    assert temp != beside(b"/some/folder/" + name).rpartition(b"/")[2]


@pytest.mark.parametrize("name", [b"", b".", b"..", b"a/b", b"/", b"a\0"])
def test_names_that_lead_elsewhere_are_refused(name: bytes) -> None:
    with pytest.raises(Refused):
        checked_name(name, b"/folder")


@pytest.mark.parametrize(
    ("path", "magic"), [(b"a*", True), (b"a?", True), (b"[a]", True), (b"a]{b}~", False)]
)
def test_globs_are_told_from_names(path: bytes, magic: bool) -> None:
    assert has_magic(path) == magic


def test_a_local_name_with_magic_in_it_is_taken_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "[a]").write_text("")
    (tmp_path / "a").write_text("")
    assert local.find(f"{tmp_path}/[a]") == [bytes(tmp_path / "[a]")]
    assert local.find(f"{tmp_path}/?") == [bytes(tmp_path / "a")]


def test_a_name_is_found_behind_dots_and_slashes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert local.name_of(b".") == os.fsencode(tmp_path.name)
    assert local.name_of(b"a/b/") == b"b"
