"""`bedside run`: a command, or a task, on hosts."""

from __future__ import annotations

import shlex
from typing import Any

import click

from bedside.app.procedures import RunCommand, RunTask
from bedside.app.running import Job
from bedside.cli import targets
from bedside.cli.context import Context
from bedside.config import Seconds
from bedside.errors import UsageError
from bedside.runner import Command, Pty
from bedside.tasks import Settings, get_task


class _Run(click.Command):
    """Keeps what stands behind `--` apart: it is the host's, none of it is an option of ours."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            ctx.meta["command"] = args[at + 1 :]
            args = args[:at]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "-- COMMAND..."]


@click.command(name="run", cls=_Run)
@click.argument("query", required=False)
@targets.options
@click.option("--sudo", is_flag=True, help="Run through sudo; asks for a password where one is needed.")
@click.option("-t", "--timeout", metavar="SECONDS", help="Limit for the command (30, 500ms, 5m; 0: none).")
@click.option("--pty", is_flag=True, help="Give the command a terminal.")
@click.option("--task", "reference", metavar="FILE:TASK", help="Call a task in place of a command.")
@click.pass_context
def command(
    ctx: click.Context,
    /,
    query: str | None,
    *,
    sudo: bool,
    timeout: str | None,
    pty: bool,
    reference: str | None,
    **chosen: Any,
) -> None:
    """Run a command, or a task, on the hosts that answer QUERY (or on -H).

    \b
    bedside run 'service ~ ssh' -b -- uname -r
    bedside run -H web1,web2 --sudo -t 30 -- systemctl is-active postfix
    bedside run all --json -- 'dpkg-query -W bash | cut -f2'
    bedside run -H web1 --task tasks.py:relayhost

    Several words are quoted and joined; one word is a line for the host's shell.
    """
    context: Context = ctx.obj
    line = _line(ctx.meta.get("command", []), task=reference is not None)
    if sudo and reference is not None:
        raise UsageError("--sudo is for commands", advice="in a task, write host.sudo(...)")
    seconds = None if timeout is None else _seconds(timeout)

    def job(asked: dict[str, Any]) -> Job:
        if reference is not None:
            task, args, kwargs = get_task(reference)
            stage: Any = RunTask(task, args, kwargs, Settings(timeout=seconds, pty=pty))
            what: dict[str, Any] = {"task": reference}
        else:
            stage = RunCommand(Command(line, timeout=seconds, pty=Pty() if pty else None), sudo)
            what = {"command": line, "sudo": sudo}
        return Job("run", {**what, **asked}, [stage])

    ctx.exit(targets.act(context, query, job, **chosen))


def _line(words: list[str], *, task: bool) -> str:
    if task and words:
        raise UsageError("with --task there is no command", advice="leave out what stands behind --")
    if not task and not words:
        raise UsageError("no command to run", advice="write it behind --: bedside run QUERY -- uname -r")
    return words[0] if len(words) == 1 else shlex.join(words)


def _seconds(text: str) -> float:
    try:
        return float(Seconds.parse(float(text) if text.replace(".", "", 1).isdigit() else text))
    except ValueError as error:
        raise UsageError(f"--timeout: {error}") from None
