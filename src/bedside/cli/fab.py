"""`bedside fab`: everything after the word goes to Fabric 1's own parser."""

from __future__ import annotations

import click

from bedside.cli.context import Context
from bedside.fabric1.main import main


class _Fab(click.Command):
    """A command whose arguments click does not look at, `--help` and `--` included."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.args = args
        return args

    def invoke(self, ctx: click.Context) -> int:
        from bedside.app.fabfiles import surroundings

        context: Context = ctx.obj
        return main(ctx.args, surroundings(context.app))


command = _Fab("fab", help="Run tasks of a Fabric 1 fabfile.")
