"""Carries a procedure out on the chosen hosts, and leaves a record of it in the ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from bedside.app import App
from bedside.app.fanout import Account, fan_out
from bedside.app.procedures import Visit, visit
from bedside.errors import LedgerError
from bedside.ledger import RunRecord
from bedside.model import Host, Outcome
from bedside.runner import OnLine
from bedside.tasks import Stage

if TYPE_CHECKING:
    from bedside.ssh.pool import Pool

FLUSH_AFTER = 1.0
"""Seconds after which the outcomes that have come in are written: a crash loses no more than that."""


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done: verb and particulars for the record, the stages of a host's procedure."""

    verb: str
    what: Mapping[str, Any]
    stages: Sequence[Stage[Visit]]


class Watcher(Protocol):
    """Who is told how the hosts fare."""

    def lines_of(self, host: str) -> OnLine | None:
        """Return what is called with each line of the host as it arrives; None to wait for the end."""

    def logged(self, host: str, line: str) -> None:
        """Hear a line that a task notes."""

    def outcome(self, outcome: Outcome[Any]) -> None:
        """Hear how a host ended."""


async def carry_out(
    app: App,
    pool: Pool,
    hosts: Sequence[Host],
    job: Job,
    watcher: Watcher,
    *,
    parallel: int,
) -> Account[Any]:
    """Do the job on the hosts. The ledger holds the intent before the first byte is sent, and every outcome.

    Raises LedgerError before anything is done where the intent can't be written. Cancelled, it returns
    the account so far.
    """
    record = RunRecord(app.ledger, job.verb, [h.name for h in hosts], job.what)
    logs: dict[str, list[str]] = {}

    def keep(write: Callable[[], None]) -> None:
        try:
            write()
        except LedgerError as error:  # what is under way goes on: to break it off would be worse
            app.warn(f"{error}; what was done so far is only on your screen")

    def note(outcome: Outcome[Any]) -> None:
        watcher.outcome(outcome)
        record.outcome(outcome, **({"log": logs[outcome.host]} if outcome.host in logs else {}))

    async def to(host: Host) -> Outcome[Any]:
        def log(line: str) -> None:
            logs.setdefault(host.name, []).append(line)
            watcher.logged(host.name, line)

        context = Visit(pool, host, log, watcher.lines_of(host.name))
        return await visit(context, job.stages, app.clock)

    async def save_at_times() -> None:
        while True:
            await app.clock.sleep(FLUSH_AFTER)
            keep(record.flush)

    saving = asyncio.ensure_future(save_at_times())
    try:
        account: Account[Any] = await fan_out(hosts, to, parallel=parallel, on_outcome=note)
    finally:
        saving.cancel()
    keep(
        lambda: record.end(
            outcomes=len(account.outcomes),
            interrupted=sorted(account.under_way),
            not_started=[h.name for h in account.untouched],
        )
    )
    return account
