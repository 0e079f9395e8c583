"""One command of a simulated host about to run, and what every command may ask of it."""

from __future__ import annotations

import posixpath
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bedside.lab.simulated import streams

if TYPE_CHECKING:
    from bedside.lab.simulated.host import Host
    from bedside.lab.simulated.shell import Shell

_DEPTH = 30


class ExitShell(Exception):
    """`exit N`."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(slots=True)
class Call:
    """One command about to run: its words, environment and streams, and the shell it was typed in."""

    shell: Shell
    argv: list[str]
    env: dict[str, str]
    stdin: streams.Input
    stdout: streams.Output
    stderr: streams.Output

    @property
    def host(self) -> Host:
        """The host it runs on."""
        return self.shell.host

    @property
    def user(self) -> str:
        """Whose process it is."""
        return self.shell.user

    async def out(self, text: str) -> int:
        """Write to standard output; returns 0, the status of success."""
        await self.stdout.write(text.encode("utf-8", "surrogateescape"))
        return 0

    async def fail(self, message: str, status: int = 1) -> int:
        """Write `NAME: message` to standard error and return the status."""
        await self.stderr.write(
            f"{posixpath.basename(self.argv[0])}: {message}\n".encode("utf-8", "surrogateescape")
        )
        return status

    async def execute(self) -> int:
        """Run the command and return its status; an error of the file system is said, not raised."""
        name = self.argv[0]
        run = self.host.command(name)
        if run is None:
            return await self._not_found(name)
        try:
            return await run(self)
        except BrokenPipeError:
            raise
        except OSError as error:
            return await self.fail(self.host.files.told(error))

    async def _not_found(self, name: str) -> int:
        shell = replace(self.shell, stderr=self.stderr)
        if "/" not in name:
            found = f"{name}: command not found" if shell.name == "bash" else f"{name}: not found"
            return await shell.complain(found, 127)
        real = self.host.files.real(name, self.shell.cwd)
        if not real.is_file():
            return await shell.complain(
                f"{name}: not found" if shell.name == "sh" else f"{name}: No such file or directory", 127
            )
        if not real.stat().st_mode & 0o100:
            return await shell.complain(f"{name}: Permission denied", 126)
        return await self.child().main(real.read_bytes().decode("utf-8", "surrogateescape"))

    def child(self, **changes: Any) -> Shell:
        """Return a new shell process with this call's environment and streams."""
        fresh = {
            "env": dict(self.env),
            "stdin": self.stdin,
            "stdout": self.stdout,
            "stderr": self.stderr,
            "name": "sh",
            "args": (),
            "flags": set(),
            "unexported": set(),
            "status": 0,
            "tested": 0,
            "interactive": False,
        }
        return self.shell.fork(**(fresh | changes))

    async def then(self, argv: list[str], **changes: Any) -> int:
        """Run another command in this one's place (`env`, `sudo`, `timeout`)."""
        shell = self.child(**changes)
        if shell.depth > _DEPTH:
            return await self.fail("too deep for the simulated shell", 2)
        return await Call(shell, argv, dict(shell.env), shell.stdin, shell.stdout, shell.stderr).execute()


Command = Callable[[Call], Awaitable[int]]
