import subprocess
import sys

import pytest

import bedside

PUBLIC = [
    "AsyncHost", "AuthenticationFailed", "BedsideError", "CommandFailed", "ConnectionLost", "Denied", "Done",
    "Failed", "Fleet", "Host", "HostError", "HostKeyMismatch", "Outcome", "Result", "TaskFailed", "TimedOut",
    "Unreachable", "task",
]  # fmt: skip


def test_the_public_names_are_these_and_no_others() -> None:
    assert bedside.__all__ == PUBLIC


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_can_be_had_and_is_documented(name: str) -> None:
    value = getattr(bedside, name)
    assert name == "Outcome" or (value.__doc__ or "").strip()


def test_a_name_that_is_not_public_is_named_in_the_error() -> None:
    with pytest.raises(AttributeError, match="nosuch"):
        _ = bedside.nosuch


def loaded_by(code: str) -> set[str]:
    ended = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return {name.partition(".")[0] for name in ended.stdout.split()}


@pytest.mark.parametrize(
    "code",
    ["import bedside", "from bedside import task", "import bedside.cli", "import bedside.app.asking"],
)
def test_nothing_heavy_is_loaded_before_it_is_used(code: str) -> None:
    assert not loaded_by(code) & {"asyncssh", "sqlalchemy", "httpx", "rich", "lark"}
