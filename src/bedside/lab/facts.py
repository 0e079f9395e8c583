"""The fact document that a CMDB would hold of a host, in Facter's structure, from the host's own files."""

from __future__ import annotations

import base64
import hashlib
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bedside.lab.level import LabHost
from bedside.lab.lookalikes import FACTS


def document(
    host: LabHost, *, root: Path, mac: str, machine_id: str, public_key: str | None, collected: str
) -> dict[str, Any] | None:
    """Return a host's document for CouchDB; None where nobody could have collected facts (the appliance).

    `root` is the folder of its system; `collected` is RFC 3339.
    """
    if host.kind != "debian" and host.kind not in FACTS:
        return None
    kernel = os.uname()
    facts: dict[str, Any] = {
        "kernel": kernel.sysname,
        "kernelrelease": kernel.release,
        "kernelversion": kernel.release.partition("-")[0],
        "virtual": "lxc",
        "is_virtual": True,
        "machine_id": machine_id,
        "networking": {"hostname": host.name, "fqdn": host.name, "ip": host.address, "mac": mac,
                       "netmask": "255.255.0.0", "primary": "eth0"},
        "processors": {"count": os.cpu_count() or 1, "isa": kernel.machine},
    }  # fmt: skip
    facts |= {"os": _debian(root, kernel.machine)} if host.kind == "debian" else FACTS[host.kind]
    if host.kind == "debian":
        facts["service_provider"] = "systemd" if host.systemd else "init"
    if public_key:
        facts["ssh"] = {"ed25519": _ssh(public_key)}
    return {"_id": host.name, "name": host.name, "collected": collected, "facts": facts}


def _debian(root: Path, machine: str) -> dict[str, Any]:
    release = os_release((root / "etc/os-release").read_text())
    full = (root / "etc/debian_version").read_text().strip()
    codename = release.get("VERSION_CODENAME", "")
    minor = full.partition(".")[2]
    return {
        "name": "Debian",
        "family": "Debian",
        "architecture": {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine),
        "hardware": machine,
        "release": {"full": full, "major": full.partition(".")[0]} | ({"minor": minor} if minor else {}),
        "distro": {
            "id": "Debian",
            "codename": codename,
            "description": release.get("PRETTY_NAME", ""),
            "release": {"full": full, "major": full.partition(".")[0]},
        },
        "selinux": {"enabled": False},
    }


def os_release(text: str) -> Mapping[str, str]:
    """Read an os-release(5) file."""
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {key: "".join(shlex.split(value)) for key, _, value in pairs}


def _ssh(public_key: str) -> dict[str, Any]:
    """Return Facter's fact on an ssh host key; its fingerprints are SSHFP records (RFC 4255, algorithm 4)."""
    kind, key = public_key.split()[:2]
    raw = base64.b64decode(key)
    return {
        "type": kind,
        "key": key,
        "fingerprints": {
            "sha1": f"SSHFP 4 1 {hashlib.sha1(raw, usedforsecurity=False).hexdigest()}",
            "sha256": f"SSHFP 4 2 {hashlib.sha256(raw).hexdigest()}",
        },
    }
