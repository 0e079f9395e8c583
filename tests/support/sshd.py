"""Real OpenSSH servers, agents and throw-away users. Everything started here is ended here, by its pid."""

from __future__ import annotations

import contextlib
import getpass
import os
import secrets
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"


@dataclass
class Sshd:
    """A running server. `log` grows with what it says."""

    address: str
    port: int
    folder: Path
    user: str
    key: Path
    host_keys: list[Path]
    process: subprocess.Popen[str]
    log: list[str] = field(default_factory=list)

    @property
    def known_name(self) -> str:
        """What a known_hosts file calls it."""
        return f"[{self.address}]:{self.port}"

    def known_line(self, number: int = 0) -> str:
        """Return the known_hosts line for one of its keys."""
        kind, data = public(self.host_keys[number]).split()[:2]
        return f"{self.known_name} {kind} {data}\n"

    def stop(self) -> None:
        """End the server and every session it has forked."""
        started = descendants(self.process.pid)
        self.process.terminate()
        self.process.wait(10)
        for pid in started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@contextlib.contextmanager
def sshd(
    folder: Path,
    *,
    address: str = "127.0.0.1",
    config: str = "",
    host_keys: tuple[str, ...] = ("ed25519",),
    user: str | None = None,
    sftp: bool = True,
) -> Iterator[Sshd]:
    """Start a server for the current user's key `folder`/user_key (made if need be).

    `config` is put before our own lines, so that it wins. `host_keys` are types for ssh-keygen.
    """
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o755)
    key = keygen(folder / "user_key")
    authorized = folder / "authorized_keys"
    if not authorized.exists():
        shutil.copy(public_path(key), authorized)
    keys = [keygen(folder / f"host_{kind}", kind) for kind in host_keys]
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    for _ in range(5):  # the port is free when we look; another process may take it before sshd does
        port = free_port(address)
        lines = [
            # bash reads the user's .bashrc otherwise, and that may do anything; only the first SetEnv counts
            config.replace("SetEnv ", "SetEnv SHLVL=5 "), "SetEnv SHLVL=5",
            f"Port {port}", f"ListenAddress {address}", *(f"HostKey {k}" for k in keys),
            f"AuthorizedKeysFile {authorized}", "PidFile none", "StrictModes no", "UsePAM no",
            "MaxStartups 1000:30:2000", "PrintMotd no", "PrintLastLog no", "LogLevel VERBOSE",
            "PermitRootLogin yes", "Subsystem sftp internal-sftp" if sftp else "",
        ]  # fmt: skip
        (folder / "sshd_config").write_text("\n".join(lines) + "\n")
        process = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", folder / "sshd_config"],
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        server = Sshd(address, port, folder, user or getpass.getuser(), key, keys, process)
        if _listens(server):
            break
        process.wait(10)
    else:
        raise RuntimeError("sshd does not start: " + " | ".join(server.log))
    reader = threading.Thread(target=_read, args=(server,), daemon=True)
    reader.start()
    try:
        yield server
    finally:
        server.stop()
        reader.join(10)
        assert process.stderr
        process.stderr.close()


def _listens(server: Sshd) -> bool:
    assert server.process.stderr
    for line in server.process.stderr:
        server.log.append(line.rstrip())
        if line.startswith("Server listening on"):
            return True
    return False


def _read(server: Sshd) -> None:
    assert server.process.stderr
    for line in server.process.stderr:
        server.log.append(line.rstrip())


def free_port(address: str = "127.0.0.1") -> int:
    """Return a TCP port on which nothing listens at this moment."""
    with socket.create_server((address, 0)) as server:
        port: int = server.getsockname()[1]
        return port


def keygen(path: Path, kind: str = "ed25519", passphrase: str = "", *options: str) -> Path:
    """Make a key pair, unless it is there."""
    if not path.exists():
        command = [
            "ssh-keygen",
            "-q",
            "-t",
            kind,
            "-N",
            passphrase,
            "-C",
            path.name,
            "-f",
            str(path),
            *options,
        ]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


def sign(authority: Path, key: Path, name: str, *options: str) -> Path:
    """Let an authority's key sign a public key as `name`; return the certificate's path."""
    command = [
        "ssh-keygen",
        "-q",
        "-s",
        str(authority),
        "-I",
        name,
        "-n",
        name,
        *options,
        str(public_path(key)),
    ]
    subprocess.run(command, check=True)
    return key.with_name(f"{key.name}-cert.pub")


def public_path(key: Path) -> Path:
    """Return the path of the public half of a key."""
    return key.with_name(key.name + ".pub")


def public(key: Path) -> str:
    """Return the public half of a key: one line, type, data and comment."""
    return public_path(key).read_text()


@contextlib.contextmanager
def ssh_agent(folder: Path, *keys: Path) -> Iterator[Path]:
    """Start an agent that holds the keys (without passphrases); yields its socket."""
    path = folder / "agent.sock"
    process = subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.PIPE)
    try:
        assert process.stdout
        process.stdout.readline()  # it prints its environment once its socket stands
        if keys:
            command = ["ssh-add", "-q", *map(str, keys)]
            subprocess.run(command, env=os.environ | {"SSH_AUTH_SOCK": str(path)}, check=True)
        yield path
    finally:
        process.terminate()
        process.communicate(timeout=10)


@contextlib.contextmanager
def password_user(password: str) -> Iterator[str]:
    """Make a user with a password (needs root); yields its name, and removes it with all it has."""
    name = f"bedside-test-{secrets.token_hex(3)}"
    subprocess.run(["useradd", "-m", "-s", "/bin/sh", name], check=True)
    try:
        subprocess.run(["chpasswd"], input=f"{name}:{password}\n", text=True, check=True)
        yield name
    finally:
        subprocess.run(["userdel", "-f", "-r", name], check=True, capture_output=True)


def descendants(pid: int) -> list[int]:
    """Return the pids of all processes below this one."""
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(entry.read_text().rpartition(")")[2].split()[1])
            parents.setdefault(parent, []).append(int(entry.parent.name))
    found, queue = [], [pid]
    while queue:
        children = parents.get(queue.pop(), [])
        found += children
        queue += children
    return found
