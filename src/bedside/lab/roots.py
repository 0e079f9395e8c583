"""Debian roots, each with the apt repository that its hosts know: made once, cached, the hosts' lower layer.

A root holds the bash with the hole already, and the lab's repository as its only source, so that `up` from
a warm cache has nothing to install.
"""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

from bedside.errors import LabError
from bedside.lab import proc
from bedside.lab.cache import fingerprint, making
from bedside.lab.level import Progress

REPOSITORY_HOST = "10.77.0.1"
_WRAPPER = Path(__file__).with_name("wrapper.c")
_PACKAGES = (
    "openssh-server", "sudo", "lsb-release", "busybox", "iproute2", "procps", "cron", "less",
    "ca-certificates", "apt-utils",
)  # fmt: skip
_SYSTEMD = ("systemd-sysv", "dbus", "dbus-user-session", "libpam-systemd", "udev")
_STEPS = ("make-root.sh", "make-repo.sh", "finish-root.sh")
_ROOT_SECONDS = 900
_REPO_SECONDS = 300


class Roots:
    """The roots in one cache folder: PLATFORM-RECIPE/root, with the repository it trusts beside it."""

    def __init__(self, cache: Path, progress: Progress) -> None:
        self._cache, self._progress = cache, progress
        self._builds = asyncio.Semaphore(os.cpu_count() or 1)

    async def make(self, platforms: set[str]) -> None:
        """Make the platforms (`bookworm`, `bookworm-systemd`) that are not there yet. Raises LabError."""
        async with asyncio.TaskGroup() as group:
            for platform in sorted(platforms):
                group.create_task(self._make(platform))

    def root(self, platform: str) -> Path:
        """Return the folder of a platform's root."""
        return self._folder(platform) / "root"

    def repository(self, platform: str) -> Path:
        """Return the folder of the apt repository that a platform's hosts have."""
        return self._folder(platform) / "repository"

    def _folder(self, platform: str) -> Path:
        recipe = [file.read_bytes() for file in (*(proc.SCRIPTS / name for name in _STEPS), _WRAPPER)]
        packages = ",".join(_packages(platform)).encode()
        return self._cache / "platforms" / f"{platform}-{fingerprint([*recipe, packages])}"

    async def _make(self, platform: str) -> None:
        async with making(self._folder(platform), self._progress) as part:
            if part is None:
                return
            async with self._builds:
                await self._build(platform, part)
        self._progress(f"{platform}: root is ready")

    async def _build(self, platform: str, part: Path) -> None:
        root, repository = part / "root", part / "repository"
        part.mkdir()
        self._progress(f"{platform}: making a Debian root, once (30 to 60 s)")
        release, packages = platform.removesuffix("-systemd"), ",".join(_packages(platform))
        words = ["make-root.sh", release, str(root), await mirror(), packages]
        await _contained(words, f"{platform}: mmdebstrap", _ROOT_SECONDS)
        self._progress(f"{platform}: building a vulnerable and a fixed bash")
        words = ["make-repo.sh", str(root), str(repository), str(_WRAPPER)]
        await _contained(words, f"{platform}: the bash packages", _REPO_SECONDS)
        words = ["finish-root.sh", str(root), str(repository), f"http://{REPOSITORY_HOST}/{platform}/"]
        await _contained(words, f"{platform}: installing bash", _REPO_SECONDS)


async def mirror() -> str:
    """Return the Debian mirror that this machine's own apt uses. Raises LabError."""
    listed = await proc.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI)"], what="apt-get indextargets", timeout=60
    )
    for uri in listed.splitlines():
        if re.search(r"/debian/?$", uri.strip()):
            return uri.strip()
    raise LabError(
        "apt knows no Debian mirror on this machine", advice="apt-get update, or --level simulated"
    )


def _packages(platform: str) -> tuple[str, ...]:
    return _PACKAGES + (_SYSTEMD if platform.endswith("-systemd") else ())


async def _contained(words: list[str], what: str, timeout: float) -> None:
    await proc.run(proc.contained(proc.script(*words)), what=what, timeout=timeout)
