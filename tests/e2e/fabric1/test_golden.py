"""Each recording of Fabric 1.14.1, made again with `bedside fab`."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e.fabric1.surroundings import DATA, Surroundings, made, why_not

pytestmark = pytest.mark.slow

CASES = json.loads((DATA / "cases.json").read_text())
ANY_ORDER = {
    "get_dir": "local() printed its line late in Python 2, which did not flush",
    "get_file": "local(), as get_dir",
    "get_glob": "names came in the order of the directory",
    "get_sudo": "local(), as get_dir",
    "get_sudo_debug": "local(), as get_dir",
    "locals_": "local(), as get_dir",
    "locals_debug": "local(), as get_dir",
    "out_env_one": "local(), as get_dir",
    "put_dir": "names came in the order of the directory",
    "put_glob": "names came in the order of the directory",
    "x_localenv": "local(), as get_dir",
}
"""Cases of which only the lines are compared, not their order."""
OTHER_WORDS = {"reject_unknown": "an unknown host key is told with its fingerprint and what to do"}
"""Cases of which standard error is not compared."""


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    if reason := why_not():
        pytest.skip(reason)
    with made(tmp_path_factory.mktemp("fabric1")) as place:
        yield place


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_what_fabric_1_printed_is_printed(surroundings: Surroundings, case: dict[str, Any]) -> None:
    said = surroundings.run(case["cmd"], case["dir"], case["stdin"])
    recorded = {end: recording(case["name"], end) for end in ("out", "err", "rc")}
    assert told(said.out, case["name"]) == told(recorded["out"], case["name"])
    assert said.status == int(recorded["rc"])
    if "Traceback" not in recorded["err"] and case["name"] not in OTHER_WORDS:
        assert said.err == recorded["err"]


def recording(name: str, end: str) -> str:
    return (DATA / f"cases/{name}.{end}").read_bytes().decode("utf-8", "surrogateescape")


def told(text: str, name: str) -> list[str]:
    """Return the lines; those whose order was that of a Python 2 dictionary come last, sorted."""
    lines = re.sub(r"\bu'", "'", text).split("\n")
    if name in ANY_ORDER:
        return sorted(lines)
    leaving = [line for line in lines if line.startswith("Disconnecting from")]
    return [line for line in lines if line not in leaving] + sorted(leaving)
