"""What every level of the lab holds, asked of each by the real OpenSSH client and plain sockets."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from tests.support.labs import LEVELS, SPEC, Lab, processes, raised, until

from bedside.errors import LabError
from bedside.lab.level import OPS_PASSWORD, SERVICES, Spec

pytestmark = pytest.mark.timeout(900)  # a first namespaces lab makes Debian roots

PROBE = "env x='() { :;}; echo vulnerable' bash -c 'echo probe'"
UPDATE = "DEBIAN_FRONTEND=noninteractive apt-get -y update"
INSTALL = "DEBIAN_FRONTEND=noninteractive apt-get -y install bash"


def test_every_planned_host_is_on_and_named_as_the_plan_says(lab: Lab) -> None:
    rows = lab.status()
    wanted = ["bullseye-01", "bookworm-01", "trixie-01", "openwrt-01", "qnap-01", "cygwin-01", "appliance-01"]
    assert [row.name for row in rows] == wanted
    assert all(row.on for row in rows)


@pytest.mark.parametrize("host", ["bullseye-01", "bookworm-01", "trixie-01"])
def test_openssh_reaches_each_debian_host_by_name(lab: Lab, host: str) -> None:
    told = lab.ssh(host, "hostname; lsb_release -c 2>/dev/null || cat /etc/os-release; id -un")
    assert told.returncode == 0, told.stderr
    assert host in told.stdout
    assert host.partition("-")[0] in told.stdout
    assert told.stdout.endswith("root\n")


def test_exit_status_and_both_streams_come_back(lab: Lab) -> None:
    told = lab.ssh("bookworm-01", "echo out; echo err >&2; exit 7")
    assert (told.returncode, told.stdout, told.stderr) == (7, "out\n", "err\n")


def test_ops_becomes_root_with_the_password_only(lab: Lab) -> None:
    right = lab.ssh("ops@bookworm-01", "sudo -S -p '' id -un", stdin=f"{OPS_PASSWORD}\n")
    assert right.stdout == "root\n", right.stderr
    wrong = lab.ssh("ops@bookworm-01", "sudo -S -p '' id -un", stdin="wrong\n")
    assert wrong.returncode == 1
    assert wrong.stdout == ""


def test_probe_fires_until_apt_has_put_the_fixed_bash_in_place(lab: Lab) -> None:
    assert lab.ssh("trixie-01", PROBE).stdout == "vulnerable\nprobe\n"
    before = lab.ssh("trixie-01", "dpkg-query -W bash").stdout
    assert lab.ssh("trixie-01", UPDATE).returncode == 0
    assert lab.ssh("trixie-01", INSTALL).returncode == 0
    assert lab.ssh("trixie-01", PROBE).stdout == "probe\n"
    assert lab.ssh("trixie-01", "dpkg-query -W bash").stdout != before


def test_look_alikes_answer_but_are_no_debian(lab: Lab) -> None:
    for host in ("openwrt-01", "qnap-01", "cygwin-01"):
        assert lab.ssh(host, "echo here").stdout == "here\n"
        assert lab.ssh(host, "apt-get update").returncode == 127


def test_appliance_shows_a_banner_and_lets_nobody_in(lab: Lab) -> None:
    words = ["ssh", "-v", "-F", str(lab.folders.ssh_config(inside=False)), "-o", "BatchMode=yes"]
    words += ["-o", "ConnectTimeout=5", "appliance-01", "true"]
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as client:
        assert client.stderr is not None
        try:
            assert any("remote software version" in line for line in client.stderr)
            assert client.poll() is None or client.returncode == 255
        finally:
            client.kill()


def test_monitoring_and_facts_know_the_same_hosts(lab: Lab) -> None:
    names = {host.name for host in lab.state.hosts}
    assert {row[0] for row in lab.livestatus("GET hosts\nColumns: name")} == names
    page = httpx.get(f"{lab.sources()['couchdb']}/_all_docs?include_docs=true", trust_env=False).json()
    documents = {row["id"]: row["doc"] for row in page["rows"]}
    assert set(documents) == names - {"appliance-01"}, "nobody could have collected facts of the appliance"
    assert documents["trixie-01"]["facts"]["os"]["distro"]["codename"] == "trixie"
    assert documents["openwrt-01"]["facts"]["os"]["name"] == "OpenWrt"


def test_every_host_has_the_same_25_services_and_ssh_is_checked(lab: Lab) -> None:
    rows = lab.livestatus("GET services\nColumns: host_name description plugin_output")
    for host in lab.state.hosts:
        assert sorted(row[1] for row in rows if row[0] == host.name) == sorted(SERVICES)
    ssh = {row[0]: row[2] for row in rows if row[1] == "ssh"}
    assert ssh["bookworm-01"].startswith("SSH OK - OpenSSH_")


def test_addresses_of_monitoring_and_facts_agree(lab: Lab) -> None:
    planned = {host.name: host.address for host in lab.state.hosts}
    assert dict(lab.livestatus("GET hosts\nColumns: name address")) == planned


def test_cut_host_is_silent_and_answers_again_when_mended(lab: Lab) -> None:
    lab.fault("bullseye-01", "cut")
    try:
        assert lab.ssh("bullseye-01", "true", wait=2).returncode == 255
    finally:
        lab.fault("bullseye-01", "mend")
    assert until(lambda: lab.ssh("bullseye-01", "true", wait=5).returncode == 0)


def test_rebooted_host_comes_back_with_another_boot_id(lab: Lab) -> None:
    read = "cat /proc/sys/kernel/random/boot_id"
    before = lab.ssh("bullseye-01", read).stdout
    assert len(before) == 37
    lab.fault("bullseye-01", "reboot")
    assert until(lambda: lab.ssh("bullseye-01", read, wait=2).stdout not in ("", before))


def test_switched_off_host_says_so_until_it_is_on_again(lab: Lab) -> None:
    def on() -> bool:
        rows = lab.status()
        return next(row.on for row in rows if row.name == "bookworm-01")

    lab.fault("bookworm-01", "off")
    assert until(lambda: not on())
    assert lab.ssh("bookworm-01", "true", wait=2).returncode == 255
    lab.fault("bookworm-01", "on")
    assert until(lambda: on() and lab.ssh("bookworm-01", "true", wait=2).returncode == 0)


def test_held_lock_stops_apt_until_it_is_let_go(lab: Lab) -> None:
    lab.fault("bullseye-01", "lock")
    try:
        told = lab.ssh("bullseye-01", "apt-get -o DPkg::Lock::Timeout=0 -y install bash")
        assert told.returncode == 100
        assert "Could not get lock /var/lib/dpkg/lock-frontend" in told.stderr
    finally:
        lab.fault("bullseye-01", "unlock")
    assert lab.ssh("bullseye-01", "apt-get -y install bash").returncode == 0


def test_full_disk_takes_no_data_until_it_is_freed(lab: Lab) -> None:
    write = "cat /etc/os-release > /root/data && cat /root/data | wc -c"
    lab.fault("bullseye-01", "full")
    try:
        told = lab.ssh("bullseye-01", write)
        assert "No space left on device" in told.stderr
        assert told.returncode != 0
    finally:
        lab.fault("bullseye-01", "unfull")
    assert int(lab.ssh("bullseye-01", write).stdout) > 0


def test_broken_sshd_refuses_until_it_is_fixed(lab: Lab) -> None:
    lab.fault("bullseye-01", "break-sshd")
    assert until(lambda: lab.ssh("bullseye-01", "true", wait=2).returncode == 255)
    lab.fault("bullseye-01", "fix-sshd")
    assert until(lambda: lab.ssh("bullseye-01", "true", wait=2).returncode == 0)


def test_impossible_fault_is_refused_with_words(lab: Lab) -> None:
    with pytest.raises(LabError):
        lab.fault("openwrt-01", "lock")


def test_second_lab_in_the_same_folder_is_refused(lab: Lab) -> None:
    with pytest.raises(LabError, match="up"):
        lab.runner.run(lab.level.up(SPEC, lambda _: None))
    assert lab.ssh("bookworm-01", "true").returncode == 0


@pytest.mark.parametrize("name", LEVELS)
def test_down_leaves_no_folder_process_or_port(name: str, tmp_path: Path) -> None:
    with raised(name, tmp_path / "state", Spec(hosts=1, lookalikes=())) as made:
        urls = [urlsplit(url) for url in made.sources().values()]
        assert processes(made.folders.state)
        assert made.runner.run(made.level.down()) == []
        assert not made.folders.state.exists()
        assert not processes(made.folders.state)
        for url in urls:
            with socket.socket() as client:
                assert client.connect_ex((url.hostname, url.port)) != 0
