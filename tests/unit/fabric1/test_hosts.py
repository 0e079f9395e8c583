from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.unit.fabric1.scripted_stub import Fab

from bedside.fabric1 import hosts
from bedside.fabric1.env import env, reset

Write = Callable[..., Path]


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    reset({"user": "me", "port": "22"})
    yield
    env.clear()


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("web1", ("me", "web1", "22")),
        ("joe@web1:2222", ("joe", "web1", "2222")),
        ("joe@corp@web1", ("joe@corp", "web1", "22")),
        ("::1", ("me", "::1", "22")),
        ("[::1]:2299", ("me", "::1", "2299")),
        ("joe@[::1]:2299", ("joe", "::1", "2299")),
    ],
)
def test_a_host_string_says_user_host_and_port(text: str, parts: tuple[str, str, str]) -> None:
    assert hosts.normalize(text) == parts
    assert hosts.normalize(hosts.join_host_strings(*parts)) == parts


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("me@web1:22", "web1"),
        ("joe@web1:22", "joe@web1"),
        ("web1:2222", "web1:2222"),
        ("[::1]:2299", "[::1]:2299"),
        ("::1", "::1"),
    ],
)
def test_what_goes_without_saying_is_left_out(text: str, shown: str) -> None:
    assert hosts.denormalize(text) == shown


WHERE = """
    from fabric.api import *
    env.roledefs = {'web': ['a', 'b'], 'db': {'hosts': lambda: ['c']}}

    @task
    def where():
        print(env.host_string, env.all_hosts, env.effective_roles)

    @task
    @hosts('x', 'y')
    @roles('db')
    def fixed():
        print(env.host_string)

    @task
    @runs_once
    def once():
        print('once', env.host_string)

    @task
    def sets():
        env.hosts = ['late1', 'late2']

    @task
    def tree():
        print(sorted(execute(where, hosts=['a', 'b']).items()), env.host_string)
        print(execute('where', role='db'))
        print(execute(lambda: 5))
"""


@pytest.mark.parametrize(
    ("words", "ran_on"),
    [
        ("-H a,b,a where", ["a", "b"]),
        ("-H a -R web,db where", ["a", "b", "c"]),
        ("-H a,b -x a where", ["b"]),
        ("where:host=z", ["z"]),
        ("where:hosts=z;y", ["z", "y"]),
        ("where:role=db", ["c"]),
        ("-H a fixed", ["x", "y", "c"]),
        ("fixed:host=z", ["z"]),
        ("fixed:exclude_hosts=x", ["y", "c"]),
        ("-H a,b once", ["a"]),
        ("-H a where fixed", ["a", "x", "y", "c"]),
        ("sets where", ["late1", "late2"]),
    ],
)
def test_a_task_runs_on_the_hosts_of_the_first_level_that_has_any(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str], words: str, ran_on: list[str]
) -> None:
    fabfile(WHERE)
    assert fab(*words.split()) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition("]")[0][1:] for line in lines if "Executing task" in line] == ran_on


def test_execute_returns_what_each_host_returned(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    fabfile(WHERE)
    assert fab("tree") == 0
    out = capsys.readouterr().out
    assert "[('a', None), ('b', None)] None\n" in out
    assert "{'c': None}\n" in out
    assert "{'<local-only>': 5}\n" in out


def test_a_role_that_is_not_there_aborts(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    fabfile(WHERE)
    assert fab("-R", "nope", "where") == 1
    assert "The following specified roles do not exist:\n    nope" in capsys.readouterr().err


def test_arguments_come_as_strings(fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str]) -> None:
    fabfile("""
        from fabric.api import *

        @task
        def args(*a, **k):
            print(a, sorted(k.items()))
    """)
    assert fab(r"args:a\,b,c=x\=y,http://z", "args:", "args") == 0
    assert capsys.readouterr().out == ("('a,b', 'http://z') [('c', 'x=y')]\n('',) []\n() []\n\nDone.\n")


def test_options_then_rc_file_then_fabfile_have_the_last_word(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    fabfile("# words\nalpha = from rc\nuser=joe\n", "rc.ini")
    fabfile("""
        from fabric.api import *
        env.beta = 'from fabfile'

        @task
        def show_env():
            print(env.alpha, env.beta, env.gamma, env.delta, env.user)
    """)
    assert fab("-c", "rc.ini", "-u", "ann", "--set", r"alpha=cli,beta=cli,gamma,delta=a\,b", "show_env") == 0
    assert capsys.readouterr().out.startswith("from rc from fabfile True a,b joe\n")
