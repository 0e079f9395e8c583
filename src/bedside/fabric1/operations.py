"""`fabric.operations`: `run sudo local prompt`. Copies are in `transfer.py`."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from bedside.fabric1 import commandline, connections, keyboard
from bedside.fabric1.context import quiet as quietly
from bedside.fabric1.context import settings
from bedside.fabric1.env import env, output
from bedside.fabric1.messages import error, say, warn
from bedside.fabric1.remote import Captured, Conversation, Printer
from bedside.fabric1.results import AttributeString, outcome


def run(
    command: str, shell: bool = True, pty: bool = True, combine_stderr: bool | None = None,
    quiet: bool = False, warn_only: bool = False, stdout: Any = None, stderr: Any = None,
    timeout: float | None = None, shell_escape: bool | None = None, capture_buffer_size: int | None = None,
) -> AttributeString:  # fmt: skip
    """Run a command on the host, through `env.shell`, and return its output."""
    connections.need_host()
    line = commandline.remote(command, shell=shell, shell_escape=shell_escape)
    with _manners(quiet, warn_only):
        return _operate(
            "run", command, line, pty, combine_stderr, (stdout, stderr), timeout, capture_buffer_size
        )


def sudo(
    command: str, shell: bool = True, pty: bool = True, combine_stderr: bool | None = None,
    user: str | int | None = None, quiet: bool = False, warn_only: bool = False, stdout: Any = None,
    stderr: Any = None, group: str | int | None = None, timeout: float | None = None,
    shell_escape: bool | None = None, capture_buffer_size: int | None = None,
) -> AttributeString:  # fmt: skip
    """Run a command on the host through sudo, as `user` and `group`, and return its output."""
    connections.need_host()
    prefix = commandline.sudo_prefix(env.sudo_user if user is None else user, group)
    line = commandline.remote(command, shell=shell, shell_escape=shell_escape, sudo=prefix)
    with _manners(quiet, warn_only):
        return _operate(
            "sudo", command, line, pty, combine_stderr, (stdout, stderr), timeout, capture_buffer_size
        )


def _manners(quiet: bool, warn_only: bool) -> ExitStack:
    stack = ExitStack()
    if quiet:
        stack.enter_context(quietly())
    if warn_only:
        stack.enter_context(settings(warn_only=True))
    return stack


def _operate(
    name: str, command: str, line: str, pty: bool, combine_stderr: bool | None,
    streams: tuple[Any, Any], timeout: float | None, buffer_size: int | None,
) -> AttributeString:  # fmt: skip
    if output.debug or output.running:
        say(f"[{env.host_string}] {name}: {line if output.debug else command}")
    mark = f"[{env.host_string}] %s: " if env.output_prefix else ""
    linewise = bool(env.get("linewise"))
    talk = Conversation(
        line=line,
        pty=bool(pty and env.get("always_use_pty", True)),
        combine=bool(env.combine_stderr if combine_stderr is None else combine_stderr),
        timeout=env.get("command_timeout") if timeout is None else timeout,
        out=Printer(streams[0] or sys.stdout, mark and mark % "out", shown=output.stdout, linewise=linewise),
        err=Printer(streams[1] or sys.stderr, mark and mark % "err", shown=output.stderr, linewise=linewise),
        stdout=Captured(buffer_size),
        stderr=Captured(buffer_size),
    )
    code = talk.run()
    out, err = talk.stdout.text, talk.stderr.text
    if output.running and ((output.stdout and out) or (output.stderr and err)):
        say("")
    env._engine.did(command, exit=code, via=name)
    result = outcome(out, err, code, command, line, ok=code in env.ok_ret_codes)
    if result.failed:
        message = f"{name}() received nonzero return code {code} while executing"
        message += f" '{command}'!" if env.warn_only else f"!\n\nRequested: {command}\nExecuted: {line}"
        error(message, stdout=out, stderr=err)
    return result


def local(command: str, capture: bool = False, shell: str | None = None) -> AttributeString:
    """Run a command here, through `/bin/sh -c` or `shell`. With `capture` its output is returned unseen."""
    line = commandline.local(command)
    if output.debug or output.running:
        say(f"[localhost] local: {line if output.debug else command}")
    sys.stdout.flush()
    sys.stderr.flush()
    done = subprocess.run(  # noqa: S602 (a fabfile's local() is a shell)
        line, shell=True, executable=shell, check=False,
        stdout=_sink(capture, output.stdout), stderr=_sink(capture, output.stderr),
    )  # fmt: skip
    out, err = (_text(data) if capture else "" for data in (done.stdout, done.stderr))
    result = outcome(out, err, done.returncode, command, line, ok=done.returncode in env.ok_ret_codes)
    env._engine.did(command, exit=done.returncode, via="local")
    if result.failed:
        error(
            f"local() encountered an error (return code {done.returncode}) while executing '{command}'",
            stdout=result, stderr=result.stderr,
        )  # fmt: skip
    return result


def _sink(capture: bool, shown: bool) -> int | None:
    if capture:
        return subprocess.PIPE
    return None if shown else subprocess.DEVNULL


def _text(data: bytes | None) -> str:
    return (data or b"").decode("utf-8", "surrogateescape")


def prompt(
    text: str, key: str | None = None, default: Any = "", validate: str | Callable[[str], Any] | None = None
) -> Any:
    """Ask the user; the answer, validated, also goes to `env[key]`."""
    keyboard.refuse_to_ask("a user-specified prompt() call")
    before = env.get(key) if key else None
    question = f"{text.strip()} [{str(default).strip()}] " if default != "" else f"{text.strip()} "
    while True:
        answer = keyboard.ask(question) or default
        try:
            value = _validated(answer, validate)
            break
        except ValueError as refused:
            say(str(refused))
    if key:
        env[key] = value
        if before is not None and before != value:
            warn(f"overwrote previous env variable '{key}'; used to be '{before}', is now '{value}'.")
    return value


def _validated(answer: Any, validate: str | Callable[[str], Any] | None) -> Any:
    if callable(validate):
        try:
            return validate(answer)
        except Exception as refused:
            raise ValueError(f"Validation failed for the following reason:\n    {refused}\n") from None
    if validate:
        anchored = f"^{validate.removeprefix('^').removesuffix('$')}$"
        if not re.match(anchored, answer):
            raise ValueError(
                f"Regular expression validation failed: '{answer}' does not match '{anchored}'\n"
            )
    return answer
