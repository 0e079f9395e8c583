import asyncio
from collections.abc import Sequence

from bedside.app.fanout import fan_out
from bedside.model import Done, Host, Outcome


def hosts(count: int) -> Sequence[Host]:
    return [Host(f"h{n}") for n in range(count)]


async def test_every_host_is_done_and_never_more_at_once_than_allowed() -> None:
    running = most = 0

    async def procedure(host: Host) -> Outcome[int]:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return Done(host.name, 1, 0.0)

    account = await fan_out(hosts(50), procedure, parallel=7)
    assert sorted(o.host for o in account.outcomes) == sorted(h.name for h in hosts(50))
    assert most == 7
    assert not account.interrupted


async def test_a_slow_host_delays_nobody() -> None:
    release, ended = asyncio.Event(), []

    async def procedure(host: Host) -> Outcome[None]:
        if host.name == "h0":
            await release.wait()
        return Done(host.name, None, 0.0)

    def note(outcome: Outcome[None]) -> None:
        ended.append(outcome.host)
        if len(ended) == 9:
            release.set()

    await fan_out(hosts(10), procedure, parallel=2, on_outcome=note)
    assert ended[-1] == "h0"


async def test_being_cancelled_accounts_for_every_host() -> None:
    started = asyncio.Event()

    async def procedure(host: Host) -> Outcome[None]:
        if host.name != "h0":
            started.set()
            await asyncio.Event().wait()
        return Done(host.name, None, 0.0)

    task = asyncio.create_task(fan_out(hosts(5), procedure, parallel=2))
    await started.wait()
    while len(task.get_stack()) == 0:  # pragma: no cover (the task is waiting by now)
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    account = await task
    assert account.interrupted
    assert [o.host for o in account.outcomes] == ["h0"]
    assert sorted(account.under_way) == ["h1", "h2"]
    assert [h.name for h in account.untouched] == ["h3", "h4"]
