"""The files that are a host's own: its name, its key, whom it lets in.

They become the upper layer of the host's overlay before it is mounted, so that a host is made without
running anything in it.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncssh

from bedside.lab import proc
from bedside.lab.level import LabHost
from bedside.lab.lookalikes import DROPBEAR

_OPS = 1000
_DROPBEAR_KEY = "etc/dropbear/dropbear_ed25519_host_key"
_SPACE = uuid.UUID("7f1d1f0e-6d5c-4f34-9d2e-0c1b6a8f2b11")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """An ed25519 key in OpenSSH's formats; `public` is one line without its end."""

    private: bytes
    public: str

    @classmethod
    def make(cls, comment: str) -> KeyPair:
        """Make a new key."""
        key = asyncssh.generate_private_key("ssh-ed25519", comment=comment)
        return cls(key.export_private_key(), key.export_public_key().decode().strip())


@dataclass(frozen=True, slots=True)
class File:
    """A file to be on a host. `owner` is both user and group id."""

    path: str
    data: bytes
    mode: int = 0o644
    owner: int = 0


def machine_id(name: str, seed: int) -> str:
    """Return the machine-id of the host called `name` in labs with this seed."""
    return uuid.uuid5(_SPACE, f"{seed}/{name}").hex


def files(host: LabHost, *, seed: int, login: str, key: KeyPair | None, penalties: bool) -> Iterator[File]:
    """Yield a host's own files. `login` is the public key that it lets in as root and ops.

    `key` is its host key, None where it has none. OpenSSH from 9.8 on shuts out an address after failed
    logins; in the lab all come from one address, so `penalties` says that they must be switched off.
    """
    yield File("etc/hostname", f"{host.name}\n".encode())
    yield File("etc/hosts", f"127.0.0.1 localhost\n{host.address} {host.name}\n".encode())
    yield File("etc/machine-id", f"{machine_id(host.name, seed)}\n".encode(), 0o444)
    if key is None:
        return
    for folder, owner in (("root", 0), ("home/ops", _OPS)):
        yield File(f"{folder}/.ssh/authorized_keys", f"{login}\n".encode(), 0o600, owner)
    if host.kind in DROPBEAR:
        yield File("etc/dropbear/openssh_key", key.private, 0o600)
        return
    yield File("etc/ssh/ssh_host_ed25519_key", key.private, 0o600)
    yield File("etc/ssh/ssh_host_ed25519_key.pub", f"{key.public}\n".encode())
    if host.kind == "debian":
        lines = ["HostKey /etc/ssh/ssh_host_ed25519_key", "MaxStartups 100:30:200"]
        lines += ["PerSourcePenalties no"] if penalties else []
        yield File("etc/ssh/sshd_config.d/lab.conf", "".join(f"{line}\n" for line in lines).encode())


async def plant(folder: Path, host_files: list[File]) -> None:
    """Write a host's files below `folder`, with their owners. Raises LabError."""
    _write(folder, host_files)
    openssh = folder / "etc/dropbear/openssh_key"
    if any(file.path == "etc/dropbear/openssh_key" for file in host_files):
        command = ["dropbearconvert", "openssh", "dropbear", str(openssh), str(folder / _DROPBEAR_KEY)]
        await proc.run(command, what="dropbearconvert", timeout=10)
        openssh.unlink()


def _write(folder: Path, host_files: list[File]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    for file in host_files:
        path = folder / file.path
        for parent in reversed(path.relative_to(folder).parents[:-1]):
            _folder(folder / parent, file.owner)
        path.write_bytes(file.data)
        path.chmod(file.mode)
        os.chown(path, file.owner, file.owner)


def _folder(path: Path, owner: int) -> None:
    """Make a folder as the root below has it: homes are their users' alone, the rest is everyone's."""
    if path.is_dir():
        return
    path.mkdir()
    private = path.name in {"root", ".ssh", "ops"}
    path.chmod(0o700 if private else 0o755)
    if private:
        os.chown(path, owner, owner)
