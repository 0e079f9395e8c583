"""The only place that maps errors to exit codes.

Where several hold, the gravest wins: 130, 5, 4, 2, 1, 3.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

from bedside import errors


class Exit(IntEnum):
    """The exit status of every command (`fab` keeps Fabric's own)."""

    OK = 0
    HOST_FAILED = 1
    USAGE = 2
    INCOMPLETE = 3
    REFUSED = 4
    LOST = 5
    INTERRUPTED = 130


_GRAVEST_FIRST = (
    Exit.INTERRUPTED, Exit.LOST, Exit.REFUSED, Exit.USAGE, Exit.HOST_FAILED, Exit.INCOMPLETE, Exit.OK,
)  # fmt: skip


def worst(codes: Iterable[Exit]) -> Exit:
    """Return the gravest of the codes; OK for none."""
    return min(codes, key=_GRAVEST_FIRST.index, default=Exit.OK)


def of_error(error: errors.BedsideError) -> Exit:
    """Return the exit status for an error that ends a command."""
    match error:
        case errors.UsageError() | errors.ConfigError() | errors.QueryError() | errors.LedgerError():
            return Exit.USAGE
        case errors.SourceError():
            return Exit.INCOMPLETE
        case _:
            return Exit.HOST_FAILED
