"""Host strings, and which hosts a task runs on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from bedside.fabric1.env import env
from bedside.fabric1.messages import abort


def parse_host_string(text: str) -> dict[str, str | None]:
    """Return what `[user@]host[:port]` says: user, host and port, None where it does not say."""
    user, at, rest = text.rpartition("@")
    if rest.startswith("[") and "]" in rest:
        host, _, tail = rest[1:].partition("]")
        port = tail.removeprefix(":")
    elif rest.count(":") > 1:
        host, port = rest, ""
    else:
        host, _, port = rest.partition(":")
    return {"user": user if at and user else None, "host": host or None, "port": port or None}


def normalize(text: str, omit_port: bool = False) -> Any:
    """Return (user, host, port), or without port, with what `env` says where the text does not."""
    found = parse_host_string(text)
    user = found["user"] or env.user or env.local_user
    port = found["port"] or env.port or env.default_port
    return (user, found["host"] or "") if omit_port else (user, found["host"] or "", port)


def join_host_strings(user: str | None, host: str, port: str | None = None) -> str:
    """Return `user@host:port`; IPv6 addresses in brackets where there is a port."""
    text = f"{user}@" if user else ""
    text += f"[{host}]" if ":" in host and port else host
    return text + (f":{port}" if port else "")


def denormalize(text: str) -> str:
    """Return the host string without what goes without saying: `env.user`, port 22."""
    user, host, port = normalize(text)
    return join_host_strings(user if user != env.user else None, host, port if port != "22" else None)


def to_dict(text: str) -> dict[str, str]:
    """Return the keys of `env` that stand for a host string."""
    user, host, port = normalize(text)
    return {"user": user, "host": host, "port": port, "host_string": text}


def for_task(
    task: Any, arg_hosts: Any, arg_roles: Any, arg_exclude: Any
) -> tuple[list[str], list[str]]:  # fmt: skip
    """Return a task's hosts and roles: its call's arguments, else its decorators, else `env`'s own."""
    given = merge(arg_hosts, arg_roles, arg_exclude)
    if given:
        return given, list(arg_roles)
    own_hosts, own_roles = getattr(task, "hosts", []), getattr(task, "roles", [])
    own = merge(own_hosts, own_roles, arg_exclude)
    if own:
        return own, list(own_roles)
    roles = _listed(env.roles)
    return merge(_listed(env.hosts), roles, _listed(env.exclude_hosts)), roles


def merge(hosts: Any, roles: Iterable[str], exclude: Sequence[str]) -> list[str]:
    """Return the hosts, then the roles' hosts in order: stripped, once each, without the excluded ones."""
    roles = list(roles)
    if missing := [role for role in roles if role not in env.roledefs]:
        abort("The following specified roles do not exist:\n" + "\n".join(f"    {role}" for role in missing))
    found = list(_called(hosts))
    for role in roles:
        found += _role(env.roledefs[role])
    found = [host.strip() for host in found]
    if not env.dedupe_hosts:
        return found
    return [host for host in dict.fromkeys(found) if host not in exclude]


def _role(value: Any) -> list[str]:
    return list(_called(value["hosts"] if isinstance(value, dict) else value))


def _called(value: Any) -> Iterable[str]:
    found: Any = value() if callable(value) else value
    return [found] if isinstance(found, str) else found


def _listed(value: Any) -> list[str]:
    """Return a list, also for the text that an rc file leaves in `env`."""
    return [part for part in value.split(",") if part] if isinstance(value, str) else list(value)
