"""Carries a procedure out on the chosen hosts, and leaves a record of it in the ledger."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bedside.app import App
from bedside.app.fanout import Account, fan_out
from bedside.app.procedures import Procedure
from bedside.errors import LedgerError
from bedside.ledger import RunRecord
from bedside.model import Host, Outcome

if TYPE_CHECKING:
    from bedside.ssh.pool import Pool

FLUSH_AFTER = 1.0
"""Seconds after which the outcomes that have come in are written: a crash loses no more than that."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done: the verb and its particulars, for the record, and the procedure."""

    verb: str
    what: Mapping[str, Any]
    procedure: Procedure


async def carry_out(
    app: App,
    pool: Pool,
    hosts: Sequence[Host],
    job: Job,
    on_outcome: Callable[[Outcome[Any]], None],
    *,
    parallel: int,
) -> Account[Any]:
    """Do the job on the hosts. The ledger holds the intent before the first byte is sent, and every outcome.

    Raises LedgerError before anything is done where the intent can't be written. Cancelled, it returns
    the account so far.
    """
    record = RunRecord(app.ledger, job.verb, [h.name for h in hosts], job.what)
    written = app.clock.monotonic()

    def keep(write: Callable[[], None]) -> None:
        try:
            write()
        except LedgerError as error:  # what is under way goes on: to break it off would be worse
            app.warn(f"{error}; what was done so far is only on your screen")

    def note(outcome: Outcome[Any]) -> None:
        nonlocal written
        on_outcome(outcome)
        record.outcome(outcome)
        if app.clock.monotonic() - written > FLUSH_AFTER:
            written = app.clock.monotonic()
            keep(record.flush)

    account: Account[Any] = await fan_out(
        hosts, lambda host: job.procedure(pool, host), parallel=parallel, on_outcome=note
    )
    keep(
        lambda: record.end(
            outcomes=len(account.outcomes),
            interrupted=sorted(account.under_way),
            not_started=[h.name for h in account.untouched],
        )
    )
    return account
