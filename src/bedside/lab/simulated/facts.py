"""What the simulated CMDB and monitoring say of a simulated host; the same for the same seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bedside.lab import facts
from bedside.lab.level import SERVICES, LabHost
from bedside.lab.monitor import states
from bedside.lab.simulated.host import Host
from bedside.lab.simulated.platforms import SIMULATED

_STATES = ("OK", "WARNING", "CRITICAL", "UNKNOWN")
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


def tables(fleet: Sequence[tuple[LabHost, Host]], seed: int, now: int) -> dict[str, list[dict[str, Any]]]:
    """Return the Livestatus tables as they are at `now`, seconds since 1970."""
    hosts = [_host_row(planned, host, now) for planned, host in fleet]
    services = [row for planned, host in fleet for row in _service_rows(planned, host, seed, now)]
    members: dict[str, list[str]] = {}
    for row in hosts:
        for group in row["groups"]:
            members.setdefault(group, []).append(row["name"])
    status = {
        "program_version": f"r2.13.6-1 {SIMULATED}",
        "livestatus_version": SIMULATED,
        "num_hosts": len(hosts),
        "num_services": len(services),
    }
    return {
        "hosts": hosts,
        "services": services,
        "hostgroups": [{"name": name, "alias": name, "members": m} for name, m in members.items()],
        "status": [status],
    }


def _host_row(planned: LabHost, host: Host, now: int) -> dict[str, Any]:
    state = 0 if host.answers else 1
    return {
        "name": host.name,
        "alias": host.name,
        "display_name": host.name,
        "address": host.address,
        "state": state,
        "plugin_output": f"PING {'CRITICAL' if state else 'OK'} - Packet loss = {100 * state}%",
        "groups": ["lab", planned.platform],
        "notes": SIMULATED,
        "services": list(SERVICES),
        "num_services": len(SERVICES),
        "custom_variable_names": ["port"],
        "custom_variable_values": [str(planned.port)],
        "custom_variables": {"port": str(planned.port)},
        **_common(state, now),
    }


def _service_rows(planned: LabHost, host: Host, seed: int, now: int) -> list[dict[str, Any]]:
    rows = []
    for name, made_up in zip(SERVICES, states(host.name, seed), strict=True):
        state, output = (made_up, f"{_STATES[made_up]} - {name} (made up by the lab)")
        if name == SERVICES[0]:
            state, output = _ssh(planned, host)
        row: dict[str, Any] = {
            "description": name,
            "display_name": name,
            "host_name": host.name,
            "host_alias": host.name,
            "host_display_name": host.name,
            "host_address": host.address,
            "host_state": 0 if host.answers else 1,
            "host_groups": ["lab", planned.platform],
            "state": state,
            "plugin_output": output,
            "groups": [],
            "notes": "",
            "custom_variable_names": [],
            "custom_variable_values": [],
            "custom_variables": {},
        }
        rows.append(row | _common(state, now))
    return rows


def _ssh(planned: LabHost, host: Host) -> tuple[int, str]:
    if host.answers:
        return 0, f"SSH OK - {host.platform.ssh_version} bedside-lab-simulated (protocol 2.0)"
    return 2, f"connect to address {host.address} and port {planned.port}: no banner"


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
