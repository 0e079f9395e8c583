"""Servers of small boxes: dropbear, and an sshd behind which there is only busybox."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support.sshd import Sshd, free_port, keygen, public, sshd

_HIDE_SFTP = """
for server in /usr/lib/sftp-server /usr/lib/openssh/sftp-server /usr/libexec/sftp-server; do
    [ ! -f "$server" ] || mount --bind /dev/null "$(readlink -f "$server")"
done
exec "$@"
"""


def dropbear_works() -> bool:
    """Return True where a dropbear can be started that has no SFTP server."""
    return bool(os.getuid() == 0 and shutil.which("dropbear") and shutil.which("unshare"))


@contextlib.contextmanager
def dropbear(folder: Path) -> Iterator[Sshd]:
    """Start a dropbear for root, in a mount namespace in which there is no SFTP server."""
    key, host_key = keygen(folder / "user_key"), folder / "host_key"
    home = folder / "home"
    (home / ".ssh").mkdir(parents=True, mode=0o700)
    (home / ".ssh/authorized_keys").write_text(public(key))
    making = ["dropbearkey", "-t", "rsa", "-s", "2048", "-f", str(host_key)]
    subprocess.run(making, check=True, capture_output=True)
    port = free_port()
    hide = f"mount --bind {home} ~root\n{_HIDE_SFTP}"
    log = (folder / "log").open("w")
    process = subprocess.Popen(
        ["unshare", "-m", "--propagation", "slave", "sh", "-c", hide, "sh",
         "dropbear", "-F", "-E", "-r", host_key, "-p", f"127.0.0.1:{port}", "-P", folder / "pid"],
        stderr=log, text=True,
    )  # fmt: skip
    server = Sshd("127.0.0.1", port, folder, "root", key, [], process)
    try:
        _wait_for(port)
        yield server
    finally:
        server.stop()
        log.close()


@contextlib.contextmanager
def busybox(folder: Path) -> Iterator[Sshd]:
    """Start an sshd whose every command runs in busybox's shell, among busybox's tools only."""
    program = shutil.which("busybox")
    if not program:
        raise RuntimeError("busybox is not installed")
    tools = folder / "bin"
    tools.mkdir(parents=True)
    subprocess.run([program, "--install", "-s", str(tools)], check=True)
    forced = f'exec env -i HOME="$HOME" PATH={tools} {tools}/sh -c "$SSH_ORIGINAL_COMMAND"'
    config = f"SetEnv HOME={folder}\nForceCommand {forced}"
    with sshd(folder, sftp=False, config=config) as server:
        yield server


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return
