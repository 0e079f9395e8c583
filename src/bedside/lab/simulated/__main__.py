"""The simulation's process: `python -m bedside.lab.simulated FOLDER`, the spec as JSON on standard input.

It writes one line of JSON to standard output when everything answers, and ends when it is told to
through the control socket, by SIGTERM, or by the folder's removal. As long as it lives it holds a lock
on FOLDER/simulation.lock, in which its process id stands: whoever can take the lock knows that no
simulation runs, and who can't, whom to end.
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


async def _simulate(folder: Path, spec: Spec) -> None:
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
    sys.stdout.write(json.dumps(report) + "\n")
    sys.stdout.close()
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


def main(folder: Path) -> None:
    """Run until told to stop."""
    spec = msgspec.json.decode(sys.stdin.buffer.read(), type=Spec)
    with (folder / "simulation.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        lock.write(str(os.getpid()))
        lock.flush()
        asyncio.run(_simulate(folder, spec))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
