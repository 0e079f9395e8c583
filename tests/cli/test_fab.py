import filecmp
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.support.cli import Cli, Ended
from tests.support.sshd import Sshd, free_port, sshd

from bedside.clock import SystemClock
from bedside.ledger import Envelope, open_ledger

pytestmark = pytest.mark.slow

SEED = Path(__file__).parents[2] / "examples/talk"
POSTCONF = """#!/bin/sh
echo 'address_verify_relayhost = $relayhost'
echo 'myhostname = here'
echo 'relayhost = git.ovh.biodec.com'
"""
SAYS_WHAT_IT_IS_TOLD = '#!/bin/sh\necho "$(basename "$0") $*"\n'


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """A real sshd. Logins have a home of their own, whose profile puts a few scripts before the PATH."""
    home = tmp_path_factory.mktemp("remote-home")
    (home / "bin").mkdir()
    for name, text in {
        "postconf": POSTCONF,
        "lsb_release": "#!/bin/sh\nprintf 'Codename:\\tbookworm\\n'\n",
        "apt-get": SAYS_WHAT_IT_IS_TOLD,
        "dpkg": SAYS_WHAT_IT_IS_TOLD,
    }.items():
        (home / "bin" / name).write_text(text)
        (home / "bin" / name).chmod(0o755)
    (home / ".profile").write_text(f"PATH={home}/bin:$PATH\n")
    config = f"ListenAddress 127.0.0.2\nSetEnv HOME={home}\n"
    with sshd(tmp_path_factory.mktemp("sshd"), address="127.0.0.1", config=config) as one:
        yield one


@pytest.fixture
def cli(server: Sshd, tmp_path: Path) -> Cli:
    config = tmp_path / "bedside.toml"
    config.write_text(
        f'[ssh]\nport = {server.port}\nuser = "{server.user}"\nidentity_files = ["{server.key}"]\n'
        'agent = false\nconnect_timeout = "2s"\nlogin_timeout = "2s"\n'
    )
    return Cli(tmp_path, config)


def typed(cli: Cli, text: str, *words: str) -> Ended:
    with cli.start(*words, stdin=subprocess.PIPE) as process:
        out, err = process.communicate(text, timeout=60)
    return Ended(process.returncode, out, err)


def recorded(cli: Cli) -> list[Envelope]:
    ledger = open_ledger(None, cli.home / ".local/state/bedside/ledger.db", SystemClock())
    entries = list(ledger.entries())
    ledger.close()
    return entries


def fabfile(cli: Cli, text: str) -> None:
    (cli.home / "fabfile.py").write_text(f"from fabric.api import *\n\n{text}")


def test_the_talks_first_fabfile_asks_for_the_host_and_prints_what_the_talk_shows(cli: Cli) -> None:
    shutil.copytree(SEED / "ops", cli.home / "ops")
    inside = replace(cli, home=cli.home / "ops", environ={"HOME": str(cli.home)})
    ended = typed(inside, "127.0.0.1\n", "fab", "-f", "./", "misc.report_postfix_relayhost")
    assert ended.err == ""
    assert ended.out == (
        "No hosts found. Please specify (single) host string for connection: "
        "[127.0.0.1] run: postconf | grep relayhost\n"
        "[127.0.0.1] out: address_verify_relayhost = $relayhost\n"
        "[127.0.0.1] out: relayhost = git.ovh.biodec.com\n"
        "[127.0.0.1] out: \n"
        "\n"
        "\n"
        "Done.\n"
        "Disconnecting from 127.0.0.1... done.\n"
    )
    assert ended.status == 0
    for name in ("__init__.py", "misc.py"):
        assert filecmp.cmp(SEED / "ops" / name, cli.home / "ops" / name, shallow=False)


def test_the_talks_second_fabfile_upgrades_bash_on_two_hosts(cli: Cli) -> None:
    ended = cli("fab", "-f", str(SEED / "upgrade_bash.py"), "-H", "127.0.0.1,127.0.0.2", "upgrade_bash")
    assert ended.status == 0, ended.err
    for host in ("127.0.0.1", "127.0.0.2"):
        assert f"[{host}] Executing task 'upgrade_bash'\n[{host}] run: lsb_release -c\n" in ended.out
        assert f"[{host}] out: apt-get -o Acquire::http::Pipeline-Depth=0 -y update\n" in ended.out
        assert f"[{host}] out: apt-get -o Acquire::http::Pipeline-Depth=0 install bash\n" in ended.out
    assert "dpkg" not in ended.out


def test_a_run_leaves_start_outcomes_and_end_in_the_ledger(cli: Cli) -> None:
    fabfile(cli, "@task\ndef hello():\n    run('echo hello')\n    run('exit 3')\n")
    assert cli("fab", "-w", "-H", "127.0.0.1,127.0.0.2", "hello").status == 0
    start, one, two, end = recorded(cli)
    assert (start.kind, start.payload["verb"]) == ("run.start", "fab")
    assert start.payload["hosts"] == ["127.0.0.1", "127.0.0.2"]
    assert start.payload["tasks"] == ["hello"]
    assert [(e.kind, e.host, e.payload["ok"]) for e in (one, two)] == [
        ("host.outcome", "127.0.0.1", True),
        ("host.outcome", "127.0.0.2", True),
    ]
    assert [done["exit"] for done in one.payload["commands"]] == [0, 3]
    assert (end.kind, end.payload["status"]) == ("run.end", 0)


def test_ctrl_c_says_stopped_and_ends_what_ran_on_the_host(cli: Cli, tmp_path: Path) -> None:
    flag = tmp_path / "started"
    fabfile(cli, f"@task\ndef hang():\n    run('echo $$ > {flag}; exec sleep 1234')\n")
    with cli.start("fab", "-H", "127.0.0.1", "hang") as process:
        assert process.stdout
        first = process.stdout.readline() + process.stdout.readline()
        pid = wait_for_pid(flag)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "run: echo" in first
    assert out.endswith("Disconnecting from 127.0.0.1... done.\n")
    assert err == "\nStopped.\n"
    wait_until_gone(pid)
    assert [e.kind for e in recorded(cli)] == ["run.start", "host.outcome", "run.end"]


def test_a_host_that_refuses_is_told_in_fabrics_words(cli: Cli) -> None:
    port = free_port()
    ended = cli("fab", "-H", f"127.0.0.1:{port}", "--", "id")
    assert ended.status == 1
    assert ended.err == (
        f"\nFatal error: Low level socket error connecting to host 127.0.0.1 on port {port}: "
        f"Unable to connect to port {port} on 127.0.0.1 (tried 1 time)\n\nUnderlying exception:\n"
        f"    Unable to connect to port {port} on 127.0.0.1\n\nAborting.\n"
    )


def test_a_host_that_is_silent_times_out_and_the_next_one_runs(cli: Cli) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the kernel accepts, nobody ever speaks
        name = f"127.0.0.1:{silent.getsockname()[1]}"
        ended = cli("fab", "-t", "1", "--skip-bad-hosts", "-H", f"{name},127.0.0.1", "--", "echo here")
    assert ended.status == 0
    assert "\nWarning: Timed out trying to connect to 127.0.0.1 (tried 1 time)\n" in ended.err
    assert "[127.0.0.1] out: here\n" in ended.out


def test_a_name_that_is_no_host_is_told(cli: Cli) -> None:
    ended = cli("fab", "-H", "no-such-host.invalid", "--", "id")
    assert ended.status == 1
    assert "Fatal error: Name lookup failed for no-such-host.invalid" in ended.err


def test_a_host_key_that_changed_stops_the_run(cli: Cli, server: Sshd, tmp_path: Path) -> None:
    wrong = (server.folder / "user_key.pub").read_text().split()
    known = tmp_path / ".ssh/known_hosts"
    known.parent.mkdir()
    known.write_text(f"{server.known_name} {wrong[0]} {wrong[1]}\n")
    ended = cli("fab", "-w", "-H", "127.0.0.1", "--", "id")
    assert ended.status == 1
    assert "Fatal error: 127.0.0.1: " in ended.err
    assert "key" in ended.err


def test_a_connection_that_breaks_in_a_command_is_an_error_and_no_hang(cli: Cli) -> None:
    ended = cli("fab", "-H", "127.0.0.1", "--", "kill -9 $PPID; sleep 5")
    assert ended.status == 1
    assert "Aborting." in ended.err


def test_a_fabfile_with_a_syntax_error_shows_the_line(cli: Cli) -> None:
    fabfile(cli, "def broken(:\n    pass\n")
    ended = cli("fab", "-l")
    assert ended.status == 1
    assert f"{cli.home}/fabfile.py:3: SyntaxError: invalid syntax\n    def broken(:\n" in ended.err


def test_a_list_of_tasks_loads_neither_ssh_nor_ledger(cli: Cli) -> None:
    fabfile(cli, "@task\ndef hello():\n    pass\n")
    heavy = ("asyncssh", "sqlalchemy", "httpx", "lark")
    code = (
        "import atexit, sys\nfrom bedside import cli\n"
        f"atexit.register(lambda: print([m for m in {heavy} if m in sys.modules]))\n"
        "sys.argv = ['bedside', 'fab', '--shortlist']\ncli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=cli.home, env=cli.whole_environ
    )
    assert done.stdout == "hello\n[]\n", done.stderr


def test_options_of_bedside_itself_are_left_alone_after_fab(cli: Cli) -> None:
    ended = cli("fab", "--help")
    assert ended.status == 0
    assert ended.out.startswith("Usage: fab [options] <command>[:arg1")
    assert cli("fab", "--nope").status == 2


def test_an_excluded_host_is_left_out(cli: Cli) -> None:
    (cli.home / "exclusions.toml").write_text(
        '[[exclude]]\nhost = "127.0.0.2"\nreason = "a QNAP"\nby = "me"\nat = 2026-01-01T00:00:00Z\n'
    )
    ended = cli("fab", "-H", "127.0.0.1,127.0.0.2", "--", "echo here")
    assert ended.status == 0, ended.err
    assert "Warning: 127.0.0.2 is left out: a QNAP" in ended.err
    assert "[127.0.0.2]" not in ended.out


def test_a_native_task_runs_from_the_command_line(cli: Cli) -> None:
    (cli.home / "tasks.py").write_text(
        "from bedside import task\n\n@task\ndef say(host, word='x'):\n    return host.run(f'echo {word}')\n"
    )
    ended = cli("run", "-H", "127.0.0.1", "--task", "tasks.py:say:word=hello")
    assert ended.status == 0, ended.err
    assert "hello" in ended.out


def wait_for_pid(flag: Path) -> int:
    ticks = subprocess.Popen(["sleep", "20"])
    try:
        while ticks.poll() is None:
            if flag.exists() and (text := flag.read_text().strip()):
                return int(text)
    finally:
        ticks.kill()
        ticks.wait()
    raise TimeoutError(flag)


def wait_until_gone(pid: int) -> None:
    ticks = subprocess.Popen(["sleep", "20"])
    try:
        while Path(f"/proc/{pid}").exists():
            assert ticks.poll() is None, f"process {pid} is still there"
    finally:
        ticks.kill()
        ticks.wait()
