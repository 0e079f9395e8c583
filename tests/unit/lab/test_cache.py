from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from bedside.lab import cache


def quiet(line: str) -> None:
    """Say nothing."""


async def test_thing_is_there_under_its_name_only_when_it_is_complete(tmp_path: Path) -> None:
    final = tmp_path / "cache" / "thing"
    with contextlib.suppress(RuntimeError):
        async with cache.making(final, quiet) as part:
            assert part is not None
            part.mkdir()
            (part / "half").touch()
            raise RuntimeError
    assert not final.exists()
    async with cache.making(final, quiet) as part:
        assert part is not None
        assert not part.exists(), "what the failed attempt left is gone"
        part.mkdir()
    assert final.is_dir()
    async with cache.making(final, quiet) as part:
        assert part is None


async def test_two_makers_make_it_once_and_the_second_says_that_it_waits(tmp_path: Path) -> None:
    said: list[str] = []
    made: list[Path] = []
    began = asyncio.Event()
    go_on = asyncio.Event()

    async def make() -> None:
        async with cache.making(tmp_path / "thing", said.append) as part:
            if part is not None:
                made.append(part)
                began.set()
                await go_on.wait()
                part.mkdir()

    async with asyncio.TaskGroup() as group:
        group.create_task(make())
        await began.wait()
        second = group.create_task(make())
        while not said:
            await asyncio.sleep(0)
        assert not second.done()
        go_on.set()
    assert len(made) == 1
    assert said == ["waiting for another process that makes thing"]


@pytest.mark.parametrize("recipe", [[b"a", b"c"], [b"ab"], [b"a", b"b", b""]])
def test_another_recipe_has_another_fingerprint(recipe: list[bytes]) -> None:
    assert cache.fingerprint(recipe) != cache.fingerprint([b"a", b"b"])
    assert cache.fingerprint(recipe) == cache.fingerprint(list(recipe))
