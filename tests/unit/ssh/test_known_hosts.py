"""known_hosts files: what stands under which name, and how quickly."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.connecting import Side

from bedside.clock import SystemClock
from bedside.errors import HostKeyMismatch
from bedside.ssh.hostkeys import HostKeys
from bedside.ssh.knownhosts import KnownHosts, fingerprint, name_of
from bedside.ssh.ownhosts import OwnHosts


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def hashed(name: str) -> str:
    salt = os.urandom(20)
    digest = hmac.digest(salt, name.encode(), hashlib.sha1)
    return f"|1|{base64.b64encode(salt).decode()}|{base64.b64encode(digest).decode()}"


def read(text: str) -> tuple[KnownHosts, list[str]]:
    warnings: list[str] = []
    hosts = KnownHosts(warnings.append)
    hosts.add(text, Path("kh"))
    return hosts, warnings


def found(hosts: KnownHosts, name: str) -> list[str]:
    return [key.blob.decode() for key in hosts.find(name)]


def test_names_lists_patterns_hashes_and_markers() -> None:
    hosts, warnings = read(
        f"# comment\n\nweb1,10.0.0.1 ssh-rsa {b64('one')} a comment\n"
        f"*.example.com,!bad.example.com ssh-rsa {b64('two')}\n"
        f"{hashed('db')} ssh-ed25519 {b64('three')}\n{hashed('db')} ssh-rsa {b64('four')}\n"
        f"@revoked * ssh-rsa {b64('five')}\n[web1]:2222 ssh-rsa {b64('six')}\n"
    )
    assert warnings == []
    assert found(hosts, "web1") == found(hosts, "10.0.0.1") == ["one", "five"]
    assert found(hosts, "a.example.com") == ["two", "five"]
    assert found(hosts, "bad.example.com") == ["five"]
    assert found(hosts, "db") == found(hosts, "db") == ["three", "four", "five"]
    assert found(hosts, "[web1]:2222") == ["six", "five"]
    assert [key.line for key in hosts.find("db")] == [5, 6, 7]


@pytest.mark.parametrize(
    "line",
    [
        "web1", "web1 ssh-rsa", "web1 ssh-rsa ***", "@what web1 ssh-rsa YQ==", "@revoked",
        "|2|YQ==|YQ== ssh-rsa YQ==", "|1|YQ== ssh-rsa YQ==",
    ],
)  # fmt: skip
def test_a_line_without_sense_is_warned_about_and_passed_over(line: str) -> None:
    hosts, warnings = read(f"{line}\nweb2 ssh-rsa {b64('two')}\n")
    assert len(warnings) == 1
    assert warnings[0].startswith("kh:1:")
    assert found(hosts, "web2") == ["two"]


@given(st.text())
def test_any_text_can_be_read(text: str) -> None:
    read(text)[0].find("web1")


def test_names_of_hosts_at_ports() -> None:
    assert name_of("Web1", 22) == "web1"
    assert name_of("Web1", 2222) == "[web1]:2222"
    assert name_of("fe80::1", 2222) == "[fe80::1]:2222"


def test_a_fingerprint_is_ssh_keygens() -> None:
    assert fingerprint(b"") == "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"


def test_a_thousand_hosts_in_a_large_file_cost_little() -> None:
    text = "".join(f"host{n} ssh-ed25519 {b64(str(n))}\n" for n in range(20_000))
    text += "".join(f"{hashed(f'hashed{n}')} ssh-ed25519 {b64(str(n))}\n" for n in range(400))
    started = time.process_time()
    hosts, _ = read(text)
    for n in range(1000):
        assert hosts.find(f"host{n}")
    for n in range(400):
        assert hosts.find(f"hashed{n}")
    assert time.process_time() - started < 3


async def test_what_was_learnt_is_there_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "deep/known_hosts"
    own = OwnHosts(path, SystemClock(), print)
    assert await own.remember("web1", "ssh-ed25519", b"key") == []
    again = OwnHosts(path, SystemClock(), print)
    assert found(again.hosts, "web1") == ["key"]
    assert await again.remember("web1", "ssh-ed25519", b"key") == []
    assert [key.blob for key in await again.remember("web1", "ssh-ed25519", b"other")] == [b"key"]
    assert path.read_text() == f"web1 ssh-ed25519 {b64('key')}\n"


async def test_what_another_process_learnt_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    one, two = (OwnHosts(path, SystemClock(), print) for _ in range(2))
    await one.remember("web1", "ssh-ed25519", b"key")
    known = await two.remember("web1", "ssh-ed25519", b"forged")
    assert [key.blob for key in known] == [b"key"]
    await two.remember("web2", "ssh-ed25519", b"key2")
    assert found(two.hosts, "web2") == ["key2"]
    assert path.read_text().count("\n") == 2


async def test_a_last_line_without_an_end_is_not_spoilt(tmp_path: Path) -> None:
    path = tmp_path / "known_hosts"
    path.write_text(f"web1 ssh-rsa {b64('one')}")
    own = OwnHosts(path, SystemClock(), print)
    await own.remember("web2", "ssh-rsa", b"two")
    again = OwnHosts(path, SystemClock(), print)
    assert (found(again.hosts, "web1"), found(again.hosts, "web2")) == (["one"], ["two"])


async def test_without_a_file_keys_are_known_for_this_process(tmp_path: Path) -> None:
    own = OwnHosts(None, SystemClock(), print)
    assert await own.remember("web1", "ssh-rsa", b"one") == []
    assert await own.remember("web1", "ssh-rsa", b"one") == []
    assert await own.remember("web1", "ssh-rsa", b"two")


def test_a_portless_name_is_a_welcome_not_a_must(tmp_path: Path) -> None:
    side = Side(tmp_path)
    (tmp_path / "kh").write_text(f"web1 ssh-rsa {b64('one')}\n")
    options = side.options("web1:2222", f"Host *\n  UserKnownHostsFile {tmp_path}/kh\n")
    trust = HostKeys(SystemClock(), print).trust(options, "10.0.0.1")
    assert trust.judge("ssh-rsa", b"one", 0) is True
    assert trust.judge("ssh-rsa", b"another", 0) is False, "another server on the same host: new"
    assert trust.known_types == ["ssh-rsa"]


def test_known_by_name_the_address_does_not_count(tmp_path: Path) -> None:
    side = Side(tmp_path)
    (tmp_path / "kh").write_text(f"web1 ssh-rsa {b64('one')}\n10.0.0.1 ssh-rsa {b64('two')}\n")
    config = f"Host *\n  UserKnownHostsFile {tmp_path}/kh\n"
    keys = HostKeys(SystemClock(), print)
    with pytest.raises(HostKeyMismatch):
        keys.trust(side.options("web1", config), "10.0.0.1").judge("ssh-rsa", b"two", 0)
    with pytest.raises(HostKeyMismatch):
        keys.trust(side.options("web2", config), "10.0.0.1").judge("ssh-rsa", b"three", 0)
    assert keys.trust(side.options("web2", config), "10.0.0.1").judge("ssh-rsa", b"two", 0) is True
