"""A simulated host without any server, for tests of what it does with a command line."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from bedside.lab.level import Kind
from bedside.lab.simulated import streams
from bedside.lab.simulated.call import Call
from bedside.lab.simulated.files import HOMES
from bedside.lab.simulated.host import Host
from bedside.lab.simulated.platforms import LOOKALIKES, debian
from bedside.lab.simulated.shell import Shell, login_environment
from bedside.lab.simulated.userland import USERLANDS


@dataclass(frozen=True)
class Ran:
    """What a command line did."""

    status: int
    out: str
    err: str


def make_host(folder: Path, kind: Kind = "debian", release: str = "bookworm") -> Host:
    """Return a host whose files are in a folder below `folder`."""
    platform = debian(release) if kind == "debian" else LOOKALIKES[kind]
    name = f"{release if kind == 'debian' else kind}-01"
    root = folder / name
    root.mkdir(parents=True, exist_ok=True)
    return Host(name, "127.77.0.1", platform, root, USERLANDS[kind], "0" * 32)


def run(
    host: Host, line: str, *, user: str = "root", stdin: str = "", env: dict[str, str] | None = None
) -> Ran:
    """Run a command line by the user's login shell, as the SSH server does."""
    out, err = streams.Capture(), streams.Capture()
    variables = login_environment(user, host.name) | (env or {})
    source = streams.of_bytes(stdin.encode("utf-8", "surrogateescape"))
    shell = Shell(host, user, source, out, err, variables, HOMES[user])
    call = Call(shell, [host.platform.login_shell, "-c", line], variables, source, out, err)
    status = asyncio.run(call.execute())
    return Ran(status, bytes(out.data).decode("utf-8", "surrogateescape"), bytes(err.data).decode())
