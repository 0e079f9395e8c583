from pathlib import Path

import msgspec
import pytest

from bedside import config
from bedside.config import Seconds
from bedside.errors import ConfigError


class Rule(msgspec.Struct, forbid_unknown_fields=True):
    hosts: str
    legacy: bool = False


class Section(msgspec.Struct, forbid_unknown_fields=True):
    parallel: int = 64
    timeout: Seconds = Seconds(3)
    rule: list[Rule] = []


def read(tmp_path: Path, text: str) -> Section:
    path = tmp_path / "bedside.toml"
    path.write_text(text)
    return config.load(path).section("ssh", Section)


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        ("[ssh]\nparalel = 3\n", 2, "ssh.paralel", "did you mean 'parallel'?"),
        ('[ssh]\nparallel = "x"\n', 2, "ssh.parallel", "expected int, got str"),
        ('[ssh]\n\ntimeout = "5x"\n', 3, "ssh.timeout", "no duration"),
        ("[ssh]\n[[ssh.rule]]\nhosts='a'\n\n[[ssh.rule]]\nhosts=1\n", 6, "ssh.rule[1].hosts", "expected str"),
        ("[ssh]\n[[ssh.rule]]\nhosts='a'\nlegcy=true\n", 4, "ssh.rule[0].legcy", "did you mean 'legacy'?"),
        ("[ssh]\nrule=[{hosts='a'},\n{hosts='b',lgacy=true}]\n", 3, "ssh.rule[1].lgacy", "'legacy'"),
        ("[ssh]\n[[ssh.rule]]\nlegacy=true\n", 2, "ssh.rule[0]", "key 'hosts' is missing"),
    ],
)
def test_a_wrong_key_is_named_with_its_line(
    tmp_path: Path, text: str, line: int, key: str, words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    assert (caught.value.line, caught.value.key) == (line, key)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{tmp_path}/bedside.toml:{line}:")


def test_text_that_is_no_toml_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, "[ssh]\nparallel = = 3\n")
    assert caught.value.line == 2


def test_a_file_that_is_missing_or_not_utf8_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        config.load(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"x = '\xff'")
    with pytest.raises(ConfigError, match="not UTF-8"):
        config.load(tmp_path / "latin.toml")


@pytest.mark.parametrize(
    ("written", "seconds"), [("500ms", 0.5), ("10s", 10), ("5m", 300), ("1h", 3600), ("1d", 86400), (7, 7)]
)
def test_durations_are_seconds(written: object, seconds: float) -> None:
    assert Seconds.parse(written) == seconds


@pytest.mark.parametrize("written", ["", "5", "-1s", "1 week", -1, True, None])
def test_other_durations_are_refused(written: object) -> None:
    with pytest.raises(ValueError, match="no duration"):
        Seconds.parse(written)


def test_the_file_in_force_is_the_nearest_named(tmp_path: Path) -> None:
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    environ = {"HOME": str(tmp_path / "home")}
    assert config.find(None, environ, inner) is None
    user = tmp_path / "home/.config/bedside/bedside.toml"
    user.parent.mkdir(parents=True)
    user.touch()
    assert config.find(None, environ, inner) == user
    (tmp_path / "a/bedside.toml").touch()
    assert config.find(None, environ, inner) == tmp_path / "a/bedside.toml"
    named = {**environ, "BEDSIDE_CONFIG": "/etc/b.toml"}
    assert config.find(None, named, inner) == Path("/etc/b.toml")
    assert config.find("/c.toml", named, inner) == Path("/c.toml")


def test_a_relative_xdg_folder_is_ignored_as_the_specification_says() -> None:
    assert config.xdg("state", {"XDG_STATE_HOME": "rel", "HOME": "/h"}) == Path("/h/.local/state/bedside")
    assert config.xdg("state", {"XDG_STATE_HOME": "/s", "HOME": "/h"}) == Path("/s/bedside")


def test_an_unknown_section_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    path = tmp_path / "bedside.toml"
    for text, meant in (("\n[shh]\nuser = 'x'\n", "ssh"), ("\n[sites.a]\nsources = []\n", "site")):
        path.write_text(text)
        with pytest.raises(ConfigError, match=f"did you mean '{meant}'") as caught:
            config.load(path).refuse_unknown(["ssh", "site"])
        assert caught.value.line == 2
