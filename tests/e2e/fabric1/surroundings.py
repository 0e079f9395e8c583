"""The machine on which the recordings were made, made again: users, sudo rules, an sshd on port 2299.

Users, port and folders stand in the recordings and can't be other ones. What is found taken is left alone,
and the tests are skipped.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.sshd import SSHD, descendants, keygen

DATA = Path(__file__).parents[2] / "data/fabric1"
SOURCE = Path(__file__).parents[3] / "src"
LOCAL, REMOTE = Path("/tmp/fablocal"), Path("/tmp/fabremote")
USERS = {"fabuser": "fabpass", "fabother": "", "fabpw": "pw123"}
PORT = 2299
UID = 1001
SUDOERS = {
    "fabuser": "fabuser ALL=(ALL:ALL) NOPASSWD: ALL\nDefaults:fabuser !requiretty,lecture=never\n",
    "fabpw": "fabpw ALL=(ALL) ALL\nDefaults:fabpw lecture=never,timestamp_timeout=0\n",
}
FILES = r"""
set -e
rm -rf /tmp/fablocal/* /tmp/fablocal/.fabricrc /tmp/fablocal/.local /tmp/fabremote
mkdir -p /tmp/fablocal/void "/tmp/fabremote/sub dir" /tmp/fabremote/rtree/sub /tmp/fabremote/rootonly
cp -r "$1" /tmp/fablocal/gold
touch -d 2001-01-01 /tmp/fablocal/gold/data/*; touch /tmp/fablocal/gold/marker
find /home/fabuser -mindepth 1 -maxdepth 1 ! -name '.*' -exec rm -rf {} +
echo 'home file' > /home/fabuser/in_home.txt
cd /tmp/fabremote
echo 'file one' > one.txt; echo 'file two' > two.txt; echo r1 > rtree/r1; echo r2 > rtree/sub/r2
ln -s one.txt link
printf 'alpha = 1\nbeta = 2\npath=/usr/x/bin\na.b$c "q" (x)\nit'"'"'s\n' > conf.txt
echo secret > rootonly/secret.txt
chown -R fabuser:fabuser /tmp/fablocal /tmp/fabremote /home/fabuser
chown -R root:root rootonly; chmod 700 rootonly; chmod 600 rootonly/secret.txt
"""


@dataclass(frozen=True)
class Said:
    """What a command wrote, masked as the recordings are, and its exit status."""

    out: str
    err: str
    status: int


@dataclass(frozen=True)
class Surroundings:
    """Runs command lines as the user of the recordings."""

    bin: Path

    def run(self, command: str, folder: str, stdin: str | None) -> Said:
        subprocess.run(["bash", "-c", FILES, "files", str(DATA / "src")], check=True)
        environment = {
            "HOME": str(LOCAL), "USER": "fabuser", "LOGNAME": "fabuser", "PATH": f"{self.bin}:/usr/bin:/bin",
            "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1",
        }  # fmt: skip
        process = subprocess.Popen(
            ["/bin/bash", "-c", command], cwd=LOCAL / "gold" / folder, env=environment, user="fabuser",
            group="fabuser", extra_groups=[], start_new_session=True, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
        )  # fmt: skip
        try:
            out, err = process.communicate(stdin.encode() if stdin is not None else None, timeout=50)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        return Said(mask(out), mask(err), process.returncode)


def mask(data: bytes) -> str:
    text = data.decode("utf-8", "surrogateescape")
    text = re.sub(r"\b[0-9a-f]{32}\b", "<UUID>", text)
    return re.sub(r"/tmp/tmp[A-Za-z0-9_]{6,8}\b", "/tmp/<TMP>", text)


def why_not() -> str | None:
    """Return why the surroundings can't be made here, None where they can."""
    if os.getuid() != 0:
        return "needs root, to make users"
    missing = [name for name in ("useradd", "chpasswd", "sudo", "perl", SSHD) if not shutil.which(name)]
    if missing:
        return f"needs {', '.join(missing)}"
    if _answers():
        return f"port {PORT} is taken"
    taken = [name for name in USERS if _exists(name)] or [str(p) for p in (LOCAL, REMOTE) if p.exists()]
    if taken or any(entry.pw_uid == UID for entry in pwd.getpwall()):
        return f"{taken or UID} is there already"
    return None if _python() else "no Python of this version that another user may start"


def _exists(name: str) -> bool:
    return any(entry.pw_name == name for entry in pwd.getpwall())


def _python() -> str | None:
    """Return an interpreter of our version that other users may start, with our packages by PYTHONPATH."""
    names = (os.path.realpath(sys.executable), f"/usr/bin/python3.{sys.version_info.minor}")
    for name in names:
        path = Path(name)
        closed = any(not folder.stat().st_mode & 0o001 for folder in path.parents)
        if path.exists() and not closed:
            return name
    return None


@contextlib.contextmanager
def made(folder: Path) -> Iterator[Surroundings]:
    """Make the surroundings, and take all of them away again."""
    try:
        _users(folder)
        _sudo_rules()
        with _fab() as bin_folder, _server(folder):
            yield Surroundings(bin_folder)
    finally:
        for name in SUDOERS:
            Path(f"/etc/sudoers.d/{name}").unlink(missing_ok=True)
        for name in USERS:
            subprocess.run(["userdel", "-r", name], stderr=subprocess.DEVNULL)
        for path in (LOCAL, REMOTE):
            shutil.rmtree(path, ignore_errors=True)


def _users(folder: Path) -> None:
    for name in USERS:
        number = ["-u", str(UID)] if name == "fabuser" else []
        subprocess.run(["useradd", "-m", *number, "-s", "/bin/bash", name], check=True)
    lines = "".join(f"{name}:{password}\n" for name, password in USERS.items() if password)
    subprocess.run(["chpasswd"], input=lines, text=True, check=True)
    home = Path("/home/fabuser")
    for name in (".bashrc", ".bash_logout"):
        (home / name).unlink(missing_ok=True)
    Path("/home/fabpw/.bashrc").unlink(missing_ok=True)
    (home / ".profile").write_text("")
    for place in (home / ".ssh", LOCAL / ".ssh"):
        place.mkdir(parents=True, mode=0o700)
    key = keygen(folder / "id_ed25519")
    shutil.copy(key, LOCAL / ".ssh/id_ed25519")
    shutil.copy(f"{key}.pub", home / ".ssh/authorized_keys")
    subprocess.run(["chown", "-R", "fabuser:fabuser", str(home), str(LOCAL)], check=True)
    home.chmod(0o711)


def _sudo_rules() -> None:
    for name, text in SUDOERS.items():
        path = Path(f"/etc/sudoers.d/{name}")
        path.write_text(text)
        path.chmod(0o440)


@contextlib.contextmanager
def _fab() -> Iterator[Path]:
    """Write a `fab` that the user may start, and yield its folder."""
    packages = next(p for p in sys.path if p.endswith("site-packages"))
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        place.chmod(0o755)
        script = place / "fab"
        script.write_text(f'#!/bin/sh\nPYTHONPATH={SOURCE}:{packages} exec {_python()} -m bedside fab "$@"\n')
        script.chmod(0o755)
        yield place


@contextlib.contextmanager
def _server(folder: Path) -> Iterator[None]:
    key = keygen(folder / "host_key")
    Path("/run/sshd").mkdir(exist_ok=True)
    addresses = "\n".join(f"ListenAddress {a}" for a in ("127.0.0.1", "127.0.0.2", "127.0.0.3", "::1"))
    config = folder / "sshd_config"
    config.write_text(
        f"Port {PORT}\n{addresses}\nHostKey {key}\nPidFile none\nUsePAM no\nPasswordAuthentication yes\n"
        "KbdInteractiveAuthentication no\nPrintMotd no\nPrintLastLog no\nMaxStartups 100\nMaxSessions 100\n"
        "AllowUsers fabuser fabpw\nSubsystem sftp internal-sftp\n"
    )
    server = subprocess.Popen(
        [SSHD, "-D", "-f", str(config), "-E", str(folder / "log")], start_new_session=True
    )
    try:
        _wait_for_port(server)
        yield
    finally:
        started = descendants(server.pid)
        server.terminate()
        server.wait(10)
        for pid in started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 9)


def _answers() -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", PORT), 1):
        return True
    return False


def _wait_for_port(server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 10
    while not _answers():
        if time.monotonic() > until or server.poll() is not None:
            raise RuntimeError("sshd does not start")
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(0.02)
