"""The CouchDB API that the lab brings along, against the real server."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pytest

from bedside.errors import LabError
from bedside.lab import couch, proc
from bedside.lab.level import Folders

pytestmark = [pytest.mark.slow, pytest.mark.timeout(700)]  # the first time it is installed by npm


@pytest.fixture
async def installed() -> Path:
    if proc.on_path("npm") is None:
        pytest.skip("npm is missing: apt-get install nodejs npm")
    return await couch.install(Folders.of(os.environ).cache, lambda _: None)


async def test_documents_are_there_after_they_were_put(installed: Path, tmp_path: Path) -> None:
    server = await couch.start(installed, tmp_path / "run")
    try:
        await couch.fill(server.url, "facts", [{"_id": "a", "name": "a"}])
        async with httpx.AsyncClient(trust_env=False) as http:
            assert (await http.get(f"{server.url}/facts/a")).json()["name"] == "a"
        with pytest.raises(LabError, match="can't be stored"):
            await couch.fill(server.url, "facts", [])  # the database is there already
    finally:
        await server.stop()
    with pytest.raises(LabError, match="did not answer"):
        await couch.answers(server.url, timeout=0.3)
