import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.fabric1.scripted_stub import Answer, Fab, KeptRecord, ScriptedHost

from bedside.errors import (
    AuthenticationFailed,
    HostKeyMismatch,
    LedgerError,
    TaskFailed,
    TimedOut,
    Unreachable,
    UnreachableReason,
)
from bedside.model import Done, Failed

Write = Callable[..., Path]

HELLO = """
    from fabric.api import *

    @task
    def hello():
        run('echo hello')
"""


def said(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_a_run_prints_what_fabric_1_printed(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    fabfile(HELLO)
    fab.host = ScriptedHost({"echo hello": Answer([b"hel", b"lo\r", b"\n"])})
    assert fab("-H", "web1,joe@web2:2222", "hello") == 0
    out, err = said(capsys)
    assert out == (
        "[web1] Executing task 'hello'\n"
        "[web1] run: echo hello\n"
        "[web1] out: hello\n"
        "[web1] out: \n"
        "\n"
        "[joe@web2:2222] Executing task 'hello'\n"
        "[joe@web2:2222] run: echo hello\n"
        "[joe@web2:2222] out: hello\n"
        "[joe@web2:2222] out: \n"
        "\n"
        "\n"
        "Done.\n"
        "Disconnecting from web1... done.\n"
        "Disconnecting from joe@web2:2222... done.\n"
    )
    assert err == ""
    assert [command.line for command in fab.host.commands] == ['/bin/bash -l -c "echo hello"'] * 2
    assert fab.host.closed


def test_only_a_user_or_port_that_was_named_overrides_the_configuration(fab: Fab, fabfile: Write) -> None:
    fabfile(HELLO)
    fab("-H", "web1,joe@web2:2222", "hello")
    fab("-H", "web1", "-u", "ann", "--port", "2200", "hello")
    assert [(t.host, t.user, t.port) for t in fab.host.targets] == [
        ("web1", None, None),
        ("web2", "joe", 2222),
        ("web1", "ann", 2200),
    ]


def test_a_missing_host_is_asked_for_and_kept(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fabfile(HELLO)
    with typing("web1\n", monkeypatch):
        assert fab("hello", "hello") == 0
    out, _ = said(capsys)
    question = "No hosts found. Please specify (single) host string for connection: "
    assert out.count(question) == 1
    assert "Executing task" not in out
    assert out.startswith(question + "[web1] run: echo hello\n")


def test_a_failing_command_aborts_and_is_recorded(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    fabfile(HELLO)
    fab.host = ScriptedHost({"echo": Answer(status=3)})
    assert fab("-H", "a,b", "hello") == 1
    out, err = said(capsys)
    assert err == (
        "\nFatal error: run() received nonzero return code 3 while executing!\n\n"
        'Requested: echo hello\nExecuted: /bin/bash -l -c "echo hello"\n\nAborting.\n'
    )
    assert "Done." not in out
    ((outcome, more),) = fab.record.outcomes
    assert isinstance(outcome, Failed)
    assert outcome.host == "a"
    assert more == {"task": "hello", "commands": [{"command": "echo hello", "exit": 3, "via": "run"}]}
    assert fab.record.ended == {"status": 1}


def test_every_host_and_task_leaves_an_outcome(fab: Fab, fabfile: Write) -> None:
    fabfile(HELLO)
    fab("-w", "-H", "a,b", "hello", "hello")
    assert fab.record.hosts == ["a", "b"]
    assert fab.record.what["tasks"] == ["hello", "hello"]
    assert [outcome.host for outcome, _ in fab.record.outcomes] == ["a", "b", "a", "b"]
    assert all(isinstance(outcome, Done) for outcome, _ in fab.record.outcomes)
    assert fab.record.ended == {"status": 0}


def test_a_task_that_raises_shows_the_users_code_only(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    path = fabfile("from fabric.api import *\n@task\ndef bad():\n    raise ValueError('bad thing')\n")
    assert fab("-H", "a", "bad") == 1
    _, err = said(capsys)
    assert err == (
        f'Traceback (most recent call last):\n  File "{path}", line 4, in bad\n'
        "    raise ValueError('bad thing')\nValueError: bad thing\n"
    )
    ((outcome, _),) = fab.record.outcomes
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, TaskFailed)


@pytest.mark.parametrize(("code", "status"), [("42", 42), ("None", 0), ("'words'", 1)])
def test_sys_exit_in_a_task_is_the_exit_status(fab: Fab, fabfile: Write, code: str, status: int) -> None:
    fabfile(f"import sys\nfrom fabric.api import *\n@task\ndef leave():\n    sys.exit({code})\n")
    assert fab("leave") == status


def test_ctrl_c_says_stopped_closes_and_is_recorded(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    fabfile("from fabric.api import *\n@task\ndef stop():\n    run('id')\n    raise KeyboardInterrupt\n")
    assert fab("-H", "a", "stop") == 1
    out, err = said(capsys)
    assert err == "\nStopped.\n"
    assert out.endswith("Disconnecting from a... done.\n")
    assert fab.host.closed
    assert fab.record.ended == {"status": 1}


LOW = "Low level socket error connecting to host a on port 22"
REASONS: list[tuple[UnreachableReason, str]] = [
    ("refused", f"{LOW}: Unable to connect to port 22 on a (tried 1 time)"),
    ("no_route", f"{LOW}: No route to host (tried 1 time)"),
    ("timeout", "Timed out trying to connect to a (tried 1 time)"),
    ("name", "Name lookup failed for a"),
]


@pytest.mark.parametrize(("reason", "words"), REASONS)
def test_an_unreachable_host_is_told_in_fabrics_words(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str], reason: UnreachableReason, words: str
) -> None:
    fabfile(HELLO)
    fab.host = ScriptedHost(fails={"a": Unreachable("No route to host", reason=reason, host="a")})
    assert fab("-w", "-H", "a", "hello") == 1
    assert f"\nFatal error: {words}\n" in said(capsys)[1]
    ((outcome, _),) = fab.record.outcomes
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, Unreachable)


def test_a_login_that_takes_too_long_is_a_time_out(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    fabfile(HELLO)
    fab.host = ScriptedHost(fails={"a": TimedOut("no answer", host="a", phase="login")})
    assert fab("-H", "a", "hello") == 1
    assert "Timed out trying to connect to a (tried 1 time)" in said(capsys)[1]


def test_a_changed_host_key_is_fatal_and_says_why(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    fabfile(HELLO)
    mismatch = HostKeyMismatch("its key has changed", host="a", phase="key_exchange", advice="look at it")
    fab.host = ScriptedHost(fails={"a": mismatch})
    assert fab("-w", "-H", "a", "hello") == 1
    assert "Fatal error: a: its key has changed; look at it" in said(capsys)[1]


def test_skip_bad_hosts_warns_and_goes_on(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    fabfile(HELLO)
    fab.host = ScriptedHost(fails={"a": Unreachable("x", reason="refused", host="a")})
    assert fab("--skip-bad-hosts", "-H", "a,b", "hello") == 0
    out, err = said(capsys)
    assert "\nWarning: Low level socket error connecting to host a" in err
    assert "[b] run: echo hello" in out


def test_a_refused_login_asks_for_a_password_until_it_is_right(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Careful(ScriptedHost):
        async def connect(self, target):  # type: ignore[no-untyped-def]
            if target.password != "right":
                raise AuthenticationFailed("no", host=target.host, phase="login")
            return self

    fabfile(HELLO)
    fab.host = Careful()
    asked: list[str] = []
    answers = ["wrong", "", "right"]

    def answer(question: str) -> str:
        asked.append(question)
        return answers.pop(0)

    monkeypatch.setattr("bedside.fabric1.keyboard.ask_secret", answer)
    assert fab("-u", "joe", "-H", "a", "hello") == 0
    assert asked == ["[a] Login password for 'joe': "] * 3
    assert "you can't enter an empty password" in said(capsys)[1]


def test_with_abort_on_prompts_a_refused_login_aborts(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    fabfile(HELLO)
    fab.host = ScriptedHost(fails={"a": AuthenticationFailed("no", host="a", phase="login")})
    assert fab("--abort-on-prompts", "-H", "a", "hello") == 1
    assert "Needed to prompt for a connection or sudo password (host: a)" in said(capsys)[1]


def test_sudo_gets_its_password_only_when_it_asks(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    fabfile(
        "from fabric.api import *\n@task\ndef who():\n    print(repr(sudo('id -un')))\n    sudo('true')\n"
    )
    fab.host = ScriptedHost({"id -un": Answer([b"sudo password:", b"\r\nroot\r\n"])})
    assert fab("--sudo-password", "s3cret", "-H", "a", "who") == 0
    out, _ = said(capsys)
    assert "[a] out: sudo password:\n[a] out: root\n[a] out: \n\n'root'\n" in out
    assert fab.host.typed == [b"s3cret\n"]
    assert fab.host.commands[0].line == "sudo -S -p 'sudo password:'  /bin/bash -l -c \"id -un\""


def test_prompts_are_answered_and_not_captured(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    fabfile("""
        from fabric.api import *

        @task
        def talk():
            with settings(prompts={'Continue? ': 'yes'}):
                print(repr(run('ask')))
    """)
    fab.host = ScriptedHost({"ask": Answer([b"Continue? ", b"yes\r\nok\r\n"])})
    assert fab("-H", "a", "talk") == 0
    assert "'yes\\r\\nok'" in said(capsys)[0]
    assert fab.host.typed == [b"yes\n"]


def test_stderr_apart_goes_to_stderr(fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str]) -> None:
    fabfile("""
        from fabric.api import *

        @task
        def apart():
            r = run('both', pty=False, combine_stderr=False)
            print(repr((r, r.stderr, r.succeeded, r.return_code, r.command, r.stdout)))
    """)
    fab.host = ScriptedHost({"both": Answer([b"out\n"], stderr=b"err\n")})
    assert fab("-H", "a", "apart") == 0
    out, err = said(capsys)
    assert err == "[a] err: err\n[a] err: \n"
    assert "('out', 'err', True, 0, 'both', 'out')" in out


def test_bytes_that_are_no_text_pass_unchanged(
    fab: Fab, fabfile: Write, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    fabfile(HELLO)
    fab.host = ScriptedHost({"echo": Answer([b"caf\xe9 \xc3", b"\xa9\n"])})
    assert fab("-H", "a", "hello") == 0
    assert b"[a] out: caf\xe9 \xc3\xa9\n" in capfdbinary.readouterr().out


def test_an_excluded_host_is_left_out_with_the_reason(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    fabfile(HELLO)
    fab.host = ScriptedHost(left_out={"nas": "a QNAP"})
    assert fab("-H", "nas,web1", "hello") == 0
    out, err = said(capsys)
    assert err == "\nWarning: nas is left out: a QNAP\n\n"
    assert "[nas]" not in out


def test_where_every_host_is_excluded_no_other_is_asked_for(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    fabfile(HELLO)
    fab.host = ScriptedHost(left_out={"nas": "a QNAP"})
    assert fab("-H", "nas", "hello") == 1
    assert "Every host is left out" in said(capsys)[1]


def test_an_excluded_host_that_is_typed_in_is_refused(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fabfile(HELLO)
    fab.host = ScriptedHost(left_out={"nas": "a QNAP"})
    with typing("nas\n", monkeypatch):
        assert fab("hello") == 1
    assert "Fatal error: nas is left out: a QNAP" in said(capsys)[1]


def test_an_excluded_host_can_not_be_reached_by_settings_either(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    fabfile("""
        from fabric.api import *

        @task
        def sly():
            with settings(host_string='nas'):
                run('id')
    """)
    fab.host = ScriptedHost(left_out={"nas": "a QNAP"})
    assert fab("sly") == 1
    assert "Fatal error: nas is left out: a QNAP" in said(capsys)[1]
    assert not fab.host.targets


def test_a_ledger_that_fails_midway_is_a_warning(
    fab: Fab, fabfile: Write, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(record: KeptRecord) -> None:
        raise LedgerError("the disk is full")

    fabfile(HELLO)
    monkeypatch.setattr(KeptRecord, "flush", full)
    assert fab("-H", "a,b", "hello") == 0
    out, err = said(capsys)
    assert "Warning: the disk is full; what was done so far is only on your screen" in err
    assert "[b] run: echo hello" in out


def test_the_reason_for_an_excluded_host_is_recorded(fab: Fab, fabfile: Write) -> None:
    fabfile(HELLO)
    assert fab("--include-excluded", "it is on fire", "-H", "a", "hello") == 0
    assert fab.record.what["include_excluded"] == "it is on fire"


def test_the_command_after_two_dashes_needs_no_fabfile(fab: Fab, capsys: pytest.CaptureFixture[str]) -> None:
    assert fab("-H", "a", "--", "echo", "a b") == 0
    out, _ = said(capsys)
    assert "[a] Executing task '<remainder>'\n[a] run: echo a b\n" in out


def test_a_captured_local_command_is_not_shown(
    fab: Fab, fabfile: Write, capfd: pytest.CaptureFixture[str]
) -> None:
    fabfile("""
        from fabric.api import *

        @task
        def here():
            with lcd('/'), shell_env(A='x'):
                r = local('pwd; echo $A; echo err >&2', capture=True)
            print(repr((r, r.stderr, r.real_command)))
            local('exit 5')
    """)
    assert fab("here") == 1
    captured = capfd.readouterr()
    assert (
        "('/\\nx', 'err', 'cd / >/dev/null && export A=\"x\" && pwd; echo $A; echo err >&2')" in captured.out
    )
    assert "local() encountered an error (return code 5) while executing 'exit 5'" in captured.err


class typing:  # noqa: N801 (reads as words)
    """Standard input as a pipe that holds some text."""

    def __init__(self, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
        import os

        reading, writing = os.pipe()
        os.write(writing, text.encode())
        os.close(writing)
        self._file = os.fdopen(reading)
        monkeypatch.setattr(sys, "stdin", self._file)

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        self._file.close()
