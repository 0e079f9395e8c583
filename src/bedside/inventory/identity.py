"""Which records of different sources speak of the same host.

Records are joined when host key and machine-id agree and addresses don't conflict (clones exist), or
when name and address agree and nothing speaks against it. Where only some evidence agrees, both hosts
are kept, and each says why in `conflict`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, TypeVar

from bedside.model import Host, Service
from bedside.query.facter import get

T = TypeVar("T")
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(slots=True)
class _Cluster:
    """Records held to be of one host, and why a record that looked like it is held to be of another."""

    records: list[Host]
    conflict: str | None = None


def merge(records: Iterable[Host]) -> list[Host]:
    """Return the hosts that the records speak of, sorted by name. A record's order is its rank."""
    clusters: list[_Cluster] = []
    places: dict[object, list[_Cluster]] = {}
    for record in records:
        home = _Cluster([record])
        clusters.append(home)
        # What is joined may be found by evidence that no record of it has alone: look again.
        while near := _near(home, places):
            home = _into(near, home)
        for key in _keys(home):
            places.setdefault(key, []).append(home)
    return sorted((_join(c) for c in clusters if c.records), key=lambda h: h.name)


def _near(home: _Cluster, places: Mapping[object, Sequence[_Cluster]]) -> _Cluster | None:
    """Return another cluster that is of the same host; those that only look so are told in `conflict`."""
    for key in _keys(home):
        for cluster in places.get(key, ()):
            if cluster is home or not cluster.records:
                continue
            if not (reason := _between(cluster, home)):
                return cluster
            cluster.conflict = cluster.conflict or reason
            home.conflict = home.conflict or reason
    return None


def _into(cluster: _Cluster, home: _Cluster) -> _Cluster:
    """Join two clusters; the second is left empty."""
    cluster.records += home.records
    cluster.conflict = cluster.conflict or home.conflict
    home.records = []
    return cluster


def _between(cluster: _Cluster, home: _Cluster) -> str | None:
    """Return what speaks against two clusters being of one host."""
    reasons = (_against(one, other) for other in cluster.records for one in home.records)
    return next((reason for reason in reasons if reason), None)


def folded(name: str) -> str:
    """Return a host's name as names are compared."""
    return name.rstrip(".").lower()


def _keys(cluster: _Cluster) -> list[object]:
    """Return the evidence by which another record of the same host would be found."""
    keys: list[object] = [*dict.fromkeys(folded(record.name) for record in cluster.records)]
    host_key = _first(record.host_key for record in cluster.records)
    machine_id = _first(record.machine_id for record in cluster.records)
    if host_key and machine_id:
        keys.append((host_key, machine_id))
    return keys


def _against(one: Host, other: Host) -> str | None:
    """Return what speaks against two records, found by name or by keys, being of one host."""
    if one.host_key and other.host_key and one.host_key != other.host_key:
        return f"{_both(one, other)} show different SSH host keys"
    if one.machine_id and other.machine_id and one.machine_id != other.machine_id:
        return f"{_both(one, other)} have different machine-ids"
    if not _reachable_alike(one, other):
        return f"{_both(one, other)} have different addresses, {one.address} and {other.address}"
    return None


def _both(one: Host, other: Host) -> str:
    if folded(one.name) != folded(other.name):
        return f"{one.name} and {other.name}"
    return f"{other.name} in {', '.join(other.sources)} and in {', '.join(one.sources)}"


def _reachable_alike(one: Host, other: Host) -> bool:
    """Return False where the addresses show that these are two hosts.

    A host has many: what one source calls its address may be any of those in the other's facts. A
    private and a public address of the same host are common (NAT), as is a name in place of an address.
    """
    first, second = set(_addresses(one)), set(_addresses(other))
    if not first or not second or first & second:
        return True
    return not any(a.version == b.version and a.is_private == b.is_private for a in first for b in second)


def _addresses(host: Host) -> Iterator[_Address]:
    found = [host.address]
    interfaces = get(host.facts, ("networking", "interfaces"))
    for interface in interfaces.values() if isinstance(interfaces, Mapping) else ():
        found += _of_interface(interface)
    for text in found:
        try:
            yield ipaddress.ip_address(text or "")
        except ValueError:
            continue


def _of_interface(interface: Any) -> list[str]:
    bound = [interface]
    for kind in ("bindings", "bindings6"):
        several = get(interface, (kind,))
        bound += several if isinstance(several, list) else []
    found = (get(b, (key,)) for b in bound for key in ("ip", "ip6", "address"))
    return [f for f in found if isinstance(f, str)]


def _join(cluster: _Cluster) -> Host:
    """Make one host of its records; where they differ, the first that says something is believed."""
    records = cluster.records
    first = records[0]
    if len(records) == 1:
        return replace(first, conflict=cluster.conflict)
    ages = [r.age_s for r in records if r.age_s is not None]
    return replace(
        first,
        address=_first(r.address for r in records),
        user=_first(r.user for r in records),
        port=_first(r.port for r in records),
        sites=_union(r.sites for r in records),
        state=_first(r.state for r in records),
        services=_services(records),
        groups=_union(r.groups for r in records),
        tags=_union(r.tags for r in records),
        labels={key: value for r in reversed(records) for key, value in r.labels.items()},
        facts=_facts([r.facts for r in records]),
        host_key=_first(r.host_key for r in records),
        machine_id=_first(r.machine_id for r in records),
        sources=_union(r.sources for r in records),
        conflict=cluster.conflict,
        age_s=max(ages, default=None),
    )


def _first(values: Iterable[T | None]) -> T | None:
    return next((v for v in values if v is not None), None)


def _union(values: Iterable[Sequence[str]]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(v for several in values for v in several))


def _services(records: Sequence[Host]) -> tuple[Service, ...]:
    """Return the services of all records; what two sources say of one service is both kept."""
    ordered = sorted((s for r in records for s in r.services), key=lambda s: s.name)
    return tuple(s for _, same in groupby(ordered, key=lambda s: s.name) for s in dict.fromkeys(same))


def _facts(several: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    joined: dict[str, Any] = {}
    for facts in several:
        for key, value in facts.items():
            held = joined.get(key)
            if isinstance(held, dict) and isinstance(value, Mapping):
                joined[key] = _facts([held, value])
            else:
                joined.setdefault(key, value)
    return joined
