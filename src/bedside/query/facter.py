"""Facter's old flat fact names, and where the same facts stand among the structured ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_TABLE = """
operatingsystem os.name
osfamily os.family
operatingsystemrelease os.release.full
operatingsystemmajrelease os.release.major
lsbdistid os.distro.id
lsbdistcodename os.distro.codename
lsbdistdescription os.distro.description
lsbdistrelease os.distro.release.full
lsbmajdistrelease os.distro.release.major
architecture os.architecture
hardwaremodel os.hardware
selinux os.selinux.enabled
hostname networking.hostname
fqdn networking.fqdn
domain networking.domain
ipaddress networking.ip
ipaddress6 networking.ip6
macaddress networking.mac
netmask networking.netmask
network networking.network
processorcount processors.count
physicalprocessorcount processors.physicalcount
hardwareisa processors.isa
manufacturer dmi.manufacturer
productname dmi.product.name
serialnumber dmi.product.serial_number
uuid dmi.product.uuid
uptime system_uptime.uptime
uptime_days system_uptime.days
uptime_hours system_uptime.hours
uptime_seconds system_uptime.seconds
sshrsakey ssh.rsa.key
sshdsakey ssh.dsa.key
sshecdsakey ssh.ecdsa.key
sshed25519key ssh.ed25519.key
rubyversion ruby.version
memorysize memory.system.total
memoryfree memory.system.available
swapsize memory.swap.total
"""

LEGACY: Mapping[str, tuple[str, ...]] = {
    old: tuple(new.split(".")) for old, new in (line.split() for line in _TABLE.split("\n") if line)
}


def structured(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts with those of flat old names in their structured place, if none stands there yet.

    Facts that only the old names could tell by their text (the major release) are made from it.
    """
    result: dict[str, Any] = {k: v for k, v in facts.items() if not _is_old(k, v)}
    for name, value in facts.items():
        if _is_old(name, value):
            _fill(result, LEGACY[name], value)
    for base in (("os",), ("os", "distro")):
        full = get(result, (*base, "release", "full"))
        if isinstance(full, str) and full[:1].isdigit():
            _fill(result, (*base, "release", "major"), full.split(".")[0])
    return result


def get(facts: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    """Return the fact at the path, or None."""
    found: Any = facts
    for segment in path:
        found = found.get(segment) if isinstance(found, Mapping) else None
    return found


def _is_old(name: str, value: object) -> bool:
    return name in LEGACY and not isinstance(value, Mapping)


def _fill(facts: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    here = facts
    for segment in path[:-1]:
        inner = here.get(segment)
        if inner is None:
            inner = {}
        elif not isinstance(inner, dict):
            return  # a flat fact of that very name stands in the way: leave it
        here[segment] = inner = dict(inner)
        here = inner
    here.setdefault(path[-1], value)
