"""The options by which every acting command chooses its hosts."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import click

from bedside.app.asking import Selection, select
from bedside.app.fanout import Account
from bedside.app.running import Job, carry_out
from bedside.cli import show
from bedside.cli.context import Context
from bedside.errors import UsageError
from bedside.exits import Exit, worst
from bedside.text import plural

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


def options(command: F) -> F:
    """Add -H, -s, -P, --include-excluded and the ways to show outcomes."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON object a line as each host ends."),
        click.option("-b", "--gather", is_flag=True, help="Group hosts with the same output."),
        click.option("-P", "--parallel", type=click.IntRange(1, 10000), metavar="N", help="Hosts at once."),
        click.option(
            "--include-excluded", metavar="REASON", help="Act on excluded hosts too; the reason is recorded."
        ),
        click.option("-s", "--site", "sites", multiple=True, metavar="SITE", help="Ask this site only."),
        click.option("-H", "--hosts", metavar="A,B", help="Hosts by name, in place of a query."),
    ):
        command = option(command)
    return command


def act(
    context: Context,
    query: str | None,
    job: Callable[[dict[str, Any]], Job],
    *,
    hosts: str | None,
    sites: tuple[str, ...],
    include_excluded: str | None,
    parallel: int | None,
    gather: bool,
    as_json: bool,
) -> int:
    """Choose the hosts, do the job on them, show the outcomes and the summary; return the exit status."""
    out, app = context.out, context.app
    if include_excluded is not None and not include_excluded.strip():
        raise UsageError("--include-excluded wants a reason", advice="it is recorded: say why")
    names = [name.strip() for name in hosts.split(",") if name.strip()] if hosts is not None else None
    way = show.chooser(as_json=as_json, gather=gather)(out)

    async def go() -> tuple[Selection, Account[Any] | None]:
        selection = await select(app, query, names, sites, include_excluded)
        chosen = selection.hosts
        _say_chosen(context, selection, named=names is not None)
        if not chosen:
            return selection, None
        with out.bar("hosts", len(chosen)) as way.advance:
            asked = {"query": query, "sites": list(sites), "include_excluded": include_excluded}
            made, at_once = job({k: v for k, v in asked.items() if v}), parallel or app.ssh.parallel
            async with app.pool(chosen, parallel=at_once) as pool:
                account = await carry_out(app, pool, chosen, made, way, parallel=at_once)
            return selection, account

    started = time.monotonic()
    selection, account = asyncio.run(_ended_by_signals(go()))
    statuses = [Exit.OK if selection.complete else Exit.INCOMPLETE]
    if account:
        way.end(account.under_way)
        statuses.append(show.summary(out, account, time.monotonic() - started))
    else:  # done on nobody is not done well
        out.error("no host to act on")
        if selection.complete:
            statuses.append(Exit.REFUSED if selection.taken_out else Exit.USAGE)
    return int(worst(statuses))


async def _ended_by_signals(work: Coroutine[Any, Any, T]) -> T:
    """Let SIGTERM and SIGHUP end the work as Ctrl-C does: with all that is known printed and saved."""
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    return await task


def _say_chosen(context: Context, selection: Selection, *, named: bool) -> None:
    missing = (
        "rules that take look-alikes out could not be checked with what it knows"
        if named
        else "hosts that only it knows are missing"
    )
    for error in selection.errors:
        context.out.warn(f"{error}; {missing}")
    for host in selection.taken_out if named else ():
        context.out.note(
            f"{host.name} is left out: {host.excluded.reason if host.excluded else ''}", style="warn"
        )
    if selection.taken_out and not named:
        left = plural(len(selection.taken_out), "host")
        context.out.note(f"{left} left out; `bedside hosts --why` says why", style="dim")
