"""The simulation's process: `python -m bedside.lab.simulated FOLDER`, the spec as JSON on standard input.

It ends with a line of JSON on standard output when everything answers; what goes on is its child, with no
tie to whoever started it. The child ends when it is told to through the control socket, by SIGTERM, or by
the folder's removal. As long as it lives it holds a lock on FOLDER/simulation.lock, in which its process id
stands: whoever can take the lock knows that no simulation runs, and who can't, whom to end.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from bedside.lab.level import Spec
from bedside.lab.simulated import control
from bedside.lab.simulated.fleet import Fleet

_LOOK_SECONDS = 2.0


async def _simulate(folder: Path, spec: Spec, ready: int) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    fleet = Fleet(folder, spec)

    async def handle(request: Mapping[str, Any]) -> object:
        match request["do"]:
            case "status":
                return fleet.status()
            case "fault":
                await fleet.fault(request["host"], request["kind"], request["seconds"])
                return None
            case _:
                stop.set()
                return None

    report = await fleet.start()
    server = await control.listen(folder / "control", handle)
    _detach(folder, ready, json.dumps(report).encode())
    await _told_to_stop(stop, folder)
    server.close()
    await fleet.stop()


async def _told_to_stop(stop: asyncio.Event, folder: Path) -> None:
    """Wait for the word to stop, or for the folder's removal: nobody could give the word any more."""
    while (folder / "simulation.lock").exists():
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await stop.wait()
                return


def _detach(folder: Path, ready: int, report: bytes) -> None:
    """Let go of the starter's streams, then send it the report."""
    log = os.open(folder / "simulation.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in range(3):
        os.dup2(log, stream)
    os.close(log)
    with os.fdopen(ready, "wb") as pipe:
        pipe.write(report)


def main(folder: Path) -> int:
    """Start the child and return the exit status once it is ready, or has failed."""
    spec = msgspec.json.decode(sys.stdin.buffer.read(), type=Spec)
    told, ready = os.pipe()
    if os.fork():
        os.close(ready)
        with os.fdopen(told, "rb") as pipe:
            report = pipe.read()
        sys.stdout.buffer.write(report)
        return 0 if report else 1
    os.close(told)
    lock = os.open(folder / "simulation.lock", os.O_WRONLY | os.O_CREAT, 0o600)  # until the kernel closes it
    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.write(lock, str(os.getpid()).encode())
    asyncio.run(_simulate(folder, spec, ready))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
