"""The talk with sudo, without any sudo."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bedside.runner import Command
from bedside.ssh.sudo import Dialog, _line

PROMPT, MARK = b"0123456789abcdef", b"fedcba9876543210"


def talk(pieces: list[bytes]) -> tuple[Dialog, bytes]:
    dialog = Dialog(PROMPT, MARK)
    return dialog, b"".join(map(dialog.feed, pieces))


@given(
    lecture=st.binary(max_size=30).filter(lambda b: not set(b) & set(PROMPT)),
    output=st.binary(max_size=50),
    prompts=st.integers(0, 3),
    cuts=st.lists(st.integers(0, 200), max_size=8),
)
def test_only_the_commands_output_comes_through(
    lecture: bytes, output: bytes, prompts: int, cuts: list[int]
) -> None:
    stream = lecture + (PROMPT + b"\n") * prompts + MARK + output
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    dialog, shown = talk([stream[a:b] for a, b in pairwise(edges)])
    assert dialog.started
    assert dialog.prompts == prompts
    assert shown == output


def test_a_prompt_that_the_command_prints_is_no_question() -> None:
    dialog, shown = talk([MARK + PROMPT + MARK])
    assert dialog.prompts == 0
    assert shown == PROMPT + MARK


def test_endless_words_of_sudo_do_not_fill_memory() -> None:
    dialog, _ = talk([b"lecture " * 1000] * 100)
    assert len(dialog._said) <= 32 * 1024 + 8000
    assert not dialog.started


def test_what_sudo_said_is_one_safe_line() -> None:
    dialog, _ = talk([b"sudo: \x1b[31mno\x1b[0m\n  never\n"])
    assert dialog.words == "sudo: \\x1b[31mno\\x1b[0m never"


def test_a_shell_that_echoes_the_command_line_is_no_prompt_and_no_mark() -> None:
    asked, halves = ("a1" * 8, "b2" * 8), ("c3" * 8, "d4" * 8)
    dialog = Dialog("%".join(asked).encode(), "".join(halves).encode())
    line = _line(Command("id", cwd="/"), asked, halves, None, None)
    assert dialog.feed(b"+ " + line.encode() + b"\n") == b""
    assert (dialog.prompts, dialog.started) == (0, False)
    assert dialog.feed("%".join(asked).encode()) == b""
    assert dialog.prompts == 1
