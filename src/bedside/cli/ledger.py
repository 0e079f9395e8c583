"""`bedside ledger`: read the record of what was done."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import click

from bedside.cli.context import Context
from bedside.errors import UsageError
from bedside.text import one_line, plural


@click.group(name="ledger")
def command() -> None:
    """Read the record of what was done.

    \b
    bedside ledger show                 the runs, newest last
    bedside ledger show 4f1c            one run: every host and how it ended
    bedside ledger show 4f1c --json     the entries themselves
    """


@command.command()
@click.argument("run", required=False)
@click.option("--json", "as_json", is_flag=True, help="One entry a line, as stored.")
@click.pass_obj
def show(context: Context, /, run: str | None, *, as_json: bool) -> None:
    """Show the runs, or RUN (the first characters of its id are enough)."""
    entries = [e for e in context.app.ledger.entries() if run is None or e.run.startswith(run)]
    if run is not None and not entries:
        raise UsageError(f"the ledger has no run {run!r}", advice="bedside ledger show lists them")
    if run is not None and len(runs := {e.run for e in entries}) > 1:
        raise UsageError(f"{run!r} could be any of {plural(len(runs), 'run')}", advice="give more characters")
    for entry in entries:
        if as_json:
            context.out.result(json.dumps(dataclasses.asdict(entry)))
        elif run is not None or entry.kind == "run.start":
            told = _told(entry.kind, entry.host, entry.payload)
            context.out.result(f"{entry.time}  {entry.run[:8]}  {told}")


def _told(kind: str, host: str | None, payload: Any) -> str:
    rest = {k: v for k, v in payload.items() if k not in ("verb", "hosts", "by")}
    if kind == "run.start":
        what = rest.get("command") or rest.get("task") or " ".join(f"{k}={v}" for k, v in rest.items() if v)
        hosts = plural(len(payload.get("hosts", [])), "host")
        return one_line(f"{payload.get('verb')} on {hosts} by {payload.get('by')}: {what}")
    words = " ".join(f"{key}={value!r}" for key, value in rest.items() if value not in ("", None))
    return one_line(f"{kind}  {host or ''}  {words}")
