"""A namespaces lab as its user meets it: hosts to heal, and both ways in."""

from __future__ import annotations

import os
import socket
import time
import tomllib
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from tests.support.cli import Cli
from tests.support.labs import make, until

from bedside.config import xdg
from bedside.lab.level import RELEASES

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]  # a first lab makes Debian roots

PROBE = "env x='() { :;}; echo vulnerable' bash -c 'echo probe'"
UPDATE = "DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::http::Pipeline-Depth=0 -y update"
UPGRADE = "DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::http::Pipeline-Depth=0 install bash"


@pytest.fixture(scope="module")
def cli(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cli]:
    """A user whose lab has a host of each release, and one with systemd."""
    home = tmp_path_factory.mktemp("home")
    make("namespaces", home)  # skips where this machine can't
    environ = {"XDG_STATE_HOME": str(home), "XDG_CACHE_HOME": str(xdg("cache", os.environ).parent)}
    cli = Cli(home, home / "bedside" / "lab" / "bedside.toml", environ)
    releases = ",".join([*RELEASES, "bookworm-systemd"])
    ended = cli("lab", "up", "--hosts", "4", "--releases", releases)
    assert ended.status == 0, ended.err
    yield cli
    assert cli("lab", "down").status == 0


@pytest.mark.parametrize("platform", [*RELEASES, "bookworm-systemd"])
def test_probe_fires_on_each_release_and_the_talks_commands_heal_it(cli: Cli, platform: str) -> None:
    def on_host(words: str) -> str:
        ended = cli("lab", "ssh", f"{platform}-01", words)
        assert ended.status == 0, ended.err
        return ended.out

    assert on_host(PROBE) == "vulnerable\nprobe\n"
    on_host(UPDATE)
    assert "+lab2) over" in on_host(UPGRADE)
    assert on_host(PROBE) == "probe\n"
    assert on_host("bash -lc 'echo $0; exit 0'") == "bash\n"


@pytest.mark.parametrize("inside", [True, False])
def test_bedside_asks_and_reaches_the_lab_from_inside_and_from_anywhere(cli: Cli, inside: bool) -> None:
    words = ["run", "service ~ ssh", "-b", "--", "id", "-un"]
    ended = cli("lab", "exec", "--", "bedside", *words) if inside else cli(*words)
    assert ended.status == 0, ended.err
    assert "(4 hosts)" in ended.out
    assert "root" in ended.out.splitlines()


def test_inside_has_direct_addresses_and_outside_loopback_ones(cli: Cli) -> None:
    told = cli("lab", "exec", "--", "sh", "-c", "cat $BEDSIDE_CONFIG").out
    inside, outside = tomllib.loads(told), tomllib.loads(cli.config.read_text())
    assert [s["url"] for s in inside["site"]["lab"]["sources"]] == [
        "tcp://10.77.0.1:6557", "http://10.77.0.1:5984/facts",
    ]  # fmt: skip
    assert all("//127.0.0.1:" in s["url"] for s in outside["site"]["lab"]["sources"])


def test_exec_gives_back_the_commands_status(cli: Cli) -> None:
    assert cli("lab", "exec", "--", "sh", "-c", "exit 7").status == 7
    missing = cli("lab", "exec", "--", "no-such-program")
    assert missing.status != 0
    assert "no-such-program" in missing.err


def test_status_tells_release_address_power_and_time_of_each_host(cli: Cli) -> None:
    rows = cli("lab", "status", "--json").objects
    assert [row["name"] for row in rows][:4] == [f"{p}-01" for p in [*RELEASES, "bookworm-systemd"]]
    row = rows[3]
    since = row.pop("since")
    assert since.endswith("Z")
    assert row == {
        "name": "bookworm-systemd-01", "platform": "bookworm-systemd", "address": "10.77.1.5", "port": 22,
        "on": True, "level": "namespaces",
    }  # fmt: skip


def test_ops_is_let_in_by_key_but_becomes_root_only_by_password(cli: Cli) -> None:
    refused = cli("lab", "ssh", "ops@trixie-01", "sudo -n id")
    assert refused.status == 1
    assert cli("lab", "ssh", "ops@trixie-01", "echo opspw | sudo -S -p '' id -u").out == "0\n"


def test_faults_for_unknown_hosts_or_of_unknown_kinds_are_usage_errors(cli: Cli) -> None:
    assert cli("lab", "fault", "bookwurm-01", "cut").status == 2
    wrong = cli("lab", "fault", "bookworm-01", "cutt")
    assert wrong.status == 2
    assert "there are reboot" in wrong.err


def test_machine_id_host_key_and_boot_are_each_hosts_own(cli: Cli) -> None:
    read = "cat /etc/machine-id /etc/ssh/ssh_host_ed25519_key.pub /proc/sys/kernel/random/boot_id"
    seen = [cli("lab", "ssh", f"{release}-01", read).out for release in RELEASES]
    lines = [line for told in seen for line in told.splitlines()]
    assert len(lines) == len(set(lines)) == 9


def test_facts_name_each_hosts_key_and_release(cli: Cli) -> None:
    document = httpx.get(f"{source(cli, 'couchdb')}/trixie-01", trust_env=False).json()
    key = cli("lab", "ssh", "trixie-01", "cat /etc/ssh/ssh_host_ed25519_key.pub").out.split()[1]
    assert document["facts"]["ssh"]["ed25519"]["key"] == key
    release = cli("lab", "ssh", "trixie-01", "cat /etc/debian_version").out.strip()
    assert document["facts"]["os"]["release"]["full"] == release
    assert document["facts"]["kernelrelease"] == os.uname().release


def test_ssh_service_is_a_real_check_that_fails_for_a_host_that_is_off(cli: Cli) -> None:
    def ask(request: str) -> str:
        url = urlsplit(source(cli, "livestatus"))
        with socket.create_connection((url.hostname, url.port), 10) as connection:
            connection.sendall(request.encode())
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()

    rows = (
        "GET services\nColumns: plugin_output\nFilter: host_name = trixie-01\nFilter: description = ssh\n\n"
    )
    told = ask(rows)
    banner = cli("lab", "exec", "--", "busybox", "nc", "-w", "3", "10.77.1.4", "22").out.splitlines()[0]
    assert told.strip() == f"SSH OK - {banner.removeprefix('SSH-2.0-')} (protocol 2.0)"
    assert cli("lab", "fault", "trixie-01", "off").status == 0
    try:
        ask(f"COMMAND [{int(time.time())}] SCHEDULE_FORCED_SVC_CHECK;trixie-01;ssh;{int(time.time())}\n\n")
        assert until(lambda: "no banner" in ask(rows))
    finally:
        assert cli("lab", "fault", "trixie-01", "on").status == 0
    assert until(lambda: cli("lab", "ssh", "trixie-01", "true").status == 0)


def source(cli: Cli, kind: str) -> str:
    """Return the URL of the lab's source of a type."""
    sources = tomllib.loads(cli.config.read_text())["site"]["lab"]["sources"]
    return next(str(told["url"]) for told in sources if told["type"] == kind)
