import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.fabric1.scripted_stub import Fab

from bedside.fabric1.env import env


@pytest.fixture
def fab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fab:
    """`fab` in a folder of its own, with a home of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    return Fab()


@pytest.fixture
def fabfile(tmp_path: Path) -> Callable[..., Path]:
    def write(text: str, name: str = "fabfile.py") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    return write


@pytest.fixture(autouse=True)
def _clean_env() -> Iterator[None]:
    yield
    env.clear()
