"""`bedside exclude`: hosts taken out by hand, with a reason."""

from __future__ import annotations

import getpass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import click

from bedside.cli.context import Context
from bedside.config import Seconds
from bedside.errors import UsageError
from bedside.inventory import exclusions
from bedside.inventory.exclusions import Entry
from bedside.inventory.identity import folded
from bedside.query import parse
from bedside.text import one_line


@click.group(name="exclude")
def command() -> None:
    """Take hosts out, with a reason. They stand in exclusions.toml beside the configuration.

    \b
    bedside exclude add nas-01 --reason 'the vendor upgrades it'
    bedside exclude add --query 'site = berlin' --reason 'freeze' --until 2031-12-24
    bedside exclude list
    bedside exclude remove nas-01
    """


@command.command()
@click.argument("host", required=False)
@click.option("--query", metavar="QUERY", help="Take out every host that answers it, now and later.")
@click.option("--reason", required=True, help="Why; shown wherever the host is left out.")
@click.option("--until", metavar="DATE", help="Last day it holds (2031-12-24), or for how long (8h, 3d).")
@click.option("--by", metavar="NAME", help="Who says so; else your login name.")
@click.pass_obj
def add(
    context: Context,
    /,
    host: str | None,
    *,
    query: str | None,
    reason: str,
    until: str | None,
    by: str | None,
) -> None:
    """Take out HOST (a name or an address), or the hosts that answer --query."""
    _one_of(host, query)
    if not reason.strip():
        raise UsageError("the reason is empty", advice="say why: others will read it at night")
    if query is not None:
        parse(query)
    now = context.app.clock.now()
    entry = Entry(
        host=host, query=query, reason=reason, by=by or getpass.getuser(),
        at=now.isoformat(timespec="seconds"), until=None if until is None else _until(until, now),
    )  # fmt: skip
    exclusions.add(_path(context), entry)
    context.out.note(f"taken out: {entry.target} (in {_path(context)})")


@command.command(name="list")
@click.pass_obj
def show(context: Context, /) -> None:
    """Show who is taken out by hand."""
    now = context.app.clock.now()
    entries = exclusions.load(_path(context)).entries
    for entry in entries:
        until = "" if entry.until is None else f"until {entry.until}"
        if exclusions.over(entry, now):
            until += " (over)"
        cells = (entry.target, entry.reason, entry.by, str(entry.at or ""), until)
        context.out.result("\t".join(one_line(cell) for cell in cells).rstrip())
    if not entries:
        context.out.note(f"nobody is taken out by hand ({_path(context)})")


@command.command()
@click.argument("host", required=False)
@click.option("--query", metavar="QUERY", help="The query of the entry, as `list` shows it.")
@click.pass_obj
def remove(context: Context, /, host: str | None, *, query: str | None) -> None:
    """Let HOST, or the hosts of --query, in again."""
    _one_of(host, query)

    def unwanted(entry: Entry) -> bool:
        if query is not None:
            return entry.query == query
        return entry.host is not None and folded(entry.host) == folded(host or "")

    removed = exclusions.remove(_path(context), unwanted)
    if not removed:
        raise UsageError(
            f"{host or query} is not taken out by hand", advice="bedside exclude list shows who is"
        )
    context.out.note(f"in again: {removed[0].target}")


def _path(context: Context) -> Path:
    return exclusions.place(context.app.config, context.environ)


def _one_of(host: str | None, query: str | None) -> None:
    if (host is None) == (query is None):
        raise UsageError("name a host, or give a --query", advice="one of the two")


def _until(text: str, now: datetime) -> str:
    """Return the end of an exclusion as it is written into the file. Raises UsageError."""
    try:
        return (now + timedelta(seconds=Seconds.parse(text))).astimezone(UTC).isoformat(timespec="seconds")
    except (ValueError, OverflowError):
        pass
    try:
        end = exclusions.moment(text)
    except ValueError:
        raise UsageError(f"{text!r} is no date", advice="write 2031-12-24, or 8h, 3d") from None
    if end <= now:
        raise UsageError(f"{text} is over already", advice=f"today is {date.today()}")  # noqa: DTZ011 (the user's day)
    return text
