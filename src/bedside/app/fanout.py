"""One procedure on many hosts, side by side, with an account of every host whatever happens."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from bedside.model import Host, Outcome

T = TypeVar("T")


@dataclass
class Account(Generic[T]):
    """Where each host stands: the three lists together are always all the hosts."""

    untouched: deque[Host]
    under_way: dict[str, Host] = field(default_factory=dict)
    outcomes: list[Outcome[T]] = field(default_factory=list)
    interrupted: bool = False


async def fan_out(
    hosts: Sequence[Host],
    procedure: Callable[[Host], Awaitable[Outcome[T]]],
    *,
    parallel: int,
    on_outcome: Callable[[Outcome[T]], None] = lambda _: None,
) -> Account[T]:
    """Run the procedure on the hosts, at most `parallel` at once, and call `on_outcome` as each ends.

    Being cancelled (Ctrl-C) starts no further host, ends those under way, and returns the account with
    `interrupted` set.
    """
    account: Account[T] = Account(deque(hosts))

    async def work() -> None:
        while account.untouched:
            host = account.untouched.popleft()
            account.under_way[host.name] = host
            outcome = await procedure(host)
            del account.under_way[host.name]
            account.outcomes.append(outcome)
            on_outcome(outcome)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(parallel, len(hosts))):
                group.create_task(work())
    except asyncio.CancelledError:
        account.interrupted = True
        if task := asyncio.current_task():
            task.uncancel()
    return account
