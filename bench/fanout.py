#!/usr/bin/env python3
"""`echo hi` on many real sshd addresses: bedside against its peers, in the same run on the same hosts.

    python3 bench/fanout.py [--hosts 350] [--rounds 5] [--parallel 64]   (root: it makes a user)

One sshd on loopback answers at 127.1.x.y, for a throw-away user whose shell is dash. Every contender has
its own virtual environment under the XDG cache, is started as a whole process (its start-up counts), and
takes its turn in every round, in rotating order. Reported are medians over the rounds, and ratios to the
bare AsyncSSH loop: wall time, CPU time of the client (its children included) and peak memory of its
largest process. A run in which not every host answered is reported as such, not as a time.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pwd
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
USER = "bedside-bench"
COMMAND = "echo hi"
LIMIT = 300.0
"""Seconds after which one contender's run is ended."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """The addresses to log in to, and how."""

    hosts: list[str]
    port: int
    key: Path
    folder: Path
    parallel: int

    @property
    def arguments(self) -> list[str]:
        """The peers' arguments."""
        return [",".join(self.hosts), str(self.port), USER, str(self.key), str(self.parallel), COMMAND]


@dataclass(frozen=True, slots=True)
class Contender:
    """A peer: its name, what its virtual environment holds, and its command line."""

    name: str
    packages: list[str]
    command: Callable[[Path, Fleet], list[str]]


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run. Seconds, seconds, mebibytes; `answered` counts the hosts that said hi."""

    wall: float
    cpu: float
    memory: float
    answered: int


def script(name: str) -> Callable[[Path, Fleet], list[str]]:
    """Return the command line of a peer that is a script of ours."""
    return lambda venv, fleet: [str(venv / "bin/python"), str(HERE / "peers" / name), *fleet.arguments]


def bedside(venv: Path, fleet: Fleet) -> list[str]:
    """Return bedside's command line; host keys are checked, as by default."""
    return [
        str(venv / "bin/bedside"), "-c", str(fleet.folder / "bedside.toml"),
        "run", "-P", str(fleet.parallel), "-H", ",".join(fleet.hosts), "--", COMMAND,
    ]  # fmt: skip


def clush(venv: Path, fleet: Fleet) -> list[str]:
    """Return clush's command line (it starts an OpenSSH client per host)."""
    options = (
        f"-p {fleet.port} -i {fleet.key} -l {USER} -oStrictHostKeyChecking=no -oUserKnownHostsFile=/dev/null"
    )
    names = ",".join(fleet.hosts)
    return [
        str(venv / "bin/clush"), "-f", str(fleet.parallel), "-o", options + " -oLogLevel=ERROR",
        "-w", names, COMMAND,
    ]  # fmt: skip


CONTENDERS = [
    Contender("bare AsyncSSH", ["asyncssh"], script("bare_asyncssh.py")),
    Contender("bedside run", [str(HERE.parent)], bedside),
    Contender("parallel-ssh", ["parallel-ssh"], script("parallel_ssh.py")),
    Contender("Fabric 3", ["fabric"], script("fabric3.py")),
    Contender("clush", ["clustershell"], clush),
]


def environment(contender: Contender) -> Path:
    """Make (or reuse) the contender's own virtual environment; bedside's is always brought up to date."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bedside/bench"
    venv = cache / contender.name.replace(" ", "-")
    fresh = not (venv / "ready").exists()
    if fresh or contender.name == "bedside run":
        print(f"installing {contender.name}", file=sys.stderr)
        if fresh:
            shutil.rmtree(venv, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        pip = [venv / "bin/pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, *contender.packages], check=True)
        (venv / "ready").touch()
    return venv


@contextlib.contextmanager
def fleet(count: int, parallel: int) -> Iterator[Fleet]:
    """Start one sshd on a free loopback port; end it and remove its user afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="bedside-bench-"))
    folder.chmod(0o755)
    with contextlib.suppress(KeyError):
        pwd.getpwnam(USER)
        subprocess.run(["userdel", "-r", USER], check=True, capture_output=True)
    subprocess.run(["useradd", "-m", "-s", "/bin/dash", "-p", "*", USER], check=True)
    for name in ("key", "host_key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    shutil.copy(folder / "key.pub", folder / "authorized_keys")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    Path("/run/sshd").mkdir(exist_ok=True)
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 0.0.0.0\nHostKey {folder}/host_key\nPidFile none\nUsePAM no\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nMaxStartups 1000:30:2000\n"
        f"PrintMotd no\nPrintLastLog no\nLogLevel ERROR\nAllowUsers {USER}@127.0.0.0/8\n"
    )
    (folder / "bedside.toml").write_text(
        f'[ssh]\nuser = "{USER}"\nport = {port}\nidentity_files = ["{folder}/key"]\nagent = false\n'
        f'known_hosts = "{folder}/known_hosts"\nconfig_file = "none"\n[ledger]\nurl = "sqlite:///{folder}/ledger.db"\n'
    )
    sshd = subprocess.Popen([shutil.which("sshd") or "/usr/sbin/sshd", "-D", "-f", folder / "sshd_config"])
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.05)
        hosts = [f"127.1.{n // 250}.{n % 250 + 1}" for n in range(count)]
        yield Fleet(hosts, port, folder / "key", folder, parallel)
    finally:
        sshd.terminate()
        sshd.wait(10)
        subprocess.run(["pkill", "-KILL", "-u", USER], check=False)
        subprocess.run(["userdel", "-r", USER], check=False, capture_output=True)
        shutil.rmtree(folder)


def measure(command: list[str], hosts: list[str]) -> Run:
    """Run one contender as a whole process."""
    with tempfile.TemporaryFile() as out:
        started = time.monotonic()
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        watch = threading.Timer(LIMIT, process.kill)
        watch.start()
        _, _, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - started
        watch.cancel()
        out.seek(0)
        answered = {line.partition(b":")[0].decode() for line in out if line.endswith(b": hi\n")}
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, len(answered & set(hosts)))


def report(runs: dict[str, list[Run]], count: int) -> None:
    """Print medians and ratios to the first contender."""
    names = list(runs)
    base = {f: statistics.median(getattr(r, f) for r in runs[names[0]]) for f in ("wall", "cpu", "memory")}
    print(f"{'':16}{'wall s':>9}{'ratio':>7}{'cpu s':>9}{'ratio':>7}{'MiB':>8}{'ratio':>7}  answered")
    for name in names:
        cells = ""
        for figure, width in (("wall", 9), ("cpu", 9), ("memory", 8)):
            median = statistics.median(getattr(r, figure) for r in runs[name])
            cells += f"{median:{width}.2f}{median / base[figure]:7.2f}"
        least = min(r.answered for r in runs[name])
        print(f"{name:16}{cells}  {least}/{count}{'' if least == count else '  INCOMPLETE'}")


def main() -> None:
    """Run the contest."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hosts", type=int, default=350)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parallel", type=int, default=64)
    parser.add_argument("--only", help="names of contenders, comma-separated; the bare loop always runs")
    options = parser.parse_args()
    chosen = [
        c for n, c in enumerate(CONTENDERS) if not options.only or n == 0 or c.name in options.only.split(",")
    ]
    venvs = {c.name: environment(c) for c in chosen}
    runs: dict[str, list[Run]] = {c.name: [] for c in chosen}
    with fleet(options.hosts, options.parallel) as hosts:
        for number in range(options.rounds + 1):  # the first round warms up and is not counted
            for contender in chosen[number % len(chosen) :] + chosen[: number % len(chosen)]:
                run = measure(contender.command(venvs[contender.name], hosts), hosts.hosts)
                print(f"round {number} {contender.name}: {run}", file=sys.stderr)
                if number:
                    runs[contender.name].append(run)
    report(runs, options.hosts)


if __name__ == "__main__":
    main()
