"""The simulated hosts' shell."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.simulated import Ran, make_host, run

from bedside.lab.simulated import grammar
from bedside.lab.simulated.host import Host

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    return make_host(tmp_path_factory.mktemp("hosts"))


@given(words=st.lists(WORDS, min_size=1, max_size=4))
def test_words_quoted_by_shlex_come_back(host: Host, words: list[str]) -> None:
    line = "printf '%s\\001' " + shlex.join(words)
    assert run(host, line).out == "".join(word + "\x01" for word in words)


@given(word=WORDS)
def test_quoting_through_nested_shells_comes_back(host: Host, word: str) -> None:
    line = f"printf %s {shlex.quote(word)}"
    for shell in ("sh -c", "/bin/bash -l -c", "sudo sh -c"):
        line = f"{shell} {shlex.quote(line)}"
    assert run(host, line) == Ran(0, word, "")


@given(word=WORDS)
def test_double_quotes_with_escapes_as_fabric_writes_them_come_back(host: Host, word: str) -> None:
    inner = f"printf %s {shlex.quote(word)}"
    escaped = inner.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("`", "\\`")
    assert run(host, f'/bin/bash -l -c "{escaped}"').out == word


@given(value=WORDS)
def test_exported_values_are_seen_by_children(host: Host, value: str) -> None:
    assert run(host, f"export A={shlex.quote(value)} && sh -c 'printf %s \"$A\"'").out == value


@given(text=st.text(alphabet="ab'\"\\$`;&|<>(){}! \n#*=~-", max_size=30))
def test_any_line_ends_in_a_tree_or_a_syntax_error(text: str) -> None:
    with contextlib.suppress(grammar.ShellSyntaxError):
        grammar.parse(text)


@pytest.mark.parametrize(
    ("line", "out"),
    [
        ("echo a  b", "a b\n"),
        ("echo -n a; echo b", "ab\n"),
        ("true && echo yes || echo no", "yes\n"),
        ("false && echo yes || echo no", "no\n"),
        ("! false && echo yes", "yes\n"),
        ("a='x  y'; echo $a \"$a\"", "x y x  y\n"),
        ("echo ${none:-default} ${HOME:+set} ${none-}.", "default set .\n"),
        ("echo $(echo a; echo b) `echo c`", "a b c\n"),
        ("echo \"$(echo 'a  b')\"", "a  b\n"),
        ("(cd /tmp; pwd); pwd", "/tmp\n/root\n"),
        ("{ echo a; echo b; } | wc -l", "2\n"),
        ("printf 'b\\na\\n' | sort | head -n 1", "a\n"),
        ("if false; then echo a; elif true; then echo b; else echo c; fi", "b\n"),
        ("set -- 'a b' c; for_count=$#; echo $for_count \"$1\"", "2 a b\n"),
        ("set --; printf '<%s>' \"$@\"", "<>"),
        ("sh -c 'echo $0 $1' zero one", "sh one\n"),
        ("echo a >/dev/null; echo b 2>/dev/null", "b\n"),
        ("echo a # not this", "a\n"),
        ("echo a\\\n b", "a b\n"),
        ("echo '#' a#b", "# a#b\n"),
        ("A=1 printenv A; printenv A; echo $?", "1\n1\n"),
        ("A=1; sh -c 'echo .$A'; export A; sh -c 'echo .$A'", ".\n.1\n"),
        ("echo ~ '~' /etc/host*", "/root ~ /etc/hostname\n"),
        ("printf 'one two\\n' | { read a b; echo $b; }", "two\n"),
        ("eval 'echo a; echo b'", "a\nb\n"),
        ("cat <<x", ""),
    ],
)
def test_lines_print_what_sh_prints(host: Host, line: str, out: str) -> None:
    assert run(host, line).out == out


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("exit 7", 7),
        ("false; exit", 1),
        ("(exit 3)", 3),
        ("sh -c 'exit 4'", 4),
        ("false | true", 0),
        ("true | false", 1),
        ("set -e; false; true", 1),
        ("set -e; false || true; if false; then :; fi; ! true; true", 0),
        ("set -u; echo $nosuch", 2),
        ("echo 'open", 2),
        ("exec sh -c 'exit 5'; exit 6", 5),
        ("timeout 0.05 sleep 5", 124),
        ("test -d /tmp && [ ! -e /nosuch ] && [ a = a ] && [ 3 -gt 2 ]", 0),
    ],
)
def test_statuses_are_those_of_sh(host: Host, line: str, status: int) -> None:
    assert run(host, line).status == status


def test_unknown_command_is_not_found_in_each_shells_words(host: Host, tmp_path: Path) -> None:
    assert run(host, "nosuch") == Ran(127, "", "bash: line 1: nosuch: command not found\n")
    assert run(host, "sh -c nosuch") == Ran(127, "", "sh: 1: nosuch: not found\n")
    assert run(make_host(tmp_path, "openwrt"), "dpkg -l") == Ran(127, "", "sh: 1: dpkg: not found\n")


@pytest.mark.parametrize(
    "line", ["for a in b; do echo; done", "sleep 9 &", "f() { :; }", "echo $((1+1))", "cat <<x"]
)
def test_what_is_not_simulated_says_so_and_runs_nothing(host: Host, line: str) -> None:
    ran = run(host, f"echo before; {line}")
    assert (ran.status, ran.out) == (2, "")
    assert "this shell is simulated and has no" in ran.err


def test_shell_without_arguments_runs_its_input_as_it_comes(host: Host) -> None:
    ran = run(host, "sh", stdin="echo a\nif true; then\necho b\nfi\nexit 4\necho c\n")
    assert ran == Ran(4, "a\nb\n", "")


def test_files_are_written_read_and_appended(host: Host) -> None:
    run(host, "echo a > /root/f; echo b >> /root/f")
    assert run(host, "cat /root/f; cat < f | wc -l").out == "a\nb\n2\n"
    assert run(host, "cat > /root/g", stdin="typed").status == 0
    assert run(host, "mv /root/g /tmp/g && cat /tmp/g").out == "typed"
    assert run(host, "cat /nosuch") == Ran(1, "", "cat: /nosuch: No such file or directory\n")


def test_no_path_leads_out_of_the_hosts_folder(host: Host) -> None:
    (host.folder / "out").symlink_to("/etc")
    assert run(host, "cat ../../../../../../etc/hostname").out == f"{host.name}\n"
    assert run(host, "cat /out/hostname").status == 1


def test_pipe_whose_reader_has_gone_ends_the_writer(host: Host) -> None:
    (host.folder / "root" / "much").write_bytes(b"x" * (1 << 20))
    assert run(host, "cat /root/much | head -c 3").out == "xxx"
