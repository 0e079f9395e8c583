"""One command, or one interactive shell, on a simulated host: an SSH channel tied to `shell`."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncssh

from bedside.lab.simulated import streams
from bedside.lab.simulated.call import Call
from bedside.lab.simulated.files import HOMES
from bedside.lab.simulated.host import Host
from bedside.lab.simulated.shell import Shell, login_environment
from bedside.lab.simulated.terminal import Terminal

_INTERRUPTED = 130
Process = asyncssh.SSHServerProcess[bytes]


class _Writer:
    """Standard output or error of a process. On a terminal, line ends become CR LF."""

    def __init__(self, writer: asyncssh.SSHWriter[bytes], plugged: asyncio.Event, *, terminal: bool) -> None:
        self._writer, self._plugged, self._terminal = writer, plugged, terminal

    async def write(self, data: bytes) -> None:
        await self._plugged.wait()
        self._writer.write(data.replace(b"\n", b"\r\n") if self._terminal else data)
        await self._writer.drain()


async def serve(host: Host, process: Process) -> None:
    """Run what the client asked for, until it ends, a signal comes, or the connection breaks."""
    terminal = process.term_type is not None
    typed = streams.Pipe()
    stdout = _Writer(process.stdout, host.plugged, terminal=terminal)
    stderr = stdout if terminal else _Writer(process.stderr, host.plugged, terminal=False)
    screen = Terminal(typed, stdout) if terminal else None
    shell = Shell(
        host,
        _user(process),
        typed.input,
        stdout,
        stderr,
        _environment(host, process),
        HOMES[_user(process)],
        terminal=screen,
    )
    work = asyncio.create_task(_run(shell, process))
    if screen:
        screen.foreground = work
    pump = asyncio.create_task(_pump(process, typed, screen))
    closed = asyncio.create_task(process.channel.wait_closed())
    tasks: list[asyncio.Task[Any]] = [work, pump, closed]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not work.done() and pump.done() and not pump.result():
            await asyncio.wait([work, closed], return_when=asyncio.FIRST_COMPLETED)
        await _until_heard(host, closed)
        if work.done():
            process.exit(_INTERRUPTED if work.cancelled() else work.result())
        elif pump.done() and (signal := pump.result()):
            process.exit_with_signal(signal)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _until_heard(host: Host, closed: asyncio.Task[Any]) -> None:
    """Wait until the cable is in, so that an exit status does not pass a cut one."""
    plugged = asyncio.create_task(host.plugged.wait())
    try:
        await asyncio.wait([plugged, closed], return_when=asyncio.FIRST_COMPLETED)
    finally:
        plugged.cancel()


def _user(process: Process) -> str:
    return str(process.get_extra_info("username"))


def _environment(host: Host, process: Process) -> dict[str, str]:
    sent = {
        k: v for k, v in process.env.items() if k == "LANG" or k.startswith("LC_")
    }  # as Debian's AcceptEnv
    return login_environment(_user(process), host.name) | sent


async def _run(shell: Shell, process: Process) -> int:
    """Run the command by the user's login shell, as sshd does."""
    if process.subsystem:
        return 1
    login = shell.host.platform.login_shell
    if process.command is None and shell.terminal:
        await shell.stdout.write(shell.host.greeting.encode())
        return await shell.fork(name=login, interactive=True).listen()
    words: list[str] = [login] if process.command is None else [login, "-c", process.command]
    try:
        return await Call(shell, words, dict(shell.env), shell.stdin, shell.stdout, shell.stderr).execute()
    except (BrokenPipeError, ConnectionError):
        return 141


async def _pump(process: Process, typed: streams.Pipe, screen: Terminal | None) -> str:
    """Carry what the client sends to the command; return the signal that ended it, if one did."""
    while True:
        try:
            data = await process.stdin.read(65536)
        except asyncssh.SignalReceived as received:
            return received.signal
        except asyncssh.BreakReceived:
            return "INT"
        except asyncssh.TerminalSizeChanged:
            continue
        if not data:
            await typed.close_writer()
            return ""
        await (screen.type(data) if screen else typed.write(data))
