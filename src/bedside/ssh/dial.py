"""The stream to a host that SSH is then spoken on: a TCP connection, or a ProxyCommand."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import threading
from dataclasses import dataclass, field

from bedside import text
from bedside.ssh.options import SshOptions

LOOKUPS_AT_ONCE = 32
PROXY_END_LIMIT = 2.0
"""Seconds a ProxyCommand may take to end once its stream is closed."""

_Info = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int] | tuple[int, bytes]]


@dataclass(slots=True)
class Proxy:
    """A running ProxyCommand. `last_words` is the last line of its standard error."""

    process: asyncio.subprocess.Process
    last_words: str = ""
    _reader: asyncio.Task[None] | None = None

    def listen(self) -> None:
        """Keep its standard error empty, and its last line in mind."""
        self._reader = asyncio.ensure_future(self._read())

    async def _read(self) -> None:
        stream = self.process.stderr
        while stream and (data := await stream.read(4096)):
            lines = [line for line in text.decode(data).splitlines() if line.strip()]
            self.last_words = text.one_line(lines[-1]) if lines else self.last_words

    async def ended(self) -> int | None:
        """Wait a little for the end of one that has closed its output; return its exit status, if any."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PROXY_END_LIMIT):
                await self.process.wait()
                if self._reader:
                    await asyncio.wait((self._reader,))
        return self.process.returncode

    async def close(self) -> None:
        """Wait for its end, which closing its stream should bring about; then kill it and what it started."""
        for kill, limit in ((None, 0.5), (signal.SIGTERM, 1.0), (signal.SIGKILL, PROXY_END_LIMIT)):
            if kill and self.process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self.process.pid, kill)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limit):
                    await self.process.wait()
                    break
        if self._reader:
            self._reader.cancel()
            await asyncio.wait((self._reader,))


@dataclass(slots=True)
class Line:
    """A stream to a host. `address` is the one that was reached."""

    sock: socket.socket
    address: str | None = None
    proxy: Proxy | None = None

    async def close(self) -> None:
        """Close it; safe to call twice."""
        self.sock.close()
        if self.proxy:
            await self.proxy.close()


@dataclass(slots=True)
class Dialer:
    """Makes streams. Names are looked up by threads of its own, since a lookup can't be broken off.

    They are daemons: an interrupted program does not wait for a name server that is silent.
    """

    _gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LOOKUPS_AT_ONCE))

    async def dial(self, options: SshOptions, limit: float) -> Line:
        """Connect, sharing `limit` seconds (0: none) between the addresses of the name. Raises OSError."""
        if options.proxy_command:
            return await _start_proxy(options.proxy_command)
        infos = await self._lookup(options)
        loop = asyncio.get_running_loop()
        end = loop.time() + limit
        failure: OSError = OSError("the name has no address")
        for number, info in enumerate(infos):
            share = max(0.01, (end - loop.time()) / (len(infos) - number)) if limit else None
            try:
                async with asyncio.timeout(share):
                    return await _connect(info, options.bind_address)
            except OSError as error:
                failure = error
        raise failure

    async def _lookup(self, options: SshOptions) -> list[_Info]:
        with contextlib.suppress(socket.gaierror):
            return _getaddrinfo(options, socket.AI_NUMERICHOST)
        loop = asyncio.get_running_loop()
        async with self._gate:
            answer: asyncio.Future[list[_Info]] = loop.create_future()
            thread = threading.Thread(target=_ask, args=(options, loop, answer), daemon=True)
            thread.start()
            return await answer


def _getaddrinfo(options: SshOptions, flags: int) -> list[_Info]:
    found = socket.getaddrinfo(
        options.address, options.port, family=options.family, type=socket.SOCK_STREAM, flags=flags
    )
    return list(dict.fromkeys(found))


def _ask(options: SshOptions, loop: asyncio.AbstractEventLoop, answer: asyncio.Future[list[_Info]]) -> None:
    infos: list[_Info] = []
    failure: OSError | UnicodeError | None = None
    try:
        infos = _getaddrinfo(options, 0)
    except (OSError, UnicodeError) as error:
        failure = error

    def settle() -> None:
        if answer.done():
            return
        if failure is None:
            answer.set_result(infos)
        else:
            bad_name = socket.gaierror(socket.EAI_NONAME, "it is no valid name")
            answer.set_exception(failure if isinstance(failure, OSError) else bad_name)

    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(settle)


async def _connect(info: _Info, bind_address: str | None) -> Line:
    family, kind, protocol, _, address = info
    sock = socket.socket(family, kind | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, protocol)
    try:
        if bind_address:
            sock.bind((bind_address, 0))
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return Line(sock, str(address[0]))


async def _start_proxy(command: str) -> Line:
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            process = await asyncio.create_subprocess_exec(
                "/bin/sh", "-c", f"exec {command}",
                stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=asyncio.subprocess.PIPE,
                start_new_session=True,
            )  # fmt: skip
    except BaseException:
        ours.close()
        raise
    ours.setblocking(False)
    proxy = Proxy(process)
    proxy.listen()
    return Line(ours, proxy=proxy)
