"""What the simulated CMDB and monitoring say of a simulated host; the same for the same seed."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

from bedside.lab import facts
from bedside.lab.level import SERVICES, LabHost
from bedside.lab.simulated.host import Host
from bedside.lab.simulated.platforms import SIMULATED

_OUTPUT = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
_WEIGHTS = (90, 5, 3, 2)
_INTERVAL = 60


def document(planned: LabHost, host: Host, host_key: str, collected: str) -> dict[str, Any] | None:
    """Return a host's fact document as it is now; None for an appliance. `collected` is RFC 3339."""
    found = facts.document(
        planned,
        root=host.files.root,
        mac="02:00:" + ":".join(f"{int(part):02x}" for part in host.address.split(".")),
        machine_id=host.machine_id,
        public_key=host_key,
        collected=collected,
    )
    if found is None:
        return None
    architecture = found["facts"]["os"]["architecture"]
    found["facts"] |= {
        "kernel": host.platform.kernel,
        "kernelrelease": host.platform.kernel_release,
        "kernelversion": host.platform.kernel_release.partition("-")[0],
        "virtual": SIMULATED,
        "packages": {
            name: [{"version": version, "arch": architecture, "source": name, "held": name in host.held}]
            for name, version in host.packages.items()
        },
    }
    return found


def tables(hosts: Sequence[Host], seed: int, now: int) -> dict[str, list[dict[str, Any]]]:
    """Return the Livestatus tables as they are at `now`, seconds since 1970."""
    rows = [_host_row(host, now) for host in hosts]
    services = [row for host in hosts for row in _service_rows(host, seed, now)]
    groups = sorted({host.platform.kind for host in hosts})
    return {
        "hosts": rows,
        "services": services,
        "hostgroups": [
            {"name": g, "alias": g, "members": [h.name for h in hosts if h.platform.kind == g]}
            for g in groups
        ],
        "status": [
            {
                "program_version": f"r2.13.6-1 {SIMULATED}",
                "livestatus_version": SIMULATED,
                "num_hosts": len(rows),
                "num_services": len(services),
            }
        ],
    }


def _host_row(host: Host, now: int) -> dict[str, Any]:
    state = 0 if host.answers else 1
    return {
        "name": host.name,
        "alias": host.name,
        "display_name": host.name,
        "address": host.address,
        "state": state,
        "output": "",
        "plugin_output": "PING OK" if state == 0 else "PING CRITICAL - no answer",
        "groups": [host.platform.kind],
        "notes": SIMULATED,
        "services": list(SERVICES),
        "num_services": len(SERVICES),
        "custom_variables": {},
        **_common(state, now),
    }


def _common(state: int, now: int) -> dict[str, Any]:
    checked = now - now % _INTERVAL
    return {
        "state_type": 1,
        "hard_state": state,
        "last_check": checked,
        "last_state_change": checked,
        "has_been_checked": 1,
        "acknowledged": False,
        "scheduled_downtime_depth": 0,
        "checks_enabled": 1,
        "latency": 0.0,
        "execution_time": 0.0,
    }


def _service_rows(host: Host, seed: int, now: int) -> list[dict[str, Any]]:
    chance = _random(seed, host.name)
    rows = []
    for name in SERVICES:
        state = chance.choices(range(4), _WEIGHTS)[0]
        output = f"{_OUTPUT[state]} - {name}, {SIMULATED}"
        if name == "ssh":
            state = 0 if host.answers else 2
            output = (
                f"SSH OK - {host.platform.ssh_version} (protocol 2.0)"
                if host.answers
                else "CRITICAL - no answer"
            )
        rows.append(
            {
                "description": name,
                "display_name": name,
                "host_name": host.name,
                "host_alias": host.name,
                "host_display_name": host.name,
                "host_address": host.address,
                "host_state": 0 if host.answers else 1,
                "host_groups": [host.platform.kind],
                "state": state,
                "plugin_output": output,
                "groups": [],
                "notes": "",
                "custom_variables": {},
                **_common(state, now),
            }
        )
    return rows


def _random(seed: int, name: str) -> Random:
    return Random(f"{seed}/{name}")  # noqa: S311 - no secret, the same each time
