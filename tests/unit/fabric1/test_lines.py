import io
import itertools
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedside.fabric1 import commandline
from bedside.fabric1.context import cd, lcd, path, prefix, settings, shell_env
from bedside.fabric1.env import env, reset
from bedside.fabric1.remote import Captured, Printer


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    reset({"shell": "/bin/bash -l -c"})
    yield
    env.clear()


def sent(command: str, **more: object) -> str:
    options = {"shell": True, "shell_escape": None, "sudo": None, **more}
    return commandline.remote(command, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("echo hello", '/bin/bash -l -c "echo hello"'),
        ('echo "$HOME" `id`', r'/bin/bash -l -c "echo \"\$HOME\" \`id\`"'),
        (r"echo \$x", r'/bin/bash -l -c "echo \\$x"'),
        (r'echo "a\"b"', r'/bin/bash -l -c "echo \"a\\"b\""'),
    ],
)
def test_a_command_is_wrapped_as_fabric_1_did(command: str, line: str) -> None:
    assert sent(command) == line


def test_without_a_shell_nothing_is_wrapped_or_escaped() -> None:
    assert sent('echo "$HOME"', shell=False) == 'echo "$HOME"'
    with settings(use_shell=False):
        assert sent('echo "$0"') == 'echo "$0"'
    assert sent(r"echo \"esc\"", shell_escape=False) == r'/bin/bash -l -c "echo \"esc\""'


def test_prefixes_stand_in_fabrics_order() -> None:
    with cd("/tmp/x"), prefix("export A=1"), shell_env(C="c $A two"), path("/opt/x"):
        assert sent("echo") == (
            r'/bin/bash -l -c "export PATH=\"\$PATH:\"/opt/x\"\" C=\"c \\$A two\" && cd /tmp/x >/dev/null'
            r' && export A=1 && echo"'
        )


def test_relative_folders_nest_and_absolute_ones_replace() -> None:
    with cd("/tmp"), cd("sub dir"):
        assert env.cwd == "/tmp/sub\\ dir"
        with cd("/usr"):
            assert env.cwd == "/usr"
        with cd("~"):
            assert env.cwd == "~"
    assert env.cwd == ""


def test_an_inner_environment_replaces_the_outer() -> None:
    with shell_env(A="1"), shell_env(B="2"):
        assert sent("x", shell=False) == 'export B="2" && x'


@pytest.mark.parametrize(
    ("behavior", "line"),
    [
        ("append", 'export PATH="$PATH:"/a"" && x'),
        ("prepend", 'export PATH=""/a":$PATH" && x'),
        ("replace", 'export PATH=""/a"" && x'),
    ],
)
def test_the_path_is_changed_in_three_ways(behavior: str, line: str) -> None:
    with path("/a", behavior=behavior):
        assert sent("x", shell=False) == line


def test_local_commands_know_lcd_but_not_cd() -> None:
    with cd("/remote"), lcd("/usr"), lcd("bin"), prefix("A=1"), shell_env(B="b"):
        assert commandline.local("pwd") == 'cd /usr/bin >/dev/null && A=1 && export B="b" && pwd'


@pytest.mark.parametrize(
    ("user", "group", "line"),
    [
        (None, None, "sudo -S -p 'sudo password:'  id"),
        ("joe", None, "sudo -S -p 'sudo password:'  -u \"joe\"  id"),
        (1001, None, "sudo -S -p 'sudo password:'  -u \"#1001\"  id"),
        ("joe", "grp", 'sudo -S -p \'sudo password:\'  -u "joe" -g "grp"  id'),
    ],
)
def test_sudo_is_written_as_fabric_1_wrote_it(user: str | int | None, group: str | None, line: str) -> None:
    assert sent("id", shell=False, sudo=commandline.sudo_prefix(user, group)) == line


def printed(chunks: list[bytes], *, prefix: str = "[H] out: ", linewise: bool = False) -> str:
    stream = io.StringIO()
    printer = Printer(stream, prefix, shown=True, linewise=linewise)
    for chunk in chunks:
        printer.feed(chunk)
    printer.finish()
    return stream.getvalue()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", ""),
        (b"hello\n", "[H] out: hello\n[H] out: \n"),
        (b"no newline", "[H] out: no newline"),
        (b"\n", "[H] out: \n[H] out: \n"),
        (b"10%\r20%\r\nx\r\n", "[H] out: 10%\n[H] out: 20%\n[H] out: x\n[H] out: \n"),
    ],
)
def test_output_has_the_host_before_each_line(data: bytes, text: str) -> None:
    assert printed([data]) == text
    assert printed([data], linewise=True) == text


def test_without_prefix_there_is_no_bare_line() -> None:
    assert printed([b"a\nb\n"], prefix="") == "a\nb\n"


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=5), st.booleans())
def test_how_output_is_cut_into_chunks_does_not_show(data: bytes, cuts: list[int], linewise: bool) -> None:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    chunks = [data[a:b] for a, b in itertools.pairwise(edges)]
    assert printed(chunks, linewise=linewise) == printed([data])


@given(st.binary(max_size=60))
def test_every_byte_comes_through(data: bytes) -> None:
    shown = printed([data], prefix="").encode("utf-8", "surrogateescape")
    assert shown == data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def test_a_capture_keeps_the_last_bytes_and_forgets_a_prompt() -> None:
    captured = Captured(8)
    captured.feed(b"0123456789")
    captured.feed(b"ab")
    assert captured.text == "456789ab"
    assert captured.take("9ab")
    assert not captured.take("nothing")
    assert captured.text == "45678"
