"""`bedside lab`: a fleet of throw-away hosts to rehearse on."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import click

from bedside.cli.context import Context
from bedside.errors import LabError, UsageError
from bedside.exits import Exit
from bedside.lab import level
from bedside.lab.level import Folders, LevelName, Spec
from bedside.text import plural

_EXAMPLES = """
\b
bedside lab up --hosts 20 --releases bullseye,bookworm,trixie
bedside lab status
bedside lab exec -- bedside hosts 'service ~ ssh'
bedside lab ssh bookworm-01 uptime
bedside lab fault bookworm-01 cut
bedside lab down
"""
_FAULT_HELP = "\b\n" + "\n".join(f"{name:<12} {words}" for name, words in level.FAULTS.items())
_PASS_ON = {"ignore_unknown_options": True, "allow_interspersed_args": False}


@click.group(epilog=_EXAMPLES)
def command() -> None:
    """Raise a fleet of throw-away hosts to rehearse on: real Debian hosts in namespaces, or simulated ones.

    With them come look-alikes that must not be touched, a monitoring that is asked by Livestatus, a CouchDB
    with each host's facts, and an apt repository with a vulnerable and a fixed bash.
    """


@command.command(short_help="Make the fleet.")
@click.option("--hosts", default=20, show_default=True, help="Debian hosts; look-alikes come on top.")
@click.option(
    "--releases", default=",".join(level.RELEASES), show_default=True, metavar="A,B",
    help="Debian releases that the hosts take turns with; bookworm-systemd is bookworm with systemd.",
)  # fmt: skip
@click.option("--level", "level_name", type=click.Choice(list(level.LEVELS)), help="Else the best possible.")
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same fleet.")
@click.option("--no-lookalikes", is_flag=True, help="Debian hosts only.")
@click.pass_obj
def up(
    context: Context, hosts: int, releases: str, level_name: str | None, seed: int, no_lookalikes: bool
) -> None:
    """Make the fleet and wait until every host answers."""
    out, folders = context.out, Folders.of(context.environ)
    started = time.monotonic()
    chosen, why = level.choose(cast("LevelName | None", level_name), folders, context.environ)
    out.note(f"level: {chosen.name}" + (f" ({why})" if why else ""))
    before = _state_of_another(folders, chosen.name)
    if before:
        raise LabError(f"there is a lab of level {before}", advice="bedside lab down removes it")
    names = tuple(name.strip() for name in releases.split(",") if name.strip())
    spec = Spec(hosts, names, seed, () if no_lookalikes else level.LOOKALIKES)
    try:
        state = asyncio.run(chosen.up(spec, lambda line: out.note(f"  {line}")))
    except KeyboardInterrupt:
        out.note("the lab is not complete; `bedside lab down` removes what there is of it")
        raise
    debian = sum(host.kind == "debian" for host in state.hosts)
    others = len(state.hosts) - debian
    out.result(
        f"the lab is up: {plural(debian, 'host')} and {plural(others, 'look-alike')}, level {state.level}, "
        f"{time.monotonic() - started:.1f} s"
    )
    some = state.hosts[0].name if state.hosts else "HOST"
    out.result("  in its network:  bedside lab exec -- bedside hosts 'service ~ ssh'")
    out.result(f"                   bedside lab ssh {some}")
    out.result(f"  from anywhere:   bedside -c {folders.config(inside=False)} hosts 'service ~ ssh'")
    out.result(f"                   ssh -F {folders.ssh_config(inside=False)} {some}")


@command.command(short_help="Say how each host is.")
@click.option("--json", "as_json", is_flag=True, help="One object a line.")
@click.pass_obj
def status(context: Context, as_json: bool) -> None:
    """Say how each host is: its release, its address, on or off, the lab's level, since when."""
    folders = Folders.of(context.environ)
    state = level.read_up(folders)
    rows = asyncio.run(level.load(state.level, folders, context.environ).status(state))
    for row in rows:
        if as_json:
            context.out.result(json.dumps(asdict(row) | {"level": state.level}))
        else:
            power = "on" if row.on else "off"
            where = f"{row.address}:{row.port}"
            context.out.result(
                f"{row.name:<22} {row.platform:<18} {where:<18} {power:<4} {state.level:<11} {row.since}"
            )
    context.out.note(f"{plural(len(rows), 'host')}, level {state.level}, up for {_age(state.since)}")


@command.command(name="exec", short_help="Run a command on the lab's network.", context_settings=_PASS_ON)
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[--] [COMMAND...]")
@click.pass_obj
def execute(context: Context, words: tuple[str, ...]) -> None:
    """Run a command (else a shell) with this machine's files and the lab's network.

    BEDSIDE_CONFIG names the lab's configuration there, so that bedside asks the lab.
    """
    _become(context, words or (context.environ.get("SHELL") or "/bin/sh",))


@command.command(short_help="Log in to a host.", context_settings=_PASS_ON)
@click.argument("name")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="[COMMAND...]")
@click.pass_obj
def ssh(context: Context, name: str, words: tuple[str, ...]) -> None:
    """Log in to a host of the lab as root (or as USER@NAME) with OpenSSH, or run a command there."""
    folders = Folders.of(context.environ)
    level.read_up(folders).host(name.rpartition("@")[2])
    _become(context, ("ssh", "-F", str(folders.ssh_config(inside=True)), name, *words))


@command.command(short_help="Break or mend a host.", epilog=_FAULT_HELP)
@click.argument("name")
@click.argument("kind", metavar="FAULT")
@click.argument("seconds", required=False)
@click.pass_obj
def fault(context: Context, name: str, kind: str, seconds: str | None) -> None:
    """Do something to a host that hosts do in real life."""
    limit = level.fault_seconds(kind, seconds)
    folders = Folders.of(context.environ)
    state = level.read_up(folders)
    host = state.host(name)
    asyncio.run(level.load(state.level, folders, context.environ).fault(state, host, kind, limit))
    context.out.note(f"{name}: {kind}")


@command.command(short_help="Remove the lab.")
@click.pass_obj
def down(context: Context) -> None:
    """Remove the lab, also one that was killed half-way: no mount, namespace or process stays."""
    folders = Folders.of(context.environ)
    if not folders.state.exists():
        context.out.note("there is no lab")
        return
    left = [line for found in _levels_to_end(context, folders) for line in asyncio.run(found.down())]
    for line in left:
        context.out.warn(line)
    context.out.note("the lab is gone" if not left else "the lab is gone but for that")
    if left:
        raise SystemExit(int(Exit.HOST_FAILED))


def _levels_to_end(context: Context, folders: Folders) -> Sequence[level.Level]:
    try:
        state = level.read(folders)
    except LabError as error:
        context.out.warn(str(error))
        state = None
    if state is not None:
        return [level.load(state.level, folders, context.environ)]
    return list(level.levels(folders, context.environ))


def _state_of_another(folders: Folders, name: LevelName) -> LevelName | None:
    """Return the level of the lab that is there, where it is not the one asked for."""
    try:
        state = level.read(folders)
    except LabError:
        return None
    return state.level if state is not None and state.level != name else None


def _become(context: Context, words: Sequence[str]) -> None:
    """Become a command on the lab's network, so that signals and the terminal are its own."""
    folders = Folders.of(context.environ)
    state = level.read_up(folders)
    argv = level.load(state.level, folders, context.environ).inside(state, words)
    ours = str(Path(sys.executable).parent)  # so that `bedside` is found also where it was called by its path
    environ = {
        **context.environ,
        "BEDSIDE_CONFIG": str(folders.config(inside=True)),
        "PATH": os.pathsep.join([context.environ.get("PATH", os.defpath), ours]),
    }
    try:
        os.execvpe(argv[0], argv, environ)  # noqa: S606 (that is what `exec` is for)
    except OSError as error:
        raise UsageError(f"{argv[0]}: {error.strerror}") from None


def _age(since: str) -> str:
    seconds = (datetime.now(UTC) - datetime.fromisoformat(since)).total_seconds()
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} minutes"
