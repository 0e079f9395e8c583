"""The programs of the simulated hosts: what the demo and the talk's fabfiles need."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.simulated import Ran, make_host, run

from bedside.lab.level import OPS_PASSWORD
from bedside.lab.simulated.host import Host

PROBE = "env x='() { :;}; echo vulnerable' bash -c 'echo probe'"
UPDATE = 'DEBIAN_FRONTEND=noninteractive apt-get -o             Acquire::http::Pipeline-Depth="0" -y update'
INSTALL = (
    'DEBIAN_FRONTEND=noninteractive apt-get -o             Acquire::http::Pipeline-Depth="0" install bash'
)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return make_host(tmp_path)


def test_talks_facts_have_their_exact_form(host: Host) -> None:
    assert run(host, "lsb_release -c").out == "Codename:\tbookworm\n"
    assert run(host, "uname -i").out == "unknown\n"
    assert run(host, "dpkg-query -W bash").out == "bash\t5.2.15-2+b8+lab1\n"
    assert "simulated by bedside lab" in run(host, "uname -a").out


def test_postconf_prints_the_talks_lines(host: Host) -> None:
    assert run(host, "postconf -h relayhost").out == "mail.lab.invalid\n"
    lines = run(host, "postconf | grep relayhost").out.splitlines()
    assert lines[0] == "address_verify_relayhost = $relayhost"
    assert lines[-1] == "sender_dependent_relayhost_maps ="


def test_probe_fires_until_the_fixed_bash_is_installed(host: Host) -> None:
    assert run(host, PROBE) == Ran(0, "vulnerable\nprobe\n", "")
    assert run(host, INSTALL).out.endswith("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n")
    assert run(host, PROBE).out == "vulnerable\nprobe\n", "apt knows of nothing newer before an update"
    assert run(host, UPDATE).status == 0
    assert "Setting up bash (5.2.15-2+b8+lab2)" in run(host, INSTALL).out
    assert run(host, PROBE) == Ran(0, "probe\n", "")
    assert "already the newest version" in run(host, INSTALL).out


def test_vulnerable_login_shell_runs_what_the_client_sends_in_its_environment(host: Host) -> None:
    hostile = {"LC_X": "() { :;}; echo owned"}
    assert run(host, "true", env=hostile).out == "owned\n"
    run(host, f"{UPDATE}; {INSTALL}")
    assert run(host, "true", env=hostile).out == ""


def test_other_shells_do_not_fire_the_probe(host: Host) -> None:
    assert run(host, PROBE.replace("bash -c", "sh -c")).out == "probe\n"


def test_apt_can_go_back_and_forth_between_versions(host: Host) -> None:
    run(host, f"{UPDATE}; {INSTALL}")
    assert run(host, "apt-get -y --allow-downgrades install bash=5.2.15-2+b8+lab1").status == 0
    assert host.vulnerable
    assert run(host, "apt-get -y install bash=9").status == 100


def test_held_package_is_not_changed(host: Host) -> None:
    run(host, f"{UPDATE}; apt-mark hold bash")
    ran = run(host, "apt-get -y install bash")
    assert ran.status == 100
    assert "Held packages were changed" in ran.err
    assert "Inst bash" in run(host, "apt-get -s install bash").out
    assert run(host, "apt-mark unhold bash && apt-get -y upgrade").status == 0
    assert not host.vulnerable


def test_apt_without_root_lock_or_room_is_refused(host: Host) -> None:
    assert "are you root?" in run(host, UPDATE, user="ops").err
    host.locked = True
    ran = run(host, UPDATE)
    assert ran.status == 100
    assert ran.err.startswith(
        "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 4711 (unattended-upgr)\n"
    )
    host.locked, host.full = False, True
    ran = run(host, INSTALL)
    assert ran.status == 100
    assert "No space left on device" in ran.err


def test_dpkg_installs_a_put_package_and_holds_it(host: Host) -> None:
    run(host, "cat > /tmp/bash_2.05b-26.3_i386.deb", stdin="a package")
    assert run(host, "dpkg -i /tmp/bash_2.05b-26.3_i386.deb").status == 0
    assert run(host, "dpkg-query -W -f '${Version} ${Status}' bash").out == "2.05b-26.3 install ok installed"
    assert run(host, 'echo "bash hold" | dpkg --set-selections').status == 0
    assert host.held == {"bash"}
    assert run(host, "dpkg -i /tmp/nosuch_1_all.deb").status == 1


def test_full_disk_takes_no_data(host: Host) -> None:
    host.full = True
    assert run(host, "echo a > /root/f").err == "echo: No space left on device\n"
    assert run(host, "df").out.splitlines()[1].split()[3:5] == ["0", "100%"]


def test_sudo_asks_with_the_prompt_it_was_given_and_checks(host: Host) -> None:
    right = run(host, "sudo -S -p TOKEN id -un", user="ops", stdin=f"{OPS_PASSWORD}\n")
    assert right == Ran(0, "root\n", "TOKEN")
    again = run(
        host, "sudo -S -p T -- sh -c 'read a; echo $a'", user="ops", stdin=f"no\n{OPS_PASSWORD}\nrest\n"
    )
    assert again == Ran(0, "rest\n", "TSorry, try again.\nT")
    assert run(host, "sudo -S -p T id", user="ops", stdin="1\n2\n3\n").status == 1
    assert run(host, "sudo -n id", user="ops").err == "sudo: a password is required\n"
    assert run(host, "sudo id", user="ops").status == 1
    assert run(host, "sudo -u ops id -un").out == "ops\n"


def test_ops_may_write_at_home_and_in_tmp_only(host: Host) -> None:
    assert run(host, "echo a > f; echo b > /tmp/g; cat f /tmp/g", user="ops").out == "a\nb\n"
    assert (
        run(host, "echo a > /etc/x", user="ops").err
        == "bash: line 1: cannot open /etc/x: Permission denied\n"
    )
    assert run(host, "cat /root/f", user="ops").status == 1


def test_look_alikes_have_what_theirs_have_and_no_more(tmp_path: Path) -> None:
    openwrt, qnap, cygwin = (make_host(tmp_path, kind) for kind in ("openwrt", "qnap", "cygwin"))
    assert "OpenWrt" in run(openwrt, "cat /etc/openwrt_release").out
    assert run(openwrt, PROBE).err == "sh: 1: bash: not found\n"
    assert run(qnap, "getcfg System Model -f /etc/config/uLinux.conf").out == "TS-X41\n"
    assert run(cygwin, "uname -s").out.startswith("CYGWIN_NT")
    assert run(cygwin, PROBE).out == "probe\n"
    for host in (openwrt, qnap, cygwin):
        assert run(host, "apt-get update").status == 127
        assert run(host, "sudo id").status == 127


def test_reboot_is_for_root_and_boot_changes_the_boot_id(host: Host) -> None:
    asked: list[bool] = []
    host.on_reboot = lambda: asked.append(True)
    assert run(host, "reboot", user="ops").status == 1
    assert not asked
    assert run(host, "reboot").status == 0
    assert asked
    before = run(host, "cat /proc/sys/kernel/random/boot_id").out
    host.boot()
    assert run(host, "cat /proc/sys/kernel/random/boot_id").out != before
