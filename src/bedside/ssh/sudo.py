"""Commands as another user, through sudo, without a password ever in an argument, a file or a log.

sudo is given a prompt of our own, a random word; only when that word comes back do we send the password.
What runs in sudo first prints a second random word: from there on all output is the command's, and all
input is its too. So it does not matter what sudo says, in which language, whether it lectures, or whether
it wants a password at all: no second word means that sudo refused.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from dataclasses import replace
from functools import partial

import asyncssh

from bedside import text
from bedside.errors import Denied, HostError, TimedOut
from bedside.runner import Command, OnLine, Pty, Result, Stream
from bedside.ssh.execution import Execution, Link
from bedside.ssh.patience import OutOfPatience
from bedside.ssh.process import Process
from bedside.ssh.quoting import prefix, quote
from bedside.ssh.secrets import Secrets

_KEPT = 16 * 1024
"""Bytes of what sudo says that are kept for an error message."""
_NO_TERMINAL = re.compile(r"\btty\b|terminal is required", re.IGNORECASE)
_WRONG = re.compile(r"incorrect|sorry|try again|attempt|authentication fail", re.IGNORECASE)
"""What sudo says of a wrong password when it asks only once; its end alone may have other reasons."""
_NOT_FOUND = re.compile(r"sudo: (command )?not found", re.IGNORECASE)


class Dialog:
    """What sudo says before the command runs. Pure: bytes in, the command's own bytes out."""

    def __init__(self, prompt: bytes, mark: bytes) -> None:
        self._prompt, self._mark = prompt, mark
        self._said = bytearray()
        self.prompts = 0
        """How often sudo has asked for a password."""
        self.started = False
        """True when the command itself runs."""
        self.changed = asyncio.Event()

    def feed(self, data: bytes) -> bytes:
        """Take what came; return the part that the command itself printed."""
        if self.started:
            return data
        self._said += data
        said, mark, rest = self._said.partition(self._mark)
        self.started = bool(mark)
        if prompts := said.count(self._prompt):
            self.prompts += prompts
            said = said.replace(self._prompt, b"")
        if prompts or mark:
            self._said = said
            self.changed.set()
            return bytes(rest)
        if len(self._said) > 2 * _KEPT:
            del self._said[:-_KEPT]
        return b""

    @property
    def words(self) -> str:
        """What sudo said, as one safe line."""
        return text.one_line(text.decode(bytes(self._said)))


class Sudo:
    """sudo on one host. It remembers refused passwords, and never sends one of them again."""

    def __init__(self, link: Link, passwords: Secrets, login: str) -> None:
        self._link, self._passwords, self._login = link, passwords, login
        self._refused: set[str] = set()

    async def run(
        self,
        command: Command,
        *,
        user: str | None = None,
        group: str | None = None,
        on_line: OnLine | None = None,
    ) -> Result:
        """Run a command through sudo. Raises Denied where sudo refuses, TimedOut, ConnectionLost.

        What sudo itself prints is not in the result. Where sudo insists on a terminal and the command has
        no input, it gets one; its two outputs are one then.
        """
        try:
            return await self._run(command, user, group, on_line)
        except _TerminalWanted:
            if command.stdin:
                raise self._denied(
                    "sudo wants a terminal, which can't pass on the command's input as it is",
                    0.0, "remove `requiretty` from the host's sudoers",
                ) from None  # fmt: skip
            return await self._run(replace(command, pty=Pty()), user, group, on_line)

    async def _run(
        self, command: Command, user: str | None, group: str | None, on_line: OnLine | None
    ) -> Result:
        # Neither word stands in the arguments as it is: a shell that echoes its commands asks for nothing.
        asked, halves = ((secrets.token_hex(8), secrets.token_hex(8)) for _ in range(2))
        dialog = Dialog("%".join(asked).encode(), "".join(halves).encode())
        async with Execution(self._link, command, "sudo", on_line=on_line) as execution:
            process = await execution.start(
                _line(command, asked, halves, user, group), stdin=None, pty=command.pty,
                feed=partial(_feed, execution, dialog, "stdout" if command.pty else "stderr"),
            )  # fmt: skip
            await self._talk(execution, process, dialog, has_terminal=command.pty is not None)
            stdin = command.stdin or b""
            process.send(stdin)
            process.end_input(stdin)
            return await execution.finish()

    async def _talk(
        self, execution: Execution, process: Process, dialog: Dialog, *, has_terminal: bool
    ) -> None:
        process.closed.add_done_callback(lambda _: dialog.changed.set())
        sent: str | None = None
        while not dialog.started:
            if dialog.prompts and sent is None:
                sent = await self._password(execution)
                process.send(sent.encode("utf-8", "surrogateescape") + b"\n")
            elif dialog.prompts > 1 and sent is not None:
                self._forget(sent)
                raise self._denied(
                    f"sudo refused the password of {self._login}", execution.patience.seconds,
                    "check the sudo_password_* key of the ssh rule for this host",
                )  # fmt: skip
            elif process.closed.done():
                if sent is not None and not execution.lost and _WRONG.search(dialog.words):
                    self._forget(sent)
                raise self._no_start(execution, process, dialog, retry=sent is None and not has_terminal)
            else:
                dialog.changed.clear()
                await self._news(execution, dialog)
        if sent is not None:
            self._passwords.accepted(self._link.host, self._login, sent)

    async def _news(self, execution: Execution, dialog: Dialog) -> None:
        try:
            await execution.patience.run(dialog.changed.wait())
        except OutOfPatience as error:
            said = f"; it said: {dialog.words}" if dialog.words else ""
            raise TimedOut(
                f"sudo reached {error} before it ran the command{said}",
                host=self._link.host, phase="sudo", seconds=execution.patience.seconds,
                advice="it may ask for something that is no password",
            ) from error  # fmt: skip

    async def _password(self, execution: Execution) -> str:
        password = await self._passwords.sudo_password(self._link.host, self._login)
        if password is None:
            raise self._denied(
                f"sudo asks for the password of {self._login}, and none is known that was not refused",
                execution.patience.seconds,
                "name it with sudo_password_command, _file or _env in an [[ssh.rule]]",
            )  # fmt: skip
        if password in self._refused:
            raise self._denied(
                f"sudo has refused the password of {self._login} before; it is not sent again",
                execution.patience.seconds,
            )
        execution.patience.restart()
        return password

    def _forget(self, password: str) -> None:
        self._refused.add(password)
        self._passwords.refused(self._link.host, self._login, password)

    def _no_start(self, execution: Execution, process: Process, dialog: Dialog, *, retry: bool) -> Exception:
        words = dialog.words
        if execution.lost:
            return process.lost or asyncssh.ConnectionLost("Connection closed")
        if process.exit == 127 or _NOT_FOUND.search(words):
            return self._denied(
                "sudo is not installed", execution.patience.seconds, "log in as the user that is needed"
            )
        if retry and _NO_TERMINAL.search(words):
            return _TerminalWanted()
        said = words or f"it ended with exit status {process.exit} and said nothing"
        return self._denied(f"sudo refused: {said}", execution.patience.seconds)

    def _denied(self, message: str, seconds: float, advice: str = "") -> HostError:
        return Denied(message, host=self._link.host, phase="sudo", seconds=seconds, advice=advice)


class _TerminalWanted(Exception):
    """sudo runs only on a terminal here (`requiretty`)."""


def _line(
    command: Command, asked: tuple[str, str], halves: tuple[str, str], user: str | None, group: str | None
) -> str:
    # sudo makes `%` of `%%` in its prompt, and printf one word of two.
    inner = f"printf %s%s {halves[0]} {halves[1]} >&2; {prefix(command.line, command.env, command.cwd)}"
    who = [*(("-u", quote(user)) if user else ()), *(("-g", quote(group)) if group else ())]
    return " ".join(["sudo", "-S", "-p", quote("%%".join(asked)), *who, "--", "sh", "-c", quote(inner)])


def _feed(execution: Execution, dialog: Dialog, filtered: Stream, stream: Stream, data: bytes) -> None:
    if stream == filtered:
        data = dialog.feed(data)
    if data:
        execution.recorder.feed(stream, data)
