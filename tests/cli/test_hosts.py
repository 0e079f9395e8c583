from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.cli import Cli

pytestmark = pytest.mark.slow

HOSTS = """
[[host]]
name = "web1"
address = "10.0.0.1"
tags = ["web"]
facts = { os = { family = "Debian", release = { major = "12" } } }

[[host]]
name = "web2"
address = "10.0.0.2"
facts = { osfamily = "RedHat" }

[[host]]
name = "router"
facts = { os = { name = "OpenWrt" } }
"""


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    (tmp_path / "hosts.toml").write_text(HOSTS)
    config = tmp_path / "bedside.toml"
    config.write_text('[site.bo]\nsources = [ { type = "file", path = "hosts.toml" } ]\n')
    return Cli(tmp_path, config)


@pytest.fixture
def half_dead(cli: Cli) -> Cli:
    """A second site, whose only source refuses connections."""
    with cli.config.open("a") as file:
        file.write('[site.rome]\nsources = [ { type = "livestatus", url = "tcp://127.0.0.1:1" } ]\n')
    return cli


def test_a_pipe_gets_one_name_a_line_and_standard_error_says_who_is_out(cli: Cli) -> None:
    ended = cli("hosts")
    assert (ended.status, ended.out) == (0, "web1\nweb2\n")
    assert ended.err == "1 host taken out; --why shows each\n"


def test_a_terminal_gets_columns(cli: Cli) -> None:
    lines = cli.on_terminal("hosts", "facts.os.family = Debian").out.splitlines()
    assert "HOST" in lines[0]
    assert lines[1].split() == ["web1", "10.0.0.1", "bo"]


def test_why_shows_rule_and_evidence_and_what_matched(cli: Cli) -> None:
    assert cli("hosts", "all", "--why").out.splitlines() == [
        "router\tout\trule openwrt: an OpenWrt router: facts.os.name is 'OpenWrt'",
        "web1\tin\tall hosts were asked for",
        "web2\tin\tall hosts were asked for",
    ]
    ended = cli("hosts", "facts.os.release.major > 11", "--why")
    assert ended.out == "web1\tin\tfacts.os.release.major is '12'\n"


def test_json_has_the_documented_fields(cli: Cli) -> None:
    (told,) = cli("hosts", "facts.os.family = Debian", "--json").objects
    assert told == {
        "name": "web1", "address": "10.0.0.1", "sites": ["bo"], "state": None, "services": [],
        "facts": {"os.family": "Debian"}, "excluded": None, "conflict": None, "age_s": None,
        "sources": [str(cli.home / "hosts.toml")],
    }  # fmt: skip
    out = next(o for o in cli("hosts", "--json", "--why").objects if o["name"] == "router")
    assert out["excluded"]["rule"] == "openwrt"
    assert "OpenWrt" in out["excluded"]["reason"]


def test_nobody_answers_the_query_is_said_and_no_failure(cli: Cli) -> None:
    ended = cli("hosts", "name = nobody")
    assert (ended.status, ended.out) == (0, "")
    assert "no host answers the query (1 of 1 source answered)" in ended.err


def test_a_dead_source_is_named_and_the_answer_incomplete(half_dead: Cli) -> None:
    ended = half_dead("hosts")
    assert (ended.status, ended.out) == (3, "web1\nweb2\n")
    assert "tcp://127.0.0.1:1: no connection: connection refused" in ended.err
    assert half_dead("hosts", "-s", "bo").status == 0


def test_strict_refuses_an_incomplete_answer(half_dead: Cli) -> None:
    ended = half_dead("hosts", "--strict")
    assert (ended.status, ended.out) == (4, "")
    assert half_dead("hosts", "--strict", "-s", "bo").status == 0


def test_explain_shows_what_would_be_sent_and_asks_nobody(half_dead: Cli) -> None:
    ended = half_dead("hosts", "service ~ ssh", "--explain")
    assert ended.status == 0
    assert "    Filter: description ~~ ssh\n" in ended.out
    assert "tcp://127.0.0.1:1 (site rome)\n    GET hosts\n" in ended.out


def test_hosts_named_by_hand_are_looked_up_and_unknown_ones_taken_as_given(cli: Cli) -> None:
    assert cli("hosts", "-H", "WEB1,new.example.com").out == "WEB1\nnew.example.com\n"
    assert "1 host taken out" in cli("hosts", "-H", "router").err
    assert cli("hosts", "web", "-H", "web1").status == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("facts.os.family == x",), "                  ^\nexpected a value"),
        (("nme ~ x",), "did you mean name?"),
        (("-s", "bolonga"), "there is no site 'bolonga'"),
        (("-s", "boo"), "did you mean 'bo'?"),
    ],
)
def test_a_mistake_ends_with_status_2_and_says_where(cli: Cli, words: tuple[str, ...], said: str) -> None:
    ended = cli("hosts", *words)
    assert (ended.status, ended.out) == (2, "")
    assert said in ended.err


def test_an_unknown_type_of_source_is_pointed_at(cli: Cli) -> None:
    cli.config.write_text("[site.bo]\nsources = [\n  { type = 'livestat', url = 'x' },\n]\n")
    ended = cli("hosts")
    assert ended.status == 2
    assert f"{cli.config}:3:" in ended.err
    assert "did you mean 'livestatus'" in ended.err


def test_without_a_site_nobody_can_be_asked(cli: Cli) -> None:
    cli.config.write_text("")
    ended = cli("hosts")
    assert ended.status == 2
    assert "no site is configured" in ended.err
    assert cli("hosts", "-H", "a").out == "a\n"


def test_exclusions_by_hand_come_and_go(cli: Cli) -> None:
    assert cli("exclude", "list").out == ""
    assert (
        cli("exclude", "add", "web1", "--reason", "it's frozen", "--by", "ops", "--until", "2d").status == 0
    )
    assert cli("exclude", "add", "--query", "tag = web", "--reason", "later").status == 0
    assert cli("hosts").out == "web2\n"
    why = cli("hosts", "web1", "--why").out
    assert why.startswith("web1\tout\tby hand (ops): it's frozen (until 2")
    first = cli("exclude", "list").out.splitlines()[0].split("\t")
    assert first[:3] == ["web1", "it's frozen", "ops"]
    assert cli("exclude", "remove", "web1").status == 0
    assert cli("exclude", "remove", "--query", "tag = web").status == 0
    assert cli("hosts").out == "web1\nweb2\n"
    assert (cli.home / "exclusions.toml").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "--reason", "x"), "name a host, or give a --query"),
        (("add", "a", "--query", "b", "--reason", "x"), "one of the two"),
        (("add", "a", "--reason", " "), "the reason is empty"),
        (("add", "a"), "--reason"),
        (("add", "--query", "nme = a", "--reason", "x"), "did you mean name"),
        (("add", "a", "--reason", "x", "--until", "soon"), "'soon' is no date"),
        (("add", "a", "--reason", "x", "--until", "2001-01-01"), "is over already"),
        (("remove", "web9"), "is not taken out"),
    ],
)
def test_a_wrong_exclusion_is_refused_and_nothing_written(
    cli: Cli, words: tuple[str, ...], said: str
) -> None:
    ended = cli("exclude", *words)
    assert ended.status == 2
    assert said in ended.err
    assert not (cli.home / "exclusions.toml").exists()


def test_a_broken_exclusions_file_stops_the_question(cli: Cli) -> None:
    (cli.home / "exclusions.toml").write_text("[[exclude]]\nhost = \n")
    ended = cli("hosts")
    assert (ended.status, ended.out) == (2, "")
    assert "exclusions.toml:2" in ended.err


def test_a_hostile_name_or_fact_drives_no_terminal(cli: Cli) -> None:
    (cli.home / "hosts.toml").write_text(
        '[[host]]\nname = "a\\u001b[2J"\n[[host]]\nname = "b"\n'
        'facts = { os = { name = "OpenWrt\\u001b[2J\\n" } }\n'
    )
    for words in (("hosts", "--why"), ("hosts",)):
        ended = cli.on_terminal(*words)
        assert "[2J" not in ended.out.replace("\\x1b[2J", "")
        assert ended.status == 3


def test_asking_loads_neither_ssh_nor_a_database(cli: Cli) -> None:
    program = (
        "import sys; from bedside.cli import group; "
        "group.main(['hosts', 'service ~ ssh', '--json'], standalone_mode=False); "
        "print(sorted({'asyncssh', 'sqlalchemy', 'celery', 'httpx', 'rich'} & set(sys.modules)))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], env=cli.whole_environ, capture_output=True, text=True, check=True
    )
    assert ended.stdout.splitlines()[-1] == "[]"
