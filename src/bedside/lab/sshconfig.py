"""The generated files through which ssh and bedside reach a lab: ssh_config, known_hosts, bedside.toml."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from bedside import config
from bedside.lab.level import OPS_PASSWORD, SITE, Folders, LabHost


def ssh_config(folders: Folders, hosts: Sequence[LabHost], *, proxy: Sequence[str] = ()) -> str:
    """Return an ssh_config(5). `proxy` is the start of a ProxyCommand; host and port are put behind it."""
    lines = ["# Made by `bedside lab up`; goes with `bedside lab down`."]
    for host in hosts:
        lines += [f"Host {host.name}", f"    HostName {host.address}", f"    Port {host.port}"]
    lines += [
        f"Host {' '.join(host.name for host in hosts) or 'none'}",
        "    User root",
        f"    IdentityFile {_quoted(folders.key)}",
        "    IdentitiesOnly yes",
        f"    UserKnownHostsFile {_quoted(folders.known_hosts)}",
        "    GlobalKnownHostsFile /dev/null",
        "    StrictHostKeyChecking accept-new",
        "    UpdateHostKeys no",
        "    ConnectTimeout 10",
    ]
    if proxy:
        lines.append(f"    ProxyCommand {' '.join(proxy)} %h %p")
    return "\n".join(lines) + "\n"


def known_hosts(hosts: Sequence[LabHost], keys: Mapping[str, str]) -> str:
    """Return a known_hosts file; `keys` are the hosts' public keys by name."""
    lines = []
    for host in hosts:
        if host.name in keys:
            kind, key = keys[host.name].split()[:2]
            names = [host.name, host.address] if host.port == 22 else [f"[{host.address}]:{host.port}"]
            lines.append(f"{','.join(names)} {kind} {key}")
    return "".join(f"{line}\n" for line in lines)


def bedside_config(folders: Folders, inside: bool, livestatus: str, couchdb: str) -> str:
    """Return a bedside.toml whose site `lab` has one Livestatus and one database of facts."""
    password = folders.state / "ops_password"
    return f"""\
# Made by `bedside lab up`; goes with `bedside lab down`.
[ssh]
user = "root"
config_file = {json.dumps(str(folders.ssh_config(inside=inside)))}
known_hosts = {json.dumps(str(folders.known_hosts))}
sudo_password_file = {json.dumps(str(password))}

[site.{SITE}]
sources = [
  {{ type = "livestatus", url = {json.dumps(livestatus)} }},
  {{ type = "couchdb", url = {json.dumps(couchdb)} }},
]
"""


def write(folders: Folders, files: Mapping[Path, str]) -> None:
    """Write generated files, readable by their owner only."""
    for path, words in {**files, folders.state / "ops_password": f"{OPS_PASSWORD}\n"}.items():
        with open(path, "w", opener=config.private_opener) as file:
            file.write(words)


def _quoted(path: Path) -> str:
    return f'"{path}"'
