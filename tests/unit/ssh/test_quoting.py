"""Whatever is quoted arrives as it was, in every shell that is installed here."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bedside.errors import UsageError
from bedside.ssh.quoting import placed, prefix, quote, quote_path, shell

SHELLS = {"dash": "dash", "bash": "bash", "ash": "busybox", "zsh": "zsh", "fish": "fish", "mksh": "mksh"}
HERE = {name: path for name, program in SHELLS.items() if (path := shutil.which(program))}
POSIX = sorted(set(HERE) - {"fish"})

word = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
nasty = st.text(st.sampled_from("'\"\\!$`~ \n*?[#;&|=%-a"), max_size=12)


def output(name: str, line: str, **environ: str) -> bytes:
    command = [HERE[name], "ash", "-c", line] if name == "ash" else [HERE[name], "-c", line]
    done = subprocess.run(
        [part.encode("utf-8", "surrogateescape") for part in command],
        capture_output=True, env={"PATH": os.environ["PATH"], "HOME": "/proc/nowhere", **environ}, timeout=20,
    )  # fmt: skip
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(HERE))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.differing_executors])
@given(words=st.lists(word | nasty, min_size=1, max_size=4))
def test_words_arrive_as_they_are(name: str, words: list[str]) -> None:
    line = "printf '<%s>' " + " ".join(map(quote, words))
    assert output(name, line) == "".join(f"<{word}>" for word in words).encode("utf-8", "surrogateescape")


def test_bytes_that_are_no_text_arrive_as_they_are() -> None:
    word = os.fsdecode(b"a\xff b")
    assert output("dash", f"printf %s {quote(word)}") == b"a\xff b"


@pytest.mark.skipif(shutil.which("tcsh") is None, reason="needs tcsh")
@pytest.mark.parametrize("text", ["it's", "a\\b", "!x !!", "$HOME `id` *", "a  b"])
def test_csh_reads_it_too(text: str) -> None:
    done = subprocess.run(["tcsh", "-f", "-c", f"printf %s {quote(text)}"], capture_output=True)
    assert done.stdout.decode() == text


@pytest.mark.parametrize("name", sorted(HERE))
def test_a_prefix_enters_the_folder_and_exports(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "it's a\\folder"
    folder.mkdir()
    line = prefix("pwd; sh -c 'printf %s \"$A\"'", {"A": "x 'y' \\z !"}, str(folder))
    assert output(name, line, CDPATH="/usr") == f"{folder}\nx 'y' \\z !".encode()


@pytest.mark.parametrize("name", sorted(HERE))
def test_nothing_runs_where_the_folder_can_not_be_entered(name: str) -> None:
    assert output(name, prefix("echo one; echo two", {"A": "b"}, "/no/such/folder")) == b""


@pytest.mark.parametrize("name", sorted(HERE))
def test_a_tilde_is_the_home(name: str, tmp_path: Path) -> None:
    (tmp_path / "a b").mkdir()
    line = prefix("pwd", {}, "~/a b")
    assert output(name, line, HOME=str(tmp_path)) == f"{tmp_path}/a b\n".encode()


@pytest.mark.parametrize(
    ("path", "quoted"),
    [
        ("~", "~"),
        ("~root", "~root"),
        ("~/x", "~/x"),
        ("~a$(id)/x", "'~a$(id)/x'"),
        ("-", "./-"),
        ("-x y", "'./-x y'"),
        ("", "''"),
    ],
)
def test_paths_are_no_options_and_no_code(path: str, quoted: str) -> None:
    assert quote_path(path) == quoted


@pytest.mark.parametrize("name", POSIX)
def test_a_script_gets_its_words(name: str) -> None:
    assert output(name, shell('echo $# "$1"\necho end', "a b", "")) == b"2 a b\nend\n"


@pytest.mark.parametrize("name", ["", "1A", "A B", "A=", "a;id", "ä"])
def test_a_name_that_no_shell_can_export_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        prefix("true", {name: "x"}, None)


def test_a_nul_byte_is_refused() -> None:
    with pytest.raises(UsageError):
        quote("a\0b")


@pytest.mark.parametrize("program", ["dash", "bash", "zsh", "fish", "mksh", "tcsh"])
def test_a_folder_that_is_not_there_stops_the_command_under_every_login_shell(program: str) -> None:
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"no {program} here")
    environ = {"PATH": os.environ["PATH"], "HOME": "/proc/nowhere", "SHELL": path}

    def said(line: str) -> bytes:
        return subprocess.run([path, "-c", line], capture_output=True, env=environ, timeout=20).stdout

    assert said(placed("echo RAN", {}, "/nonexistent")) == b""
    assert said(placed("echo RAN", {"A": "it's"}, "/")) == b"RAN\n"
    assert said(placed("printenv A; pwd", {"A": "a b!"}, "/usr")) == b"a b!\n/usr\n"
