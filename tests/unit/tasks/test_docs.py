import re
from pathlib import Path

from bedside.fabric1.names import MODULES
from bedside.tasks import in_file

PAGE = (Path(__file__).parents[3] / "docs/tasks.md").read_text("utf-8")


def test_the_tasks_in_the_docs_can_be_loaded(tmp_path: Path) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "tasks.py").write_text(block)
    tasks = in_file(tmp_path / "tasks.py")
    assert {name: task.is_async for name, task in tasks.items()} == {"relayhost": False, "ready": True}


def test_the_docs_list_the_names_that_are_there() -> None:
    found = re.search(r"`fabric\.api`: `(.*?)`", PAGE, re.DOTALL)
    assert found
    assert sorted(found[1].split()) == sorted(MODULES["fabric.api"])
