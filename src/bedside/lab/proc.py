"""Programs that the lab starts: bounded in time, ended with their children, and never by name."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

from bedside.errors import LabError
from bedside.text import one_line

SCRIPTS = Path(__file__).parent / "scripts"
SAID = 64
"""The exit status of our own scripts where what they said is a whole message for the user."""
_TAIL = 3


async def run(
    argv: Sequence[str],
    *,
    what: str,
    timeout: float,
    stdin: bytes = b"",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> str:
    """Run a program to its end and return its standard output. `timeout` is seconds.

    Raises LabError that names `what` and holds the last lines it said, where it fails or takes too long.
    """
    async with started(argv, cwd=cwd, env=env, pass_fds=pass_fds) as process:
        try:
            async with asyncio.timeout(timeout):
                out, err = await process.communicate(stdin)
        except TimeoutError:
            raise LabError(f"{what} took longer than {timeout:.0f} s") from None
    if process.returncode == SAID:
        raise LabError(tail(err))
    if process.returncode != 0:
        raise LabError(f"{what} failed (status {process.returncode}): {tail(err or out)}")
    return out.decode("utf-8", "replace")


@contextlib.asynccontextmanager
async def started(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Start a program in a process group of its own, which is killed whenever the block is left."""
    pipe = asyncio.subprocess.PIPE
    try:
        process = await asyncio.create_subprocess_exec(
            *argv, stdin=pipe, stdout=pipe, stderr=pipe, cwd=cwd, env=env, pass_fds=pass_fds,
            start_new_session=True,
        )  # fmt: skip
    except OSError as error:
        raise LabError(f"{argv[0]} can't be started: {error.strerror}") from None
    try:
        yield process
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(5):
                    await process.communicate()


def contained(argv: Sequence[str]) -> list[str]:
    """Wrap a command so that all it starts and mounts ends with it, and it ends with us.

    Its own pid and mount namespaces take daemons and mounts along when it is killed; the kernel kills it
    when our process dies, also of SIGKILL. Without root there are no such namespaces: then it alone dies.
    """
    if os.geteuid() != 0:
        return [*(["setpriv", "--pdeathsig", "KILL"] if shutil.which("setpriv") else []), *argv]
    return ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork",
            "--kill-child=KILL", "--mount-proc", "--", *argv]  # fmt: skip


def script(name: str, *arguments: str) -> list[str]:
    """Return the command that runs one of the lab's shell scripts."""
    return ["sh", str(SCRIPTS / name), *arguments]


def on_path(program: str) -> str | None:
    """Return the program's place; also looks where a user's PATH may not: sbin folders."""
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/bin:/bin")


def tail(data: bytes) -> str:
    """Return the last lines of what a program said, as one line for an error."""
    lines = [line for line in data.decode("utf-8", "replace").splitlines() if line.strip()]
    return one_line(" | ".join(lines[-_TAIL:]), 400) or "it said nothing"
