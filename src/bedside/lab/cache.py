"""Things made once and kept: complete under their name or not there at all, made by one process at a time."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import BinaryIO

from bedside.errors import LabError
from bedside.lab.level import Progress

_WAIT_SECONDS = 1800
_POLL_SECONDS = 0.2


@asynccontextmanager
async def making(final: Path, progress: Progress) -> AsyncIterator[Path | None]:
    """Yield where to make `final`, or None where it is there; it gets its name when the block ends well.

    What an earlier, killed process left is removed first. Raises LabError where another process holds the
    lock for too long.
    """
    if final.exists():
        yield None
        return
    final.parent.mkdir(parents=True, exist_ok=True)
    with final.with_name(f"{final.name}.lock").open("wb") as lock:
        await _hold(lock, final.name, progress)
        if final.exists():  # another process has made it meanwhile
            yield None
            return
        part = final.with_name(f"{final.name}.part")
        _clear(part)
        yield part
        part.rename(final)


def fingerprint(parts: Sequence[bytes]) -> str:
    """Return eight characters that change with the recipe of a cached thing."""
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:8]


async def _hold(lock: BinaryIO, name: str, progress: Progress) -> None:
    """Wait for the lock, which the kernel frees when its holder dies."""
    for turn in range(int(_WAIT_SECONDS / _POLL_SECONDS)):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if turn == 0:
                progress(f"waiting for another process that makes {name}")
            await asyncio.sleep(_POLL_SECONDS)
        else:
            return
    raise LabError(f"another process has been making {name} for {_WAIT_SECONDS / 60:.0f} minutes")


def _clear(part: Path) -> None:
    if part.exists():
        shutil.rmtree(part)
