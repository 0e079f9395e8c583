"""Debian roots and the apt repositories of their releases: made once, cached, every host's lower layer.

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
    "ca-certificates",
)  # fmt: skip
_SYSTEMD = ("systemd-sysv", "dbus", "dbus-user-session", "libpam-systemd", "udev")
_ROOT_SECONDS = 900
_REPO_SECONDS = 300


class Roots:
    """The roots in one cache folder."""

    def __init__(self, cache: Path, progress: Progress) -> None:
        self._cache, self._progress = cache, progress
        self._builds = asyncio.Semaphore(os.cpu_count() or 1)

    async def make(self, platforms: set[str]) -> None:
        """Make the platforms (`bookworm`, `bookworm-systemd`) and repositories that are not there yet.

        Raises LabError.
        """
        async with asyncio.TaskGroup() as group:
            for platform in sorted(platforms):
                group.create_task(self._root(platform))

    def root(self, platform: str) -> Path:
        """Return the folder of a platform's root."""
        recipe = [(proc.SCRIPTS / name).read_bytes() for name in ("make-root.sh", "finish-root.sh")]
        packages = ",".join(_packages(platform)).encode()
        return self._cache / "roots" / f"{platform}-{fingerprint([*recipe, packages, *_repository_recipe()])}"

    def repository(self, release: str) -> Path:
        """Return the folder of a release's repository."""
        return self._cache / "repositories" / f"{release}-{fingerprint(_repository_recipe())}"

    async def _root(self, platform: str) -> None:
        release = platform.removesuffix("-systemd")
        async with making(self.root(platform), self._progress) as part:
            if part is None:
                return
            async with self._builds:
                await self._debootstrap(platform, release, part)
                repository = await self._repository(release, part)
                url = f"http://{REPOSITORY_HOST}/{release}/"
                self._progress(f"{platform}: installing the vulnerable bash")
                await _contained(
                    ["finish-root.sh", str(part), str(repository), url], f"{platform}: dpkg", 120
                )
        self._progress(f"{platform}: root is ready")

    async def _debootstrap(self, platform: str, release: str, part: Path) -> None:
        self._progress(f"{platform}: making a Debian root, once (30 to 60 s)")
        source = await mirror()
        words = ["make-root.sh", release, str(part), source, ",".join(_packages(platform))]
        await _contained(words, f"{platform}: mmdebstrap", _ROOT_SECONDS)

    async def _repository(self, release: str, root: Path) -> Path:
        final = self.repository(release)
        async with making(final, self._progress) as part:
            if part is not None:
                self._progress(f"{release}: building a vulnerable and a fixed bash")
                words = ["make-repo.sh", str(root), str(part), str(_WRAPPER)]
                await _contained(words, f"{release}: the bash packages", _REPO_SECONDS)
        return final


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


def _repository_recipe() -> list[bytes]:
    return [(proc.SCRIPTS / "make-repo.sh").read_bytes(), _WRAPPER.read_bytes()]


async def _contained(words: list[str], what: str, timeout: float) -> None:
    await proc.run(proc.contained(proc.script(*words)), what=what, timeout=timeout)
