"""What is kept of a stream does not depend on how it was cut into packets."""

from __future__ import annotations

import stat
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from bedside.runner import Stream
from bedside.ssh.capture import Capture, CaptureSettings, LineSplitter, Recorder

chunks = st.lists(st.binary(max_size=40), max_size=20)


def captured(pieces: list[bytes], settings: CaptureSettings) -> Capture:
    capture = Capture(settings, "host-stdout")
    for piece in pieces:
        capture.feed(piece)
    capture.close()
    return capture


def lines(pieces: list[bytes], limit: int) -> list[bytes]:
    found: list[bytes] = []
    splitter = LineSplitter("stdout", lambda _, line: found.append(line), limit)
    for piece in pieces:
        splitter.feed(piece)
    splitter.close()
    return found


@given(chunks, st.integers(0, 60))
def test_the_ends_are_the_same_however_the_stream_is_cut(pieces: list[bytes], limit: int) -> None:
    settings = CaptureSettings(memory_limit=limit)
    whole = b"".join(pieces)
    kept = captured(pieces, settings).kept()
    assert kept == captured([whole], settings).kept()
    if len(whole) <= limit:
        assert kept == whole
    else:
        head, tail = whole[: limit // 2], whole[len(whole) - (limit - limit // 2) :]
        assert kept == head + f"\n[... {len(whole) - limit} bytes left out ...]\n".encode() + tail


@given(chunks, st.integers(0, 60))
def test_the_file_holds_the_whole_stream(pieces: list[bytes], limit: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = CaptureSettings(memory_limit=limit, folder=Path(folder) / "output")
        capture = captured(pieces, settings)
        whole = b"".join(pieces)
        assert (capture.path is not None) == capture.truncated == (len(whole) > limit)
        if capture.path:
            assert capture.path.read_bytes() == whole
            assert stat.S_IMODE(capture.path.stat().st_mode) == 0o600
            assert b"the whole in " in capture.kept()


@given(chunks, st.integers(0, 60), st.integers(0, 200))
def test_the_file_stays_below_its_limit(pieces: list[bytes], limit: int, disk: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = CaptureSettings(memory_limit=limit, disk_limit=disk, folder=Path(folder))
        capture = captured(pieces, settings)
        if capture.path:
            assert capture.path.read_bytes() == b"".join(pieces)[:disk]


def test_memory_stays_bounded_in_a_flood() -> None:
    capture = Capture(CaptureSettings(memory_limit=1000), "h")
    for _ in range(1000):
        capture.feed(b"y\n" * 1000)
        assert len(capture._tail) <= 3000
    assert capture.total == 2_000_000
    assert len(capture.kept()) < 1100


def test_a_folder_that_can_not_be_written_loses_only_the_middle(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = CaptureSettings(memory_limit=4, folder=tmp_path / "file" / "folder")
    assert captured([b"abcdefgh"], settings).kept() == b"ab\n[... 4 bytes left out ...]\ngh"


def test_a_full_disk_keeps_what_was_written() -> None:
    settings = CaptureSettings(memory_limit=4)
    capture = Capture(settings, "h")
    with Path("/dev/full").open("wb", buffering=0) as full:
        capture.feed(b"abc")
        capture._open = lambda: setattr(capture, "_file", full)  # type: ignore[method-assign]
        capture.feed(b"defgh")
        capture.feed(b"ijk")
        capture.close()
    assert capture.kept() == b"ab\n[... 7 bytes left out ...]\njk"


@given(chunks, st.integers(1, 30))
def test_lines_are_the_same_however_the_stream_is_cut(pieces: list[bytes], limit: int) -> None:
    whole = b"".join(pieces)
    found = lines(pieces, limit)
    assert found == lines([whole], limit)
    assert all(len(line) <= limit for line in found)
    assert b"".join(found) == whole.replace(b"\r\n", b"\n").replace(b"\n", b"") or b"\r" in whole


def test_lines_lose_their_ends() -> None:
    assert lines([b"a\r\nb\n\nc"], 100) == [b"a", b"b", b"", b"c"]


def test_a_line_without_end_comes_in_pieces_at_once() -> None:
    found: list[bytes] = []
    splitter = LineSplitter("stderr", lambda _, line: found.append(line), 3)
    splitter.feed(b"abcdefgh")
    assert found == [b"abc", b"def"]


def test_a_recorder_keeps_streams_apart_and_tells_both_kinds_of_callers(tmp_path: Path) -> None:
    seen: list[tuple[Stream, bytes]] = []
    raw: list[tuple[Stream, bytes]] = []
    recorder = Recorder(
        CaptureSettings(memory_limit=3, folder=tmp_path),
        "../ops@host:22",
        on_line=lambda stream, line: seen.append((stream, line)),
        on_data=lambda stream, data: raw.append((stream, data)),
    )
    recorder.feed("stdout", b"one\ntw")
    recorder.feed("stderr", b"err")
    recorder.feed("stdout", b"o")
    recorder.close()
    recorder.close()
    assert seen == [("stdout", b"one"), ("stdout", b"two"), ("stderr", b"err")]
    assert raw == [("stdout", b"one\ntw"), ("stderr", b"err"), ("stdout", b"o")]
    assert recorder.stderr.kept() == b"err"
    path = recorder.stdout.path
    assert path is not None
    assert path.parent == tmp_path
    assert path.name.startswith("_ops_host_22-stdout-")
