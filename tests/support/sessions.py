"""Sessions to servers of `support.sshd`, past known hosts and configuration."""

from __future__ import annotations

import contextlib
import getpass
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from secrets import token_hex

import asyncssh
from tests.support.sshd import Sshd, descendants, password_user

from bedside.clock import SystemClock
from bedside.ssh.capture import CaptureSettings
from bedside.ssh.connect import Connection
from bedside.ssh.options import SshOptions
from bedside.ssh.secrets import NoSecrets, Secrets
from bedside.ssh.session import Session


@asynccontextmanager
async def session(
    server: Sshd,
    *,
    user: str | None = None,
    secrets: Secrets | None = None,
    capture: CaptureSettings | None = None,
    command_timeout: float = 30.0,
    idle_timeout: float = 0.0,
) -> AsyncIterator[Session]:
    """Log in with the server's key, and give a session of short time-outs."""
    user = user or server.user
    raw = await asyncssh.connect(
        server.address,
        server.port,
        username=user,
        client_keys=[str(server.key)],
        known_hosts=None,
        config=None,
        agent_path=None,
    )
    options = SshOptions(
        host="web1", name="web1", address=server.address, port=server.port, user=user,
        command_timeout=command_timeout, idle_timeout=idle_timeout,
    )  # fmt: skip
    async with Session(
        Connection("web1", raw, options),
        secrets=secrets or NoSecrets(),
        clock=SystemClock(),
        capture=capture or CaptureSettings(),
    ) as opened:
        yield opened


@contextmanager
def open_folder() -> Iterator[Path]:
    """Give a folder that other users may enter, as pytest's own may not be."""
    with tempfile.TemporaryDirectory(prefix="bedside-test-") as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


@contextmanager
def plain_user() -> Iterator[str]:
    """Give a user that is not root: oneself, or a throw-away one."""
    if os.getuid():
        yield getpass.getuser()
    else:
        with password_user(token_hex(8)) as name:
            yield name


def cut(server: Sshd) -> None:
    """Kill every connection's sshd (first, so that none can report the end of a command), then the rest."""
    pids = descendants(server.process.pid)
    for pid in sorted(pids, key=lambda pid: Path(f"/proc/{pid}/comm").read_text() != "sshd\n"):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def signal_all(pids: list[int], number: signal.Signals) -> None:
    """Send a signal to those of the processes that are still there."""
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
