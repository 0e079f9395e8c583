"""The Debian packages that the namespaces level and the tests need: which are missing, and getting them.

python -m bedside.lab.needs [--install] [namespaces|tests]
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bedside.errors import LabError
from bedside.lab import proc
from bedside.lab.level import Progress

NAMESPACES: Mapping[str, str] = {
    "mmdebstrap": "mmdebstrap",
    "apt-ftparchive": "apt-utils",
    "dpkg-deb": "dpkg",
    "gpg": "gpg",
    "gpg-agent": "gpg-agent",
    "gcc": "gcc",
    "dropbear": "dropbear-bin",
    "busybox": "busybox-static",
    "icinga2": "icinga2-bin",
    "node": "nodejs",
    "npm": "npm",
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "ip": "iproute2",
    "nsenter": "util-linux",
}
"""Program -> the package it comes in."""
_FILES: Mapping[str, str] = {
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
    "/usr/include/stdlib.h": "libc6-dev",
}
_OF_TESTS = ("shellcheck", "dash", "sudo", "zsh", "fish", "mksh", "tcsh")
GROUPS: Mapping[str, Mapping[str, str]] = {
    "namespaces": NAMESPACES,
    "tests": {**NAMESPACES, **dict(zip(_OF_TESTS, _OF_TESTS, strict=True)), "pkill": "procps"},
}
_POLICY = Path("/usr/sbin/policy-rc.d")
_INSTALL_SECONDS = 900


def missing(programs: Mapping[str, str] = NAMESPACES) -> list[str]:
    """Return the Debian packages that this machine lacks."""
    lacks = [package for program, package in programs.items() if not _has(program)]
    return lacks + [package for file, package in _FILES.items() if not Path(file).exists()]


def obstacle(packages: list[str]) -> str:
    """Return why these packages can't be installed by us, with what to type; empty where they can."""
    command = f"apt-get install --no-install-recommends {' '.join(packages)}"
    if not packages:
        return ""
    if proc.on_path("apt-get") is None:
        return f"this machine has no apt-get, and lacks {', '.join(packages)}"
    return f"packages are missing: {command}" if os.geteuid() != 0 else ""


async def install(packages: list[str], progress: Progress) -> None:
    """Install packages without starting any service of theirs. Raises LabError."""
    if reason := obstacle(packages):
        raise LabError(reason)
    if not packages:
        return
    progress(f"installing Debian packages: {' '.join(packages)}")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    options = ["-qq", "-o", "DPkg::Lock::Timeout=120"]
    with _no_services():
        for words in (["update"], ["install", "-y", "--no-install-recommends", *packages]):
            await proc.run(
                ["apt-get", *options, *words], what=f"apt-get {words[0]}", timeout=_INSTALL_SECONDS, env=env
            )
    if left := missing():
        raise LabError(f"still missing after apt-get install: {' '.join(left)}")


@contextmanager
def _no_services() -> Iterator[None]:
    """Deny the start of services while packages are installed, unless the machine has its own policy.

    The file asks whether we still live, and removes itself if not: it must not outlast a kill -9.
    """
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text(f'#!/bin/sh\nkill -0 {os.getpid()} 2>/dev/null && exit 101\nrm -f "$0"\nexit 0\n')
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink(missing_ok=True)


def _has(program: str) -> bool:
    place = proc.on_path(program)
    if program == "busybox":
        return place is not None and _is_static(Path(place))
    return place is not None


def _is_static(file: Path) -> bool:
    """Return True where an ELF file names no interpreter, so that it runs in a root without libraries."""
    return file.stat().st_mode & stat.S_IXUSR != 0 and b"/ld-linux" not in file.read_bytes()[:4096]


def main(arguments: list[str]) -> int:
    """Say what is missing for a group, or install it. Returns the exit status."""
    from bedside.output import Output

    out = Output()
    wanted = [a for a in arguments if a != "--install"] or ["namespaces"]
    unknown = [a for a in wanted if a not in GROUPS]
    if unknown:
        out.error(f"no group is called {unknown[0]!r}; there are {', '.join(GROUPS)}")
        return 2
    lacks = sorted({package for group in wanted for package in missing(GROUPS[group])})
    try:
        if "--install" in arguments and not obstacle(lacks):
            asyncio.run(install(lacks, out.note))
            return 0
    except LabError as error:
        out.error(str(error))
        return 1
    if lacks:
        out.note(obstacle(lacks) or f"missing: {' '.join(lacks)}; --install installs them")
    return 1 if lacks else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
