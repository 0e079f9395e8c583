import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.fabric1.scripted_stub import Fab

from bedside.fabric1 import imports, names

Write = Callable[..., Path]

FABRIC_1_API = """
    cd lcd path prefix shell_env settings hide show quiet warn_only remote_tunnel hosts roles runs_once serial
    parallel task with_settings run sudo local get put prompt require reboot open_shell env output abort warn
    puts fastprint execute
"""
THE_TALKS = "env run sudo put get local cd settings hide task execute abort warn puts"


def test_every_name_of_fabric_1s_api_is_there_or_known_to_be_missing() -> None:
    there = set(names.MODULES["fabric.api"])
    missing = set(names.MISSING["fabric.api"])
    assert there | missing == set(FABRIC_1_API.split())
    assert not there & missing


def test_the_names_of_the_talk_are_there() -> None:
    assert set(THE_TALKS.split()) <= set(names.MODULES["fabric.api"])


def test_fabric_means_ours_inside_the_context_only() -> None:
    with imports.fabric_names():
        from fabric.api import env  # type: ignore[import-not-found]
        from fabric.contrib.console import confirm  # type: ignore[import-not-found]

        assert env is names.MODULES["fabric.api"]["env"]
        assert confirm
    assert not [name for name in sys.modules if name.split(".")[0] == "fabric"]
    with pytest.raises(ModuleNotFoundError):
        import fabric  # type: ignore[import-not-found]  # noqa: F401


def test_an_installed_fabric_is_there_again_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fabric.py").write_text("IS = 'installed'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import fabric

    with imports.fabric_names():
        from fabric.api import run

        assert run
    assert sys.modules["fabric"] is fabric
    del sys.modules["fabric"]


def run_fabfile(fab: Fab, fabfile: Write, text: str, *arguments: str) -> int:
    fabfile(text)
    return fab(*arguments)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("from fabric.api import run, reboot\n", "bedside's fabric.api has no 'reboot' yet"),
        ("from fabric.contrib.files import exists\n", "bedside has no module fabric.contrib.files yet"),
        ("from fabric.contrib import files\n", "fabric.contrib.files"),
        (
            "from fabric.api import *\n@parallel\ndef t():\n    pass\n",
            "bedside's fabric.api has no 'parallel' yet",
        ),
        ("from fabric import Connection\n", "'Connection' is of Fabric 2 or 3"),
        ("from fabric.api import nonsense\n", "cannot import name 'nonsense'"),
    ],
)
def test_a_missing_name_says_so_by_name_and_line(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    assert run_fabfile(fab, fabfile, text, "t") == 1
    err = capsys.readouterr().err
    assert words in err
    assert 'fabfile.py", line ' in err


def test_a_missing_name_used_in_a_task_is_explained(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "from fabric.api import *\n@task\ndef t():\n    open_shell()\n"
    assert run_fabfile(fab, fabfile, text, "t") == 1
    err = capsys.readouterr().err
    assert "line 4, in t" in err
    assert "bedside's fabric.api has no 'open_shell' yet" in err


@pytest.mark.parametrize("option", ["-P", "--gateway=gw", "-z 3", "--gss-auth", "--system-known-hosts=x"])
def test_an_option_that_is_missing_says_so_by_name(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    fabfile("from fabric.api import *\n@task\ndef t(): pass\n")
    assert fab(*option.split(), "t") == 2
    assert "bedside does not have it yet" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("def x(:\n", "fabfile.py:1: SyntaxError: invalid syntax\n    def x(:\n          ^\n"),
        ("print 'hello'\n", "fabfile.py:1: SyntaxError: Missing parentheses in call to 'print'"),
        ("import no_such_module_xyz\n", "ModuleNotFoundError: No module named 'no_such_module_xyz'"),
        ("X = 1\n", "Fatal error: Fabfile didn't contain any commands!"),
    ],
)
def test_a_bad_fabfile_is_told_with_its_line(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str], text: str, words: str
) -> None:
    assert run_fabfile(fab, fabfile, text, "-l") == 1
    assert words in capsys.readouterr().err


def test_no_fabfile_at_all_is_fabrics_message(fab: Fab, capsys: pytest.CaptureFixture[str]) -> None:
    assert fab("hello") == 1
    assert "Fatal error: Couldn't find any fabfiles!" in capsys.readouterr().err


def test_a_fabfile_is_found_in_a_parent_folder(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = fabfile("from fabric.api import *\n@task\ndef t():\n    print('found')\n")
    (path.parent / "a/b").mkdir(parents=True)
    monkeypatch.chdir(path.parent / "a/b")
    assert fab("t") == 0
    assert "found" in capsys.readouterr().out


@pytest.mark.parametrize("importing", ["from . import misc", "import misc"])
def test_a_package_may_import_its_modules_in_both_ways(
    fab: Fab,
    fabfile: Write,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    importing: str,
) -> None:
    fabfile(importing, "ops/__init__.py")
    path = fabfile("from fabric.api import *\n@task\ndef t():\n    print(env.command)\n", "ops/misc.py")
    monkeypatch.chdir(path.parent)
    assert fab("-f", "./", "misc.t") == 0
    assert capsys.readouterr().out == "misc.t\n\nDone.\n"
    assert str(getattr(sys.modules.get("misc"), "__file__", None)) != str(path)
