"""`bedside get`: copy files from hosts."""

from __future__ import annotations

from typing import Any

import click

from bedside.app.procedures import Get
from bedside.app.running import Job
from bedside.cli import targets
from bedside.cli.context import Context
from bedside.cli.put import split


@click.command(name="get")
@click.argument("words", nargs=-1, metavar="[QUERY] SOURCE TARGET")
@targets.options
@click.pass_context
def command(ctx: click.Context, /, words: tuple[str, ...], **chosen: Any) -> None:
    """Copy a file, a glob or a directory from the hosts that answer QUERY (or from -H).

    \b
    bedside get 'service ~ ssh' /etc/os-release releases
    bedside get -H web1,web2 '/var/log/*.log' logs

    Each host's files go to a folder of its own: TARGET/HOST/...
    """
    context: Context = ctx.obj
    query, source, target = split(words, named=chosen["hosts"] is not None)

    def job(asked: dict[str, Any]) -> Job:
        stages = [Get(source, target)]
        what = {"source": source, "target": target, **asked}
        return Job("get", what, stages)

    ctx.exit(targets.act(context, query, job, **chosen))
