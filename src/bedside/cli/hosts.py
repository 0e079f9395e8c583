"""`bedside hosts`: which hosts there are, and which answer a query."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import click

from bedside.app import asking
from bedside.app.asking import Selection
from bedside.cli.context import Context
from bedside.exits import Exit
from bedside.model import Host
from bedside.output import Output
from bedside.query import explain, fields, services
from bedside.query.vocabulary import read, values
from bedside.text import one_line, plural

_HEADS = ("HOST", "ADDRESS", "STATE", "SITES", "SERVICES")


@click.command(name="hosts")
@click.argument("query", required=False)
@click.option("-H", "--hosts", "named", metavar="A,B", help="Hosts by name, in place of a query.")
@click.option("-s", "--site", "sites", multiple=True, metavar="SITE", help="Ask this site only.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--why", is_flag=True, help="Show taken-out hosts too, and why each is in or out.")
@click.option("--explain", "plan", is_flag=True, help="Show what each source would be asked, and ask nobody.")
@click.option("--strict", is_flag=True, help="Show nothing unless every source gave a complete answer.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    query: str | None,
    *,
    named: str | None,
    sites: tuple[str, ...],
    as_json: bool,
    why: bool,
    plan: bool,
    strict: bool,
) -> None:
    """Ask every site which hosts answer QUERY (without one: all hosts).

    \b
    bedside hosts 'service ~ ssh'
    bedside hosts 'ssh and facts.os.family = Debian and not name ~ nas' -s biodec
    bedside hosts all --why                 who is taken out, by which rule, on what evidence
    bedside hosts 'service ~ ssh' --json | jq -r .name

    In a pipe: one name a line. Exit status 3: a source could not be asked, the list is incomplete.
    """
    context: Context = ctx.obj
    out = context.out
    if plan:
        _show_plan(context, query, sites)
        return
    names = [n for n in (part.strip() for part in named.split(",")) if n] if named is not None else None
    selection = asyncio.run(asking.look(context.app, query, names, sites))
    _say_incomplete(out, selection)
    if strict and not selection.complete:
        out.error("the answer is incomplete, and --strict refuses it")
        ctx.exit(int(Exit.REFUSED))
    shown = sorted((*selection.hosts, *selection.taken_out), key=lambda h: h.name) if why else selection.hosts
    if as_json:
        for host in shown:
            out.result(json.dumps(_as_json(host, selection, why=why)))
    elif why:
        _show_table(out, [_why(host, selection) for host in shown], heads=("HOST", "", "WHY"))
    elif out.for_people:
        _show_table(out, [_row(host, selection) for host in shown], heads=_HEADS)
    else:
        for host in shown:
            out.result(host.name)
    _say_rest(out, selection, why=why)
    ctx.exit(int(Exit.OK if selection.complete else Exit.INCOMPLETE))


def _show_plan(context: Context, query: str | None, sites: Sequence[str]) -> None:
    for site, source, sent in asking.requests(context.app, query, sites):
        context.out.result(f"{source} (site {site})", style="bold")
        for request in sent:
            for line in request.splitlines():
                context.out.result(f"    {line}")


def _say_incomplete(out: Output, selection: Selection) -> None:
    for error in selection.errors:
        out.warn(f"{error}; what only it knows is missing")
    for doubt in selection.doubts:
        out.warn(doubt)


def _say_rest(out: Output, selection: Selection, *, why: bool) -> None:
    """Say on standard error what the list itself can't: conflicts, how many are out, that it is empty."""
    for host in selection.hosts:
        if host.conflict:
            out.warn(f"{host.name}: perhaps not one host: {host.conflict}")
    if not selection.hosts and not (why and selection.taken_out):
        asked = (
            f"{len(selection.answers) - len(selection.errors)} of {plural(len(selection.answers), 'source')}"
        )
        out.note(f"no host answers the query ({asked} answered)", style="warn")
    elif out.for_people:
        out.note(plural(len(selection.hosts), "host"), style="dim")
    if selection.taken_out and not why:
        out.note(f"{plural(len(selection.taken_out), 'host')} taken out; --why shows each", style="dim")


def _show_table(out: Output, rows: Sequence[Sequence[str]], *, heads: Sequence[str]) -> None:
    """Show columns to people; in a pipe the cells are parted by tabs and have no heading."""
    if not out.for_people:
        for row in rows:
            out.result("\t".join(row))
        return
    if not rows:
        return
    widths = [max(len(row[n]) for row in (heads, *rows)) for n in range(len(heads))]
    for row in (heads, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        out.result("  ".join(cells).rstrip(), style="bold" if row is heads else None)


def _row(host: Host, selection: Selection) -> tuple[str, ...]:
    matched = ", ".join(services(selection.query, host))
    cells = (host.name, host.address or "", host.state or "", ",".join(host.sites), matched)
    return tuple(one_line(cell, 60) for cell in cells)


def _why(host: Host, selection: Selection) -> tuple[str, ...]:
    if host.excluded is None:
        return (one_line(host.name), "in", one_line("; ".join(explain(selection.query, host))))
    by = f"rule {host.excluded.rule}" if host.excluded.rule else f"by hand ({host.excluded.by})"
    until = f" (until {host.excluded.until})" if host.excluded.until else ""
    return (one_line(host.name), "out", one_line(f"{by}: {host.excluded.reason}{until}", 400))


def _as_json(host: Host, selection: Selection, *, why: bool) -> dict[str, Any]:
    excluded = host.excluded
    told: dict[str, Any] = {
        "name": host.name,
        "address": host.address,
        "sites": host.sites,
        "state": host.state,
        "services": services(selection.query, host),
        "facts": _asked_facts(host, selection),
        "excluded": excluded and {"reason": excluded.reason, "by": excluded.by, "rule": excluded.rule},
        "sources": host.sources,
        "age_s": None if host.age_s is None else round(host.age_s, 1),
        "conflict": host.conflict,
    }
    return told | ({"why": explain(selection.query, host)} if why else {})


def _asked_facts(host: Host, selection: Selection) -> dict[str, Any]:
    """Return the facts that the query names, under those names, as `facter NAME --json` does."""
    found = {}
    for name in sorted(f for f in fields(selection.query) if f.startswith("facts.")):
        held = [v.value for v in values(host, read(name))]
        if held:
            found[name.removeprefix("facts.")] = held[0] if len(held) == 1 else held
    return found
