"""ssh_config as ssh reads it; where ssh is installed, it is asked for its own opinion."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from bedside.errors import ConfigError
from bedside.ssh.patterns import PatternList
from bedside.ssh.tokens import Tokens, shell_safe, split
from bedside.ssh.userconfig import HostSettings, UserConfig


def read(tmp_path: Path, text: str, warnings: list[str] | None = None) -> UserConfig:
    path = tmp_path / "config"
    path.write_text(text)
    return UserConfig([path], (warnings if warnings is not None else []).append)


def look(tmp_path: Path, text: str, host: str = "web1.example.com", **given: str) -> HostSettings:
    return read(tmp_path, text).lookup(host, user=given.get("user"))


def test_the_first_value_wins_and_identity_files_add_up(tmp_path: Path) -> None:
    said = look(
        tmp_path,
        "Host web*\n  User one\n  IdentityFile ~/a\nHost *\n  User two\n  Port 2222\n  IdentityFile ~/b\n",
    )
    assert (said.first("user"), said.first("port")) == ("one", "2222")
    assert said.values["identityfile"] == ["~/a", "~/b"]


@pytest.mark.parametrize(
    "line", ["User=ops", "User = ops", 'User "ops"', "user ops # who", "\tUSER\tops  ", "User 'ops'"]
)
def test_ways_to_write_a_line(tmp_path: Path, line: str) -> None:
    assert look(tmp_path, f"# comment\n\nHost *\n{line}\n").first("user") == "ops"


def test_negated_patterns_and_lists(tmp_path: Path) -> None:
    config = read(tmp_path, "Host *.example.com !web1.* db?\n  User ops\n")
    users = {h: config.lookup(h).first("user") for h in ("a.example.com", "web1.example.com", "db1", "db12")}
    assert users == {"a.example.com": "ops", "web1.example.com": None, "db1": "ops", "db12": None}


def test_match_looks_at_what_is_known_by_then(tmp_path: Path) -> None:
    text = """
Match originalhost short user ops
  Port 1
Host short
  HostName %h.example.com
Match host *.example.com !originalhost web*
  Port 2
Match localuser nobody-at-all
  Port 3
Match all
  Compression yes
"""
    said = read(tmp_path, text).lookup("short")
    assert said.first("hostname") == "short.example.com"
    assert (said.first("port"), said.flag("compression")) == ("2", True)
    assert read(tmp_path, text).lookup("short", user="ops").first("port") == "1"


def test_match_final_walks_again_with_the_names_found(tmp_path: Path) -> None:
    text = "Host short\n  HostName long.example.com\nMatch final host long.*\n  User ops\n"
    assert look(tmp_path, text, "short").first("user") == "ops"


def test_match_exec_runs_once_and_never_with_an_unsafe_name(tmp_path: Path) -> None:
    log = tmp_path / "log"
    config = read(tmp_path, f'Match exec "echo %h >> {log}; test %h = web1"\n  User ops\n')
    assert [config.lookup(h).first("user") for h in ("web1", "web2", "web1")] == ["ops", None, "ops"]
    assert log.read_text() == "web1\nweb2\n"
    with pytest.raises(ValueError, match="handed to the command"):
        config.lookup("x;touch y")


def test_include_stands_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / "in.d").mkdir()
    (tmp_path / "in.d/1").write_text("User included\nHost other\n  Port 1\n")
    (tmp_path / "in.d/2").write_text("Port 2\n")
    text = f"Host web*\n  Include {tmp_path}/in.d/*\n  Compression yes\nHost *\n  User late\n"
    said = look(tmp_path, text)
    assert (said.first("user"), said.first("port"), said.flag("compression")) == ("included", "2", True)
    assert look(tmp_path, text, "db").first("user") == "late"
    assert look(tmp_path, text, "other").first("port") is None, "it lies within a block for others"


def test_what_is_not_supported_is_warned_about_once_and_only_where_it_counts(tmp_path: Path) -> None:
    warnings: list[str] = []
    text = """
Host web*
  ControlMaster auto
  KnownHostsCommand /bin/echo
  VerifyHostKeyDNS no
  Hocus pocus
  LocalForward 1 localhost:2
  IgnoreUnknown Focus*
  FocusPocus yes
Host elsewhere
  RevokedHostKeys /etc/revoked
"""
    config = read(tmp_path, text, warnings)
    config.lookup("web1")
    config.lookup("web2")
    assert len(warnings) == 3
    assert [w for w in warnings if "controlmaster" in w and "config:3:" in w]
    assert [w for w in warnings if "knownhostscommand" in w]
    assert [w for w in warnings if "unknown keyword 'hocus'" in w]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("Host *\n  User\n", 2, "no value"),
        ('Host *\n  User "ops\n', 2, "not closed"),
        ("Match user\n", 1, "no pattern"),
        ("Match hocus pocus\n", 1, "not supported"),
    ],
)
def test_a_broken_line_is_pointed_at(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        read(tmp_path, text)
    assert caught.value.line == line
    assert caught.value.file == str(tmp_path / "config")


def test_files_that_include_each_other_end(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="too many"):
        read(tmp_path, f"Include {tmp_path}/config\n")


def test_a_missing_file_is_an_empty_one(tmp_path: Path) -> None:
    assert UserConfig([tmp_path / "nothing"], print).lookup("a").values == {}


@pytest.mark.skipif(not shutil.which("ssh"), reason="needs ssh, to compare with")
@pytest.mark.parametrize("host", ["web1", "web2", "db.example.com", "short", "WEB1"])
def test_ssh_itself_reads_it_so(tmp_path: Path, host: str) -> None:
    text = """
Host short
  HostName db.example.com
Host web* !web2
  User webmaster
  Port 2201
  ProxyJump ops@jump:22
Match host db.* user root
  Port 9
Match host *.example.com
  User dba
  HostKeyAlias db-%h
Match final all
  Port 2203
Host *
  User everyone
  Ciphers aes128-ctr
  IdentityFile /tmp/key-of-%r
"""
    said = read(tmp_path, text).lookup(host)
    command = ["ssh", "-G", "-F", str(tmp_path / "config"), host]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    theirs = dict(line.split(None, 1) for line in lines)
    for key in ("user", "port", "ciphers"):
        assert said.first(key) == theirs[key], key
    assert (said.first("hostname") or host).lower() == theirs["hostname"]
    assert said.first("proxyjump") == theirs.get("proxyjump")


def test_words_quotes_and_comments() -> None:
    assert split("""a "b c" d\\ e "" 'f g' # h""") == ["a", "b c", "d e", "", "f g"]
    with pytest.raises(ValueError, match="not closed"):
        split('"a')


def test_patterns_may_ignore_case_and_take_brackets_as_they_are() -> None:
    patterns = PatternList.parse(["[web?]:22*,DB"], fold=True)
    assert patterns.matches("[WEB1]:2222")
    assert patterns.matches("db")
    assert not patterns.matches("w")


def test_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHERE", "there")
    tokens = Tokens("h", "n", "22", "r", "u", "k")
    assert tokens.expand("%h-%n-%p-%r-%u-%k-%%-${WHERE}") == "h-n-22-r-u-k-%-there"
    with pytest.raises(ValueError, match="no token"):
        tokens.expand("%Z")


@pytest.mark.parametrize("name", ["web1", "web-1.example.com", "10.0.0.1", "fe80::1%eth0", "ops_1"])
def test_honest_names_are_safe(name: str) -> None:
    assert shell_safe(name)


@pytest.mark.parametrize(
    "name", ["", "-x", "a b", "a;b", "$x", "`x`", "a|b", "a\nb", "a'b", "(a)", "a&b", "~a"]
)
def test_names_with_a_meaning_to_a_shell_are_not(name: str) -> None:
    assert not shell_safe(name)
