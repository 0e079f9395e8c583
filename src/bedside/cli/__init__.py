"""The command line: a module per command, loaded when it is called, with no logic of its own."""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

import click

from bedside import errors, exits
from bedside.cli.context import Context
from bedside.output import Output

COMMANDS = {
    "hosts": "ask which hosts there are, and which answer a query",
    "run": "run a command, or a task, on hosts",
    "put": "copy files to hosts",
    "get": "copy files from hosts",
    "fab": "run tasks of a Fabric 1 fabfile",
    "exclude": "take hosts out, with a reason",
    "ledger": "read the record of what was done",
    "lab": "raise a fleet of throw-away hosts to rehearse on",
}


_FLAGS = ("-v", "-vv", "--verbose", "-q", "--quiet")
_VALUED = ("--color", "--log-file")


class _Commands(click.Group):
    """Commands by name; the module of a command is imported only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(f"bedside.cli.{cmd_name}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-c",
    "--config",
    "config_path",
    metavar="FILE",
    help="Configuration; else $BEDSIDE_CONFIG, bedside.toml here or above, the user's own.",
)
@click.option("-v", "--verbose", count=True, help="Say more on standard error.")
@click.option("-q", "--quiet", is_flag=True, help="Say only warnings and errors on standard error.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
@click.option("--log-file", metavar="FILE", help="Append debug messages to FILE (mode 0600).")
@click.version_option(package_name="bedside", message="bedside %(version)s")
@click.pass_context
def group(
    ctx: click.Context, /, config_path: str | None, color: Any, log_file: str | None, **flags: Any
) -> None:
    """Heal a fleet of machines in an emergency, from your bed.

    \b
    bedside hosts 'service ~ ssh'                  which hosts run ssh?
    bedside run 'service ~ ssh' -b -- uname -r     what do they answer, grouped?
    bedside run -H web1,web2 --sudo -- id          on hosts named by hand
    bedside fab -H web1,web2 upgrade_bash          a Fabric 1 task, unmodified
    bedside lab up --hosts 20                      a fleet to rehearse on
    """
    verbosity = -1 if flags["quiet"] else flags["verbose"]
    ctx.obj = Context.make(config_path, Output(color=color, verbosity=verbosity), os.environ, log_file)


def main() -> None:
    """Run the command line and exit with its status."""
    sys.exit(_run(sys.argv[1:]))


def _hoisted(arguments: list[str]) -> list[str]:
    """Put -v, -q, --color and --log-file first, wherever they stand before `--`.

    Not for `fab` and `lab`, behind which there are words that are not ours.
    """
    if next((word for word in arguments if word in COMMANDS), None) in ("fab", "lab"):
        return arguments
    end = arguments.index("--") if "--" in arguments else len(arguments)
    ours, others, words = [], [], iter(arguments[:end])
    for word in words:
        if word in _FLAGS or word.startswith(tuple(f"{name}=" for name in _VALUED)):
            ours.append(word)
        elif word in _VALUED:
            ours += [word, next(words, "")]
        else:
            others.append(word)
    return [*ours, *others, *arguments[end:]]


def _run(arguments: list[str]) -> int:
    out = Output()
    try:
        status = group.main(_hoisted(arguments), prog_name="bedside", standalone_mode=False)
        return int(status) if isinstance(status, int) else 0
    except click.ClickException as error:
        error.show()
        return int(exits.Exit.USAGE)
    except errors.BedsideError as error:
        out.error(str(error))
        return int(exits.of_error(error))
    except OSError as error:  # a file or folder of ours that can't be used, wherever it was needed
        out.error(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return int(exits.Exit.USAGE)
    except (click.Abort, KeyboardInterrupt):
        out.error("interrupted")
        return int(exits.Exit.INTERRUPTED)
