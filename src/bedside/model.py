"""Plain data that every room shares: hosts, services, exclusions, outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from bedside.errors import HostError

T = TypeVar("T")

HostState = Literal["up", "down", "unreachable", "pending"]
ServiceState = Literal["ok", "warning", "critical", "unknown", "pending"]


@dataclass(frozen=True, slots=True)
class Service:
    """One monitored service of a host. `output` is what its last check said: hostile text."""

    name: str
    state: ServiceState | None = None
    output: str = ""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Why a host is taken out: by hand (`by` is a person) or by a rule (`rule` is its name)."""

    reason: str
    by: str
    rule: str | None = None
    at: str | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Host:
    """One machine, as the sources together know it.

    `id` is our own and kept; names, addresses, the SSH host key and the machine-id are evidence for
    it. `facts` are Facter's structured facts. `age_s` is the age in seconds of the oldest answer used.
    """

    name: str
    id: str | None = None
    address: str | None = None
    user: str | None = None
    port: int | None = None
    sites: tuple[str, ...] = ()
    state: HostState | None = None
    services: tuple[Service, ...] = ()
    groups: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    host_key: str | None = None
    machine_id: str | None = None
    sources: tuple[str, ...] = ()
    excluded: Exclusion | None = None
    conflict: str | None = None
    age_s: float | None = None


@dataclass(frozen=True, slots=True)
class Done(Generic[T]):
    """A host's procedure came to its end; `value` is what it returned."""

    host: str
    value: T
    seconds: float


@dataclass(frozen=True, slots=True)
class Failed:
    """A host's procedure failed; `error` says in which phase, why, and what to do."""

    host: str
    error: HostError
    seconds: float


Outcome = Done[T] | Failed
