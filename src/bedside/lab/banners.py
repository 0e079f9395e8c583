"""Run inside the lab's network: wait for hosts' SSH banners.

    python -m bedside.lab.banners SECONDS < [["10.77.1.1", 22], ...]     ->  {"10.77.1.1": "SSH-2.0-...", ...}

A host that shows none within the seconds is missing from the answer.
"""

from __future__ import annotations

import asyncio
import json
import sys

_POLL_SECONDS = 0.1
_ATTEMPT_SECONDS = 3.0


async def banner(address: str, port: int) -> str:
    """Return the first line that a host shows; empty where it shows none in time."""
    try:
        async with asyncio.timeout(_ATTEMPT_SECONDS):
            reader, writer = await asyncio.open_connection(address, port)
            try:
                return (await reader.readline()).decode("ascii", "replace").strip()
            finally:
                writer.close()
    except (OSError, TimeoutError, ValueError):
        return ""


async def collect(hosts: list[tuple[str, int]], seconds: float) -> dict[str, str]:
    """Return the banners by address; asks each host again until it answers or the time is over."""
    found: dict[str, str] = {}

    async def ask(address: str, port: int) -> None:
        while not (line := await banner(address, port)).startswith("SSH-"):
            await asyncio.sleep(_POLL_SECONDS)
        found[address] = line

    try:
        async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
            for address, port in hosts:
                group.create_task(ask(address, port))
    except TimeoutError:
        pass
    return found


if __name__ == "__main__":
    asked = [(str(address), int(port)) for address, port in json.load(sys.stdin)]
    json.dump(asyncio.run(collect(asked, float(sys.argv[1]))), sys.stdout)
