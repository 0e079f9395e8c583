"""Hosts that look as if they ran the fleet's ssh, and must not be touched: made of this machine's programs.

Every one is a fake and is called so in `scripts/make-lookalike.sh`; the facts that a CMDB would hold of it
stand here. Nobody has facts of the appliance.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bedside.errors import LabError
from bedside.lab import proc
from bedside.lab.cache import fingerprint, making
from bedside.lab.level import Kind, Progress

DROPBEAR: frozenset[Kind] = frozenset({"openwrt", "qnap"})
"""Kinds whose ssh server is dropbear, with host keys in its own format."""


def _system(name: str, family: str, full: str, machine: str) -> dict[str, Any]:
    major = full.partition(".")[0]
    return {"name": name, "family": family, "architecture": machine, "hardware": machine,
            "release": {"full": full, "major": major}}  # fmt: skip


FACTS: Mapping[Kind, Mapping[str, Any]] = {
    "openwrt": {"kernel": "Linux", "os": _system("OpenWrt", "OpenWrt", "22.03.5", "mips")},
    "qnap": {"kernel": "Linux", "os": _system("QTS", "QNAP", "4.3.6", "armv7l")},
    "cygwin": {
        "kernel": "CYGWIN_NT-10.0-19045",
        "kernelrelease": "3.4.9-1.x86_64",
        "os": _system("windows", "windows", "10", "x86_64"),
    },
}
"""Facter's structured facts of each kind, but for what is a single host's own."""


class Lookalikes:
    """The look-alikes' roots in one cache folder."""

    def __init__(self, cache: Path, progress: Progress) -> None:
        self._cache, self._progress = cache, progress

    def root(self, kind: Kind) -> Path:
        """Return the folder of a kind's root."""
        recipe = (proc.SCRIPTS / "make-lookalike.sh").read_bytes()
        return self._cache / "roots" / f"{kind}-{fingerprint([recipe])}"

    async def make(self, kinds: set[Kind]) -> None:
        """Make what is not there yet. Raises LabError."""
        busybox = proc.on_path("busybox")
        if busybox is None:
            raise LabError("busybox is missing", advice="apt-get install busybox-static")
        for kind in sorted(kinds):
            async with making(self.root(kind), self._progress) as part:
                if part is None:
                    continue
                part.mkdir()
                words = ["make-lookalike.sh", kind, str(part), busybox]
                await proc.run(proc.script(*words), what=f"{kind}: making its root", timeout=60)
                self._progress(f"{kind}: root is ready")
