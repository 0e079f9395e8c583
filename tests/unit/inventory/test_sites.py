from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from bedside.clock import SystemClock
from bedside.config import Config
from bedside.errors import ConfigError, UsageError
from bedside.inventory import sites
from bedside.inventory.source import Source

LIST = "[site.a]\nsources = [\n"


def build(text: str, folder: Path = Path("/nowhere"), warned: list[str] | None = None) -> list[Source]:
    config = Config(folder / "bedside.toml", tomllib.loads(text), text)
    around = sites.Surroundings(config, SystemClock(), {}, (warned if warned is not None else []).append)
    return sites.build(sites.chosen(config, []), around)


def test_each_type_makes_its_source(tmp_path: Path) -> None:
    (tmp_path / "hosts.toml").write_text(
        "[[host]]\nname='a'\nport=2222\ntags=['t']\nfacts={osfamily='Debian', os={name='Debian'}}"
    )
    (tmp_path / "pw").write_text("x")
    (tmp_path / "pw").chmod(0o644)
    warned: list[str] = []
    found = build(
        "[site.bo]\nsources = [\n"
        "{type='livestatus', url='tcp://mon:6557', timeout='3s'},\n"
        "{type='livestatus', url='unix:///run/live'},\n"
        "{type='couchdb', url='https://couch/facts', username='r', password_file='pw'},\n"
        "{type='file', path='hosts.toml'} ]",
        tmp_path, warned,
    )  # fmt: skip
    assert [s.name for s in found] == [
        "tcp://mon:6557", "unix:///run/live", "https://couch/facts", str(tmp_path / "hosts.toml"),
    ]  # fmt: skip
    assert "chmod 600" in warned[0]


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (LIST + "{type='livestatus', url='tcp://m:1'},\n{type='livestat', url='x'} ]",
         4, "did you mean 'livestatus'"),
        (LIST + "{url='x'} ]", 2, "no type"),
        (LIST + "{type='livestatus', url='mon1'} ]", 3, "tcp://HOST:PORT"),
        (LIST + "{type='livestatus', url='tcp://m:x'} ]", 3, "tcp://HOST:PORT"),
        (LIST + "{type='livestatus', url='tls://m:1'} ]", 3, "not supported yet"),
        (LIST + "{type='livestatus', url='tcp://m:1', tmeout='3s'} ]", 3, "did you mean 'timeout'"),
        (LIST + "{type='livestatus', url='tcp://m:1', timeout='3 parsecs'} ]",
         3, "no duration"),
        (LIST + "{type='couchdb', url='http://h/'} ]", 3, "names no database"),
        (LIST + "{type='couchdb', url='http://u:secret@h/d'} ]", 3, "does not belong"),
        (LIST + "{type='couchdb', url='http://h/d', username='u'} ]", 3, "without a password"),
        (LIST + "{type='couchdb', url='http://h/d', username='u', password_env='A',"
         " password_file='b'} ]", 3, "one of them"),
        (LIST + "{type='file', path='gone.toml'} ]", 3, "there is no file"),
        ("[site.a]\nsourcse = []", 2, "did you mean 'sources'"),
        ("site = 3", 1, "[site.NAME]"),
        ("[site.a]", 1, "'sources' is missing"),
    ],
)  # fmt: skip
def test_a_bad_source_is_pointed_at(text: str, line: int, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build(text)
    assert said in str(caught.value)
    assert caught.value.line == line
    assert "secret" not in str(caught.value)


def test_a_bad_hosts_file_names_its_own_line(tmp_path: Path) -> None:
    (tmp_path / "hosts.toml").write_text("[[host]]\nname = 'a'\n[[host]]\nname = 'b'\nadress = 'x'\n")
    with pytest.raises(ConfigError, match=r"hosts.toml:5.*did you mean 'address'"):
        build("[site.a]\nsources = [ {type='file', path='hosts.toml'} ]", tmp_path)


def test_an_unknown_site_is_refused_with_the_nearest() -> None:
    config = Config(None, {"site": {"bologna": {}, "berlin": {}}}, "")
    assert sites.chosen(config, []) == ["bologna", "berlin"]
    assert sites.chosen(config, ["all"]) == ["bologna", "berlin"]
    assert sites.chosen(config, ["berlin"]) == ["berlin"]
    with pytest.raises(UsageError, match="did you mean 'bologna'"):
        sites.chosen(config, ["bolonga"])
