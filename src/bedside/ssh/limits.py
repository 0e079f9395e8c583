"""How many hosts at once this machine can bear: file descriptors are raised where that is allowed, and
respected where not.
"""

from __future__ import annotations

import resource
from collections.abc import Callable

OURS = 64
"""Descriptors for ourselves: terminal, ledger, sources, agent, known hosts."""
PER_HOST = 4
"""For a host at work: its connection, a ProxyCommand's end, two outputs on disk."""
IDLE = 4096
"""Connections beyond those at work that may wait for their next use."""


def raise_open_files(wanted: int) -> int:
    """Raise the soft limit of open files to `wanted`, as far as the hard one goes; return what it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return wanted
    target = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if target <= soft:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (target, hard))
    except (OSError, ValueError):  # some systems cap it further down without saying so
        return soft
    return target


def hosts_at_once(wanted: int, warn: Callable[[str], None]) -> tuple[int, int]:
    """Return how many of the wanted hosts may be at work at once, and how many connections may be open.

    Says so through `warn` where that is fewer.
    """
    files = raise_open_files(OURS + PER_HOST * wanted + IDLE)
    possible = max(1, (files - OURS) // PER_HOST)
    if possible < wanted:
        warn(
            f"{possible} hosts at once instead of {wanted}: this process may open {files} files only "
            "(raise `ulimit -Hn`)"
        )
    at_work = min(wanted, possible)
    return at_work, max(at_work, files - OURS - (PER_HOST - 1) * at_work)
