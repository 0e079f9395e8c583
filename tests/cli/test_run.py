import select
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.cli import Cli
from tests.support.sshd import Sshd, free_port, sshd

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with sshd(tmp_path_factory.mktemp("sshd"), address="127.0.0.1", config="ListenAddress 127.0.0.2") as one:
        yield one


@pytest.fixture
def cli(server: Sshd, tmp_path: Path) -> Cli:
    config = tmp_path / "bedside.toml"
    config.write_text(
        f'[ssh]\nport = {server.port}\nuser = "{server.user}"\nidentity_files = ["{server.key}"]\n'
        'agent = false\nconnect_timeout = "2s"\nlogin_timeout = "2s"\n'
    )
    return Cli(tmp_path, config)


def test_each_line_stands_behind_its_host_and_the_summary_on_standard_error(cli: Cli) -> None:
    ended = cli("run", "-H", "127.0.0.1,127.0.0.2", "--", "echo one; echo two >&2")
    assert ended.status == 0, ended.err
    assert sorted(ended.out.splitlines()) == ["127.0.0.1: one", "127.0.0.2: one"]
    assert "127.0.0.1: two\n" in ended.err
    assert "2 hosts: 2 ok; " in ended.err


def test_identical_output_is_grouped(cli: Cli) -> None:
    ended = cli("run", "-b", "-H", "127.0.0.1,127.0.0.2", "--", "echo", "same  words")
    assert ended.out == "── 127.0.0.1, 127.0.0.2 (2 hosts)\nsame  words\n"


def test_several_words_are_quoted_and_one_is_a_line_for_the_shell(cli: Cli) -> None:
    assert cli("run", "-H", "127.0.0.1", "--", "echo", "$HOME;", "a b").out == "127.0.0.1: $HOME; a b\n"
    assert cli("run", "-H", "127.0.0.1", "--", "echo a | tr a b").out == "127.0.0.1: b\n"


def test_json_is_one_object_a_host_with_the_documented_fields(cli: Cli) -> None:
    port = free_port()
    ended = cli("run", "--json", "-H", f"127.0.0.1,127.0.0.2:{port}", "--", "printf 'a\\nb'; exit 3")
    assert ended.status == 1
    by_host = {told["host"]: told for told in ended.objects}
    good, bad = by_host["127.0.0.1"], by_host[f"127.0.0.2:{port}"]
    assert good.pop("seconds") > 0
    assert good == {
        "host": "127.0.0.1", "ok": False, "exit": 3, "signal": None, "error": None,
        "stdout": "a\nb", "stderr": "", "truncated": False,
    }  # fmt: skip
    assert bad["error"]["kind"] == "unreachable"
    assert bad["error"]["phase"] == "connect"
    assert bad["exit"] is None


def test_a_host_that_is_silent_delays_nobody_and_is_named(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel accepts, nobody ever speaks
        name = f"127.0.0.1:{silent.getsockname()[1]}"
        ended = cli("run", "-H", f"{name},127.0.0.1", "--", "echo here")
    assert ended.status == 1
    assert ended.out == "127.0.0.1: here\n"
    assert f"{name}: " in ended.err
    assert "2 hosts: 1 ok, 1 failed; " in ended.err


def test_ctrl_c_prints_what_is_known_and_who_was_not_reached(cli: Cli, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    line = f"if [ -e {first} ]; then touch {second}; sleep 60; else touch {first}; echo quick; fi"
    names = "127.0.0.1,127.0.0.2,root@127.0.0.1"
    with cli.start("run", "-b", "-P", "1", "-H", names, "--", line) as process:
        wait_for(second)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out == "── 127.0.0.1 (1 host)\nquick\n"
    assert "interrupted (the command may still run there): 127.0.0.2" in err
    assert "not started: root@127.0.0.1" in err
    kept = cli("ledger", "show", "--json").objects
    assert [e["kind"] for e in kept] == ["run.start", "host.outcome", "run.end"]
    assert kept[-1]["payload"]["interrupted"] == ["127.0.0.2"]


def wait_for(flag: Path) -> None:
    until = time.monotonic() + 20
    while not flag.exists():
        assert time.monotonic() < until, "the command does not start"
        select.select([], [], [], 0.02)


def test_the_ledger_holds_what_was_done(cli: Cli) -> None:
    cli("run", "-H", "127.0.0.1", "--", "echo hi")
    shown = cli("ledger", "show")
    assert "run on 1 host by" in shown.out
    assert "echo hi" in shown.out
    run = shown.out.split()[1]
    assert "host.outcome 127.0.0.1" in cli("ledger", "show", run).out
    assert cli("ledger", "show", "nosuch").status == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["run", "--", "id"], "all"),
        (["run", "-H", "127.0.0.1"], "no command to run"),
        (["run", "-H", "127.0.0.1", "-t", "soon", "--", "id"], "no duration"),
        (["run", "-H", "a b", "--", "id"], "no host"),
        (["run", "-H", "-oProxyCommand=x", "--", "id"], "no host"),
        (["run", "-H", "127.0.0.1", "-P", "0", "--", "id"], "0 is not in the range"),
        (["run", "-H", "127.0.0.1", "--task", "nosuch.py:x"], "nosuch.py"),
        (["run", "-s", "nosuch", "all", "--", "id"], "no site"),
        (["put", "-H", "127.0.0.1", "x"], "two paths"),
    ],
)
def test_wrong_words_end_with_2_and_say_what_to_do(cli: Cli, words: list[str], said: str) -> None:
    ended = cli(*words)
    assert (ended.status, ended.out) in ((2, ""), (1, "")), ended
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_a_broken_configuration_names_file_line_and_key(cli: Cli) -> None:
    cli.config.write_text("[ssh]\nparalel = 3\n")
    ended = cli("run", "-H", "127.0.0.1", "--", "id")
    assert ended.status == 2
    assert f"{cli.config}:2: [ssh.paralel] unknown key 'paralel'; did you mean 'parallel'?" in ended.err


def test_a_task_runs_on_every_host_and_its_value_is_shown(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(
        "from bedside import task\n\n\n@task\ndef where(host, name='x'):\n"
        "    with host.cd('/'):\n        return host.run('pwd; echo ' + name).out.split()\n"
    )
    ended = cli("run", "-H", "127.0.0.1", "--json", "--task", "tasks.py:where:name=me")
    assert ended.status == 0, ended.err
    assert ended.objects[0]["value"] == ["/", "me"]


def test_a_task_that_raises_shows_the_users_own_lines_only(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(
        "from bedside import task\n\n\n@task\ndef broken(host):\n    return {}['key']\n"
    )
    ended = cli("run", "-H", "127.0.0.1", "--task", "tasks.py:broken")
    assert ended.status == 1
    assert 'tasks.py", line 6, in broken' in ended.err
    assert "KeyError: 'key'" in ended.err
    assert "site-packages" not in ended.err
    assert "bedside/" not in ended.err.replace(str(tmp_path), "")


def test_files_go_to_the_hosts_and_come_back_into_a_folder_each(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a file").write_bytes(b"\0\xff bytes")
    target = tmp_path / "far"
    target.mkdir()
    assert cli("put", "-H", "127.0.0.1", "a file", f"{target}/").status == 0
    assert (target / "a file").read_bytes() == b"\0\xff bytes"
    ended = cli("get", "-H", "127.0.0.1,127.0.0.2", f"{target}/a file", "back")
    assert ended.status == 0, ended.err
    for host in ("127.0.0.1", "127.0.0.2"):
        assert (tmp_path / "back" / host / "a file").read_bytes() == b"\0\xff bytes"
    missing = cli("put", "-H", "127.0.0.1", "nosuch", "/tmp/")
    assert missing.status == 1
    assert "nosuch" in missing.err


def test_what_a_host_says_cannot_drive_the_terminal(cli: Cli) -> None:
    line = "printf 'a\\033]0;title\\007b\\n'"
    shown = cli.on_terminal("run", "-H", "127.0.0.1", "--", line)
    assert shown.status == 0
    assert "a\\x1b]0;title\\x07b" in shown.out
    assert "\x1b]0;" not in shown.out
    piped = cli("run", "-H", "127.0.0.1", "--", line)
    assert piped.out == "127.0.0.1: a\x1b]0;title\x07b\n"


def test_a_bar_is_drawn_on_a_terminal_and_none_in_a_pipe(cli: Cli) -> None:
    assert "hosts" in cli.on_terminal("run", "-H", "127.0.0.1", "--", "sleep 0.5").out
    assert "━" not in cli("run", "-H", "127.0.0.1", "--", "sleep 0.5").err


def test_a_host_taken_out_is_refused_by_name_unless_overruled_with_a_reason(cli: Cli) -> None:
    assert cli("exclude", "add", "127.0.0.2", "--reason", "the only database").status == 0
    ended = cli("run", "-H", "127.0.0.2", "--", "echo here")
    assert (ended.status, ended.out) == (4, "")
    assert "127.0.0.2 is left out: the only database" in ended.err
    ended = cli("run", "-H", "127.0.0.1,127.0.0.2", "--", "echo here")
    assert (ended.status, ended.out) == (0, "127.0.0.1: here\n")
    ended = cli("run", "-H", "127.0.0.2", "--include-excluded", "it burns", "--", "echo here")
    assert (ended.status, ended.out) == (0, "127.0.0.2: here\n")
    started = [e for e in cli("ledger", "show", "--json").objects if e["kind"] == "run.start"]
    assert started[-1]["payload"]["include_excluded"] == "it burns"


def test_a_query_that_nobody_answers_is_not_done_well(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "hosts.toml").write_text('[[host]]\nname = "127.0.0.1"\n')
    with cli.config.open("a") as config:
        config.write('[site.here]\nsources = [{ type = "file", path = "hosts.toml" }]\n')
    assert cli("run", "name = 127.0.0.1", "--", "echo here").out == "127.0.0.1: here\n"
    ended = cli("run", "name = nobody", "--", "echo here")
    assert ended.status == 2
    assert "no host to act on" in ended.err


def test_a_source_that_is_down_makes_the_answer_incomplete(cli: Cli) -> None:
    with cli.config.open("a") as config:
        config.write(
            f'[site.here]\nsources = [{{ type = "livestatus", url = "tcp://127.0.0.1:{free_port()}" }}]\n'
        )
    ended = cli("run", "-H", "127.0.0.1", "--", "echo here")
    assert (ended.status, ended.out) == (3, "127.0.0.1: here\n")
    assert "rules that take look-alikes out could not be checked" in ended.err


def test_a_state_folder_that_cannot_be_made_is_named(cli: Cli) -> None:
    cli.environ["XDG_STATE_HOME"] = "/proc/nowhere"
    ended = cli("run", "-H", "127.0.0.1", "--", "id")
    assert ended.status == 2
    assert "error: /proc/nowhere" in ended.err
    assert "Traceback" not in ended.err


def test_what_a_task_notes_is_shown_and_kept(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text(
        "from bedside import task\n\n\n@task\nasync def ready(host):\n"
        "    result = await host.run('echo yes', check=False)\n    host.log(f'it said {result.out}')\n"
    )
    ended = cli("run", "-H", "127.0.0.1", "--task", "tasks.py:ready")
    assert ended.status == 0, ended.err
    assert "127.0.0.1: it said yes\n" in ended.err
    outcome = cli("ledger", "show", "--json").objects[1]
    assert outcome["payload"]["log"] == ["it said yes"]


def test_an_overruling_without_a_reason_is_refused(cli: Cli) -> None:
    ended = cli("run", "-H", "127.0.0.1", "--include-excluded", "", "--", "echo here")
    assert (ended.status, ended.out) == (2, "")


def test_options_of_every_command_may_stand_behind_it(cli: Cli) -> None:
    ended = cli("run", "-H", "127.0.0.1", "-q", "--color", "never", "--", "echo", "-v")
    assert (ended.status, ended.out, ended.err) == (0, "127.0.0.1: -v\n", "")


@pytest.mark.parametrize("key", ["parallel = 0", "parallel = -4", "per_jump_host = 0", 'host_keys = "of"'])
def test_a_number_or_word_that_makes_no_sense_is_refused_by_every_command(cli: Cli, key: str) -> None:
    text = cli.config.read_text().replace("agent = false", f"agent = false\n{key}")
    cli.config.write_text(text)
    for words in (["run", "-H", "127.0.0.1", "--", "id"], ["hosts", "-H", "a"]):
        ended = cli(*words)
        assert ended.status == 2
        assert f"[ssh.{key.partition(' ')[0]}]" in ended.err
    if "of" in key:
        assert "known: " in ended.err
        assert "accept-new" in ended.err


@pytest.mark.parametrize("way", ["-b", "--json"])
def test_what_an_interrupted_host_had_said_is_shown(cli: Cli, tmp_path: Path, way: str) -> None:
    flag = tmp_path / "flag"
    with cli.start("run", way, "-H", "127.0.0.1", "--", f"echo half; touch {flag}; sleep 60") as process:
        wait_for(flag)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130, err
    assert "half" in out
    assert [e["kind"] for e in cli("ledger", "show", "--json").objects] == ["run.start", "run.end"]


def test_outcomes_reach_the_disk_while_other_hosts_are_still_at_work(cli: Cli, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    line = f"mkdir {flag} 2>/dev/null && exit 0; sleep 60"
    with cli.start("run", "-P", "1", "-H", "127.0.0.1,127.0.0.2", "--", line) as process:
        wait_for(flag)
        until = time.monotonic() + 20
        while "host.outcome" not in cli("ledger", "show", "--json").out:
            assert time.monotonic() < until
        process.kill()
        process.communicate()


def test_a_reader_that_goes_away_ends_nothing_on_the_hosts(cli: Cli, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    line = f"echo one; sleep 0.5; echo two; touch {flag}"
    with cli.start("run", "-H", "127.0.0.1", "--", line) as process:
        assert process.stdout
        assert process.stdout.readline() == "127.0.0.1: one\n"
        process.stdout.close()
        process.wait(20)
    assert flag.exists()
    assert [e["kind"] for e in cli("ledger", "show", "--json").objects][-1] == "run.end"


def test_why_a_task_failed_stands_in_the_json_too(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "tasks.py").write_text("from bedside import task\n\n@task\ndef boom(host):\n    1 / 0\n")
    (told,) = cli("run", "--json", "-H", "127.0.0.1", "--task", "tasks.py:boom").objects
    assert "ZeroDivisionError" in told["error"]["message"]
    assert 'tasks.py", line 5, in boom' in told["error"]["trace"]
    ended = cli("run", "--sudo", "-H", "127.0.0.1", "--task", "tasks.py:boom")
    assert (ended.status, ended.out) == (2, "")


@pytest.mark.parametrize("kind", ["garbage", "encrypted"])
def test_a_key_that_cannot_be_used_is_named(cli: Cli, server: Sshd, tmp_path: Path, kind: str) -> None:
    key = tmp_path / "key"
    if kind == "garbage":
        key.write_text("no key at all\n")
        key.chmod(0o600)
    else:
        shutil.copy(server.key, key)
        subprocess.run(["ssh-keygen", "-q", "-p", "-N", "secret", "-f", key], check=True)
    cli.config.write_text(cli.config.read_text().replace(str(server.key), str(key)))
    ended = cli("run", "-H", "127.0.0.1", "--", "id")
    assert ended.status == 1
    assert f"the key file {key} " in ended.err
    assert ("encrypted" in ended.err) == (kind == "encrypted")
