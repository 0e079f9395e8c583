"""`bedside put`: copy files to hosts."""

from __future__ import annotations

from typing import Any

import click

from bedside.app.procedures import Put
from bedside.app.running import Job
from bedside.cli import targets
from bedside.cli.context import Context
from bedside.errors import UsageError


@click.command(name="put")
@click.argument("words", nargs=-1, metavar="[QUERY] SOURCE TARGET")
@targets.options
@click.pass_context
def command(ctx: click.Context, /, words: tuple[str, ...], **chosen: Any) -> None:
    """Copy a file, a glob or a directory to the hosts that answer QUERY (or to -H).

    \b
    bedside put 'service ~ ssh' motd /etc/motd
    bedside put -H web1,web2 'files/*.deb' /tmp/

    A file is written beside its target and renamed: a cut connection leaves no half file.
    """
    context: Context = ctx.obj
    query, source, target = split(words, named=chosen["hosts"] is not None)

    def job(asked: dict[str, Any]) -> Job:
        stages = [Put(source, target)]
        what = {"source": source, "target": target, **asked}
        return Job("put", what, stages)

    ctx.exit(targets.act(context, query, job, **chosen))


def split(words: tuple[str, ...], *, named: bool) -> tuple[str | None, str, str]:
    """Part the words of `put` and `get` into query, source and target. Raises UsageError."""
    if len(words) == (2 if named else 3):
        query = None if named else words[0]
        return query, words[-2], words[-1]
    if len(words) == 2:
        raise UsageError("no hosts named", advice="put a query (or the word all) first, or use -H")
    raise UsageError("two paths are needed", advice="write SOURCE and TARGET, and quote a glob")
