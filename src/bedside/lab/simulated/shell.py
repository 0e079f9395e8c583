"""The simulated hosts' shell: runs a tree of `grammar` against one host."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bedside.lab.simulated import grammar, streams
from bedside.lab.simulated.call import Call, ExitShell
from bedside.lab.simulated.expand import Scope, UnsetError
from bedside.lab.simulated.files import HOMES

if TYPE_CHECKING:
    from bedside.lab.simulated.host import Host
    from bedside.lab.simulated.terminal import Terminal


@dataclass(slots=True)
class Shell:
    """One shell process: whose it is, where it stands, and its three streams."""

    host: Host
    user: str
    stdin: streams.Input
    stdout: streams.Output
    stderr: streams.Output
    env: dict[str, str] = field(default_factory=dict)
    cwd: str = "/"
    name: str = "sh"
    args: tuple[str, ...] = ()
    status: int = 0
    flags: set[str] = field(default_factory=set)
    depth: int = 0
    unexported: set[str] = field(default_factory=set)
    terminal: Terminal | None = None
    interactive: bool = False
    tested: int = 0
    """How many conditions surround what runs now: `set -e` does not hold there."""

    # --- scripts

    async def main(self, text: str) -> int:
        """Run a whole script and return its exit status."""
        try:
            script = grammar.parse(text)
        except grammar.ShellSyntaxError as error:
            return await self.complain(str(error), 2)
        ended = await self._guarded(script)
        return self.status if ended is None else ended

    async def _guarded(self, script: grammar.Script) -> int | None:
        """Run a script; return the status with which it ended the whole shell, None where it did not."""
        try:
            await self.run(script)
        except grammar.ShellSyntaxError as error:
            return await self.complain(str(error), 2)
        except ExitShell as ended:
            return ended.status
        except UnsetError as error:
            return await self.complain(str(error), 2)
        return None

    async def listen(self) -> int:
        """Run commands from standard input as they come complete, until its end."""
        text = ""
        while line := await self._next_line(text):
            text += line.decode("utf-8", "surrogateescape")
            try:
                script = grammar.parse(text)
            except grammar.IncompleteError:
                continue
            except grammar.ShellSyntaxError as error:
                text, self.status = "", await self.complain(str(error), 2)
                if not self.interactive:
                    return self.status
                continue
            text = ""
            if (ended := await self._interruptible(script)) is not None:
                return ended
        return (
            self.status
            if not text
            else await self.complain(str(grammar.IncompleteError("end of file unexpected")), 2)
        )

    async def _next_line(self, text: str) -> bytes:
        if self.interactive and self.terminal:
            self.terminal.foreground = None
            place = self.cwd.replace(self.env["HOME"], "~", 1)
            mark = "#" if self.user == "root" else "$"
            await self.stdout.write(
                (f"{self.user}@{self.host.name}:{place}{mark} " if not text else "> ").encode()
            )
        return await self.stdin.readline()

    async def _interruptible(self, script: grammar.Script) -> int | None:
        if not (self.interactive and self.terminal):
            return await self._guarded(script)
        task = self.terminal.foreground = asyncio.create_task(self._guarded(script))
        try:
            await asyncio.wait([task])
            return None if task.cancelled() else task.result()
        finally:
            task.cancel()

    async def run(self, script: grammar.Script) -> int:
        """Run a script in this shell. Raises ExitShell."""
        for item in script:
            await self._and_or(item)
        return self.status

    async def complain(self, message: str, status: int) -> int:
        """Say what is wrong on standard error as dash does, and return the status."""
        where = f"{self.name}: 1: " if self.name == "sh" else f"{self.name}: line 1: "
        await self.stderr.write(f"{where}{message}\n".encode("utf-8", "surrogateescape"))
        return status

    def fork(self, **changes: Any) -> Shell:
        """Return a copy for a subshell or a child; its variables are its own."""
        return replace(
            self,
            **{
                "env": dict(self.env),
                "flags": set(self.flags),
                "unexported": set(self.unexported),
                "depth": self.depth + 1,
                **changes,
            },
        )

    # --- the tree

    async def _and_or(self, item: grammar.AndOr) -> None:
        last = len(item.parts) - 1
        for number, (op, pipeline) in enumerate(item.parts):
            if (op == "&&" and self.status) or (op == "||" and not self.status):
                continue
            self.tested += number < last
            try:
                self.status = await self._pipeline(pipeline)
            finally:
                self.tested -= number < last
            if (
                self.status
                and "e" in self.flags
                and number == last
                and not self.tested
                and not pipeline.negate
            ):
                raise ExitShell(self.status)

    async def _pipeline(self, pipeline: grammar.Pipeline) -> int:
        if len(pipeline.commands) == 1:
            self.tested += pipeline.negate
            try:
                status = await self._node(pipeline.commands[0])
            finally:
                self.tested -= pipeline.negate
        else:
            status = await self._piped(pipeline.commands)
        return int(not status) if pipeline.negate else status

    async def _piped(self, commands: tuple[grammar.Node, ...]) -> int:
        async def stage(node: grammar.Node, before: streams.Pipe | None, after: streams.Pipe | None) -> int:
            shell = self.fork(stdin=before.input if before else self.stdin, stdout=after or self.stdout)
            try:
                return await shell._node(node)
            except ExitShell as ended:
                return ended.status
            except BrokenPipeError:
                return 141
            finally:
                if before:
                    await before.close_reader()
                if after:
                    await after.close_writer()

        pipes: list[streams.Pipe | None] = [None, *(streams.Pipe() for _ in commands[1:]), None]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(stage(c, pipes[i], pipes[i + 1])) for i, c in enumerate(commands)]
        return tasks[-1].result()

    async def _node(self, node: grammar.Node) -> int:
        try:
            shell = await self._redirected(node.redirects)
        except OSError as error:
            return await self.complain(
                f"cannot open {error.filename or 'file'}: {error.strerror or error}", 2
            )
        if isinstance(node, grammar.Simple):
            return await self._simple(node, shell)
        if isinstance(node, grammar.Group) and node.subshell:
            inner = (shell or self).fork()
            try:
                return await inner.run(node.body)
            except ExitShell as ended:
                return ended.status
        kept = self.stdin, self.stdout, self.stderr
        if shell:
            self.stdin, self.stdout, self.stderr = shell.stdin, shell.stdout, shell.stderr
        try:
            return await (self.run(node.body) if isinstance(node, grammar.Group) else self._conditional(node))
        finally:
            self.stdin, self.stdout, self.stderr = kept

    async def _conditional(self, node: grammar.If) -> int:
        for condition, body in node.branches:
            self.tested += 1
            try:
                await self.run(condition)
            finally:
                self.tested -= 1
            if not self.status:
                return await self.run(body)
        self.status = 0
        return await self.run(node.otherwise)

    async def _simple(self, node: grammar.Simple, redirected: Shell | None) -> int:
        scope = self.scope()
        argv = await scope.fields(node.words)
        assigns = {name: await scope.text(word) for name, word in node.assigns}
        if "x" in self.flags:
            await self.stderr.write(("+ " + " ".join(argv) + "\n").encode("utf-8", "surrogateescape"))
        if not argv:
            self.unexported |= assigns.keys() - self.env.keys()
            self.env.update(assigns)
            return (
                self.status
                if any(isinstance(p, grammar.Substitution) for _, w in node.assigns for p in w)
                else 0
            )
        exported = {n: v for n, v in self.env.items() if n not in self.unexported}
        call = Call(self, argv, exported | assigns, *self._streams(redirected))
        return await call.execute()

    def _streams(self, redirected: Shell | None) -> tuple[streams.Input, streams.Output, streams.Output]:
        source = redirected or self
        return source.stdin, source.stdout, source.stderr

    async def _redirected(self, redirects: tuple[grammar.Redirect, ...]) -> Shell | None:
        if not redirects:
            return None
        shell = self.fork()
        for redirect in redirects:
            target = await self.scope().text(redirect.target)
            if redirect.op == "<":
                shell.stdin = self.host.files.reader(target, self.user, self.cwd)
                continue
            output: streams.Output
            if redirect.op == ">&":
                output = shell.stderr if target == "2" else shell.stdout
            else:
                output = self.host.files.writer(target, self.user, self.cwd, append=redirect.op == ">>")
            if redirect.fd == 2:
                shell.stderr = output
            else:
                shell.stdout = output
        return shell

    # --- values

    def scope(self) -> Scope:
        """Return what words may refer to now."""
        special = {
            "?": str(self.status),
            "#": str(len(self.args)),
            "$": "4711",
            "0": self.name,
            "-": "".join(sorted(self.flags)),
            "!": "",
        }
        return Scope(
            self.env,
            self.args,
            special,
            "u" in self.flags,
            self._capture,
            lambda p: self.host.files.listing(p, self.cwd),
        )

    async def _capture(self, script: grammar.Script) -> str:
        capture = streams.Capture()
        shell = self.fork(stdout=capture)
        try:
            self.status = await shell.run(script)
        except ExitShell as ended:
            self.status = ended.status
        except OSError as error:
            self.status = await self.complain(str(error), 2)
        return capture.data.decode("utf-8", "surrogateescape")


def login_environment(user: str, host_name: str) -> dict[str, str]:
    """Return what sshd and login give a user's first process."""
    return {
        "HOME": HOMES[user],
        "USER": user,
        "LOGNAME": user,
        "SHELL": "/bin/bash",
        "PWD": HOMES[user],
        "HOSTNAME": host_name,
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
    }
