"""`fab`: from its arguments to an exit status."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from bedside.errors import BedsideError, FabfileError
from bedside.fabric1 import collect, connections, env, imports, keyboard, names, operations, options
from bedside.fabric1.engine import Engine, Record
from bedside.fabric1.execute import execute
from bedside.fabric1.messages import abort, complain, print_exception, say, warn
from bedside.fabric1.target import Connector, Wishes
from bedside.tasks import arguments

REMAINDER = "<remainder>"
"""The name of the task that `-- command` is."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the composition root gives a run: connections and the ledger."""

    connector: Callable[[Wishes], Connector]
    record: Callable[[Sequence[str], Mapping[str, Any]], Record]
    version: str


def main(argv: list[str], surroundings: Surroundings) -> int:
    """Run `fab` with these arguments; return its exit status, Fabric 1's own. Raises BedsideError."""
    _bytes_pass()
    try:
        parser, line = options.parse(argv)
        if line.options.show_version:
            say(f"Fabric {env.env.get('version') or '1.14.1'}\nbedside {surroundings.version}")
            return 0
        if line.options.help:
            say(parser.format_help(), end="")
            return 0
        with imports.fabric_names():
            return _Run(parser, line, surroundings).go()
    except SystemExit as ended:
        return _status(ended)


def _bytes_pass() -> None:
    """Let the bytes of hosts through: UTF-8, and as surrogates what is none."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="surrogateescape")


def _status(ended: SystemExit) -> int:
    if ended.code is None or isinstance(ended.code, int):
        return ended.code or 0
    complain(str(ended.code))
    return 1


class _Run:
    """One run: settings, fabfile, tasks."""

    def __init__(self, parser: Any, line: options.CommandLine, surroundings: Surroundings) -> None:
        self._parser, self._line, self._surroundings = parser, line, surroundings
        self._tasks = collect.Collection()
        self._docstring: str | None = None

    def go(self) -> int:
        """Return the exit status."""
        self._settle_env()
        try:
            self._load()
        except FabfileError as error:
            complain(str(error))
            return 1
        if (told := self._asked_for_a_list()) is not None:
            return told
        calls = self._calls()
        if calls is None:
            say(self._parser.format_help(), end="")
            return 1
        unknown = [one.name for one in calls if one.name not in self._by_name() and one.name != REMAINDER]
        if unknown and not env.env.skip_unknown_tasks:
            _warn_of(unknown)
            self._print_list(self._line.options.list_format, docstring=None)
            return 1
        return self._execute([one for one in calls if self._is_known(one.name)])

    def _settle_env(self) -> None:
        line = self._line
        first = {"": True} if not line.options.env_settings else options.settings(line.options.env_settings)
        env.reset({**first, **line.env})
        env.env.update(options.rc_file(env.env.rcfile))
        for levels, shown in ((env.env.show, True), (env.env.hide, False)):
            wanted = env.output.expand_aliases((levels or "").split(","))
            env.output.update({name: shown for name in wanted if name in env.output})
        if line.options.initial_password_prompt:
            env.env["password"] = keyboard.ask_secret("Initial value for env.password: ")
        if line.options.initial_sudo_password_prompt:
            env.env["sudo_password"] = keyboard.ask_secret("Initial value for env.sudo_password: ")

    def _load(self) -> None:
        """Find and import the fabfile, and collect its tasks. A bare `-- command` needs none."""
        path = imports.find(env.env.fabfile)
        if path is None:
            if not self._line.remainder:
                abort(
                    "Couldn't find any fabfiles!\n\n"
                    "Remember that -f can be used to specify fabfile path, and use -h for help."
                )
            self._debug("No fabfile loaded -- remainder command only")
            return
        env.env["real_fabfile"] = str(path)
        module = imports.load(path)
        self._docstring = module.__doc__
        self._tasks, new_style = collect.collect(module, names.is_own)
        env.env["new_style_tasks"] = new_style
        self._debug(f"Using fabfile '{path}'")
        if self._tasks.is_empty and not self._line.remainder:
            abort("Fabfile didn't contain any commands!")

    def _debug(self, text: str) -> None:
        if env.output.debug:
            say(text)

    def _by_name(self) -> dict[str, Any]:
        return dict(self._tasks.by_path())

    def _asked_for_a_list(self) -> int | None:
        asked = self._line.options
        if asked.shortlist or asked.list_commands:
            self._print_list("short" if asked.shortlist else asked.list_format, self._docstring)
            return 0
        if asked.display:
            task = self._by_name().get(asked.display)
            if task is None:
                listed = "\n".join(f"    {name}" for name in collect.short(self._tasks))
                abort(f"Task '{asked.display}' does not appear to exist. Valid task names:\n{listed}")
            say("\n".join(collect.display(asked.display, task)))
            return 0
        return None

    def _print_list(self, form: str, docstring: str | None) -> None:
        if form == "short":
            lines = collect.short(self._tasks)
        else:
            lines = (collect.nested if form == "nested" else collect.normal)(docstring, self._tasks)
        say("\n".join(lines))

    def _calls(self) -> list[arguments.Words] | None:
        """Return what is to be called in order; None where nothing was named and nothing is the default."""
        try:
            calls = [arguments.parse(word) for word in self._line.words]
        except ValueError as error:
            complain(f"Traceback (most recent call last):\nValueError: {error}")
            raise SystemExit(1) from None
        if not calls and not self._line.remainder:
            if self._tasks.default is None:
                return None
            calls = [arguments.Words(self._tasks.default.name)]
        if self._line.remainder:
            calls.append(arguments.Words(REMAINDER))
        env.env["tasks"] = list(self._line.words)
        return calls

    def _is_known(self, name: str) -> bool:
        if name in self._by_name() or name == REMAINDER:
            return True
        warn(f"'{name}' is not callable or a valid task name")
        return False

    def _execute(self, calls: list[arguments.Words]) -> int:
        self._debug(f"Commands to run: {', '.join(one.name for one in calls)}")
        known = {**self._by_name(), REMAINDER: _Remainder(self._line.remainder)}
        made = self._surroundings
        what = {
            "fabfile": env.env.real_fabfile,
            "tasks": [*self._line.words],
            "remainder": self._line.remainder,
        }
        may_ask = not env.env.abort_on_prompts
        if self._line.options.include_excluded == "":
            abort("--include-excluded wants a reason: it is recorded")
        wishes = Wishes(self._line.options.include_excluded, _other_ssh_config(), may_ask)
        what |= {"include_excluded": wishes.include_excluded} if wishes.include_excluded else {}
        engine = Engine(made.connector(wishes), made.record(list(env.env.hosts), what), known)
        env.env.attach(engine)
        status = 1
        with ExitStack() as stack:
            stack.callback(env.env.detach)
            stack.callback(engine.close)
            stack.callback(lambda: engine.end(status))
            stack.callback(connections.disconnect_all)
            status = _guarded(calls)
            if status == 0 and env.output.status:
                say("\nDone.")
        return status


def _other_ssh_config() -> str | None:
    path = str(env.env.ssh_config_path)
    return None if path == options.SSH_CONFIG else path


class _Remainder:
    """The command after `--`, as a task."""

    def __init__(self, command: str) -> None:
        self._command = command

    def __call__(self) -> Any:
        return operations.run(self._command)


def _guarded(calls: list[arguments.Words]) -> int:
    """Execute the calls in order; return the exit status for whatever comes of them."""
    try:
        for call in calls:
            execute(call.name, *call.args, **_placed(call.kwargs))
    except KeyboardInterrupt:
        if env.output.status:
            complain("\nStopped.")
        return 1
    except SystemExit as ended:
        return _status(ended)
    except BedsideError:
        raise
    except Exception as raised:
        names.explain(raised)
        print_exception(raised)
        return 1
    return 0


def _placed(kwargs: Mapping[str, str]) -> dict[str, Any]:
    """Make lists of `hosts=a;b`, `roles=` and `exclude_hosts=`."""
    return {
        key: [part.strip() for part in value.split(";")]
        if key in ("hosts", "roles", "exclude_hosts")
        else value
        for key, value in kwargs.items()
    }


def _warn_of(unknown: list[str]) -> None:
    if env.output.warnings:
        warn("Command(s) not found:\n" + "\n".join(f"    {name}" for name in unknown))
