from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path

from bedside.lab import facts, fleet, level, monitor, seeds, sshconfig
from bedside.lab.level import SERVICES, Folders, LabHost, Spec
from bedside.lab.seeds import KeyPair

HOSTS = level.plan(Spec(hosts=3), fleet.address)
BOOKWORM = HOSTS[1]


def folders(tmp_path: Path) -> Folders:
    return Folders(tmp_path / "my lab", tmp_path / "cache")


def asked(config: Path, host: str) -> dict[str, str]:
    """Return what OpenSSH makes of an ssh_config for a host."""
    told = subprocess.run(["ssh", "-G", "-F", str(config), host], capture_output=True, text=True, check=True)
    return dict(line.split(" ", 1) for line in told.stdout.splitlines() if " " in line)


def test_openssh_reads_the_generated_config_as_meant(tmp_path: Path) -> None:
    where = folders(tmp_path)
    path = tmp_path / "config"
    path.write_text(sshconfig.ssh_config(where, HOSTS, proxy=["nsenter", "-t", "7", "--net", "nc"]))
    told = asked(path, "bookworm-01")
    assert (told["hostname"], told["port"], told["user"]) == (BOOKWORM.address, "22", "root")
    assert told["proxycommand"] == "nsenter -t 7 --net nc %h %p"
    assert told["userknownhostsfile"].strip('"') == str(where.known_hosts)
    assert told["identityfile"].strip('"') == str(where.key)
    assert "proxycommand" not in asked(path, "elsewhere.example")
    path.write_text(sshconfig.ssh_config(where, HOSTS))
    assert "proxycommand" not in asked(path, "bookworm-01")


def test_known_hosts_names_each_host_by_name_and_address() -> None:
    moved = LabHost("far-01", "debian", "bookworm", "127.0.0.1", 2201)
    text = sshconfig.known_hosts(
        [BOOKWORM, moved], {"bookworm-01": "ssh-ed25519 AAA x", "far-01": "ssh-ed25519 B"}
    )
    assert text == f"bookworm-01,{BOOKWORM.address} ssh-ed25519 AAA\n[127.0.0.1]:2201 ssh-ed25519 B\n"


def test_bedside_config_is_toml_with_one_site(tmp_path: Path) -> None:
    where = folders(tmp_path)
    text = sshconfig.bedside_config(where, True, "tcp://10.77.0.1:6557", "http://10.77.0.1:5984/facts")
    told = tomllib.loads(text)
    assert [source["type"] for source in told["site"]["lab"]["sources"]] == ["livestatus", "couchdb"]
    assert told["ssh"]["config_file"] == str(where.ssh_config(inside=True))


def test_written_files_are_their_owners_alone(tmp_path: Path) -> None:
    where = folders(tmp_path)
    where.state.mkdir()
    sshconfig.write(where, {where.key: "secret"})
    assert {path.stat().st_mode & 0o777 for path in where.state.iterdir()} == {0o600}


def test_icinga_literals_never_close_two_braces_at_once() -> None:
    text = monitor.literal({'a"b': {"list": [1, "x"], "empty": {}}})
    assert "}}" not in text
    assert '"a\\"b" = {' in text
    assert '"list" = [1, "x"]' in text


def test_same_seed_gives_the_same_states_and_machine_ids() -> None:
    assert len(monitor.states("bookworm-01", 1)) == len(SERVICES) == len(set(SERVICES)) == 25
    assert monitor.states("bookworm-01", 1) == monitor.states("bookworm-01", 1)
    assert any(
        monitor.states(f"bookworm-{n:02}", 1) != monitor.states(f"bookworm-{n:02}", 2) for n in range(9)
    )
    assert seeds.machine_id("a", 1) != seeds.machine_id("b", 1)
    assert len(seeds.machine_id("a", 1)) == 32


def test_host_lets_in_the_labs_key_and_shows_its_own() -> None:
    key = KeyPair.make("bookworm-01")
    own = {f.path: f for f in seeds.files(BOOKWORM, seed=0, login="ssh-ed25519 LAB", key=key, penalties=True)}
    assert own["home/ops/.ssh/authorized_keys"].owner == 1000
    assert own["root/.ssh/authorized_keys"].data == b"ssh-ed25519 LAB\n"
    assert own["etc/ssh/ssh_host_ed25519_key"].mode == 0o600
    assert own["etc/ssh/ssh_host_ed25519_key"].data == key.private
    assert b"PerSourcePenalties no" in own["etc/ssh/sshd_config.d/lab.conf"].data


def test_appliance_has_no_key_and_no_facts() -> None:
    appliance = HOSTS[-1]
    paths = [f.path for f in seeds.files(appliance, seed=0, login="x", key=None, penalties=False)]
    assert paths == ["etc/hostname", "etc/hosts", "etc/machine-id"]
    told = facts.document(
        appliance, root=Path("/nonexistent"), mac="", machine_id="", public_key=None, collected=""
    )
    assert told is None


def test_facts_come_from_the_hosts_own_files(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text(
        'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_CODENAME=bookworm\n'
    )
    (tmp_path / "etc/debian_version").write_text("12.11\n")
    public = KeyPair.make("x").public
    told = facts.document(
        BOOKWORM, root=tmp_path, mac="02:77:00:00:00:02", machine_id="a" * 32, public_key=public,
        collected="2026-01-01T00:00:00Z",
    )  # fmt: skip
    assert told is not None
    system = told["facts"]["os"]
    assert (system["name"], system["family"]) == ("Debian", "Debian")
    assert system["release"] == {"full": "12.11", "major": "12", "minor": "11"}
    assert system["distro"]["codename"] == "bookworm"
    assert told["facts"]["networking"]["ip"] == BOOKWORM.address
    assert told["facts"]["ssh"]["ed25519"]["key"] == public.split()[1]
