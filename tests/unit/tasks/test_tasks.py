import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bedside.clock import SystemClock
from bedside.errors import CommandFailed, FabfileError, TaskFailed, Unreachable
from bedside.model import Done, Failed
from bedside.runner import Channel, Command, OnData, OnLine, Result
from bedside.tasks import AsyncHost, Host, Settings, Stage, Task, get_task, run_stages, run_task, task


class RecordingRunner:
    """A Runner that notes what it is told and answers `exit N` with that status."""

    def __init__(self, host: str = "web1") -> None:
        self.host = host
        self.commands: list[Command] = []
        self.copies: list[tuple[str, str]] = []

    async def run(
        self, command: Command, *, on_line: OnLine | None = None, on_data: OnData | None = None
    ) -> Result:
        await asyncio.sleep(0)
        self.commands.append(command)
        if command.line == "hang":
            await asyncio.Event().wait()
        status = int(command.line.removeprefix("exit ")) if command.line.startswith("exit ") else 0
        if on_line:
            on_line("stdout", command.line.encode())
        return Result(self.host, command.line, status, None, command.line.encode() + b"\n", b"", 0.0)

    async def sudo(
        self,
        command: Command,
        *,
        user: str | None = None,
        group: str | None = None,
        on_line: OnLine | None = None,
    ) -> Result:
        return await self.run(command, on_line=on_line)

    async def open(self, command: Command) -> Channel:
        raise NotImplementedError

    async def put(self, source: str, target: str, *, mode: int | None = None) -> list[str]:
        self.copies.append((source, target))
        return [target]

    async def get(self, source: str, target: str) -> list[str]:
        self.copies.append((source, target))
        return [target]


async def outcome_of(given: Task, runner: RecordingRunner, **more: Any) -> Any:
    return await run_task(given, runner, clock=SystemClock(), **more)


@task
def relayhost(host: Host) -> Result:
    """Ask postfix for its relay host.

    More words.
    """
    return host.run("postconf -h relayhost")


@task(name="relay-async")
async def relayhost_async(host: AsyncHost) -> Result:
    return await host.run("postconf -h relayhost")


@pytest.mark.parametrize("given", [relayhost, relayhost_async])
async def test_a_task_returns_the_result_of_its_command(given: Task) -> None:
    outcome = await outcome_of(given, RecordingRunner())
    assert isinstance(outcome, Done)
    assert outcome.host == "web1"
    assert outcome.value.out == "postconf -h relayhost"


def test_a_task_has_a_name_and_a_summary() -> None:
    assert (relayhost.name, relayhost.summary) == ("relayhost", "Ask postfix for its relay host.")
    assert relayhost_async.name == "relay-async"


async def test_a_failing_command_is_a_failed_outcome_with_the_tasks_name_in_its_phase() -> None:
    @task
    def broken(host: Host) -> None:
        host.run("exit 3")

    outcome = await outcome_of(broken, RecordingRunner())
    assert isinstance(outcome, Failed)
    assert isinstance(outcome.error, CommandFailed)
    assert outcome.error.phase == "run"
    assert outcome.error.result.exit == 3


async def test_check_can_be_switched_off_by_argument_scope_or_setting() -> None:
    @task
    def lenient(host: Host) -> list[int | None]:
        first = host.run("exit 1", check=False).exit
        with host.settings(check=False):
            return [first, host.run("exit 2").exit]

    @task
    def plain(host: Host) -> int | None:
        return host.run("exit 4").exit

    assert (await outcome_of(lenient, RecordingRunner())).value == [1, 2]
    assert (await outcome_of(plain, RecordingRunner(), settings=Settings(check=False))).value == 4


async def test_scopes_nest_and_end() -> None:
    @task
    def scoped(host: Host) -> None:
        with host.cd("/srv"), host.cd("app"), host.prefix("set -e"), host.shell_env(A="1"):
            host.run("make")
            host.put("a", "b")
        with host.cd("/srv"), host.cd("/etc"):
            host.sudo("ls", pty=True)
        host.run("pwd")

    runner = RecordingRunner()
    await outcome_of(scoped, runner)
    first, second, third = runner.commands
    assert (first.line, first.cwd, first.env) == ("set -e && make", "/srv/app", {"A": "1"})
    assert runner.copies == [("a", "/srv/app/b")]
    assert second.cwd == "/etc"
    assert second.pty is not None
    assert (third.line, third.cwd, third.env) == ("pwd", None, {})


async def test_scopes_of_parallel_hosts_do_not_mix() -> None:
    @task
    def scoped(host: Host) -> None:
        for _ in range(20):
            with host.cd(f"/{host.name}"):
                host.run("pwd")

    runners = [RecordingRunner(f"web{n}") for n in range(8)]
    await asyncio.gather(*(outcome_of(scoped, runner) for runner in runners))
    for runner in runners:
        assert {command.cwd for command in runner.commands} == {f"/{runner.host}"}


async def test_scopes_of_two_hosts_in_one_async_task_do_not_mix() -> None:
    left, right = RecordingRunner("left"), RecordingRunner("right")
    a, b = AsyncHost(left), AsyncHost(right)
    with a.cd("/a"):
        await a.run("pwd")
        await b.run("pwd")
    assert left.commands[0].cwd == "/a"
    assert right.commands[0].cwd is None


async def test_log_and_output_lines_arrive_and_facts_are_there() -> None:
    lines: list[bytes] = []
    logged: list[str] = []

    @task
    def talk(host: Host) -> Any:
        host.log("about to ask")
        host.run("echo hi")
        return host.facts["os"]["family"]

    outcome = await outcome_of(
        talk, RecordingRunner(), facts={"os": {"family": "Debian"}}, log=logged.append,
        on_line=lambda stream, line: lines.append(line),
    )  # fmt: skip
    assert outcome.value == "Debian"
    assert (logged, lines) == (["about to ask"], [b"echo hi"])


async def test_an_exception_of_the_task_is_failed_with_the_users_code_only() -> None:
    @task
    def wrong(host: Host) -> None:
        host.run("true")
        raise ValueError("bad thing")

    outcome = await outcome_of(wrong, RecordingRunner())
    assert isinstance(outcome.error, TaskFailed)
    assert "raise ValueError" in outcome.error.trace
    assert outcome.error.message == "ValueError: bad thing"
    assert "runtime.py" not in outcome.error.trace
    assert "threading.py" not in outcome.error.trace


@pytest.mark.parametrize("error", [SystemExit(3), StopIteration("x"), KeyError("k")])
async def test_whatever_a_task_raises_is_data(error: BaseException) -> None:
    @task
    def wrong(host: Host) -> None:
        raise error

    assert isinstance((await outcome_of(wrong, RecordingRunner())).error, TaskFailed)


async def test_cancelling_ends_a_sync_task_that_waits_for_its_host() -> None:
    seen: list[str] = []

    @task
    def hanging(host: Host) -> None:
        try:
            host.run("hang")
        except BaseException as error:
            seen.append(type(error).__name__)
            raise

    running = asyncio.create_task(outcome_of(hanging, runner := RecordingRunner()))
    await eventually(lambda: bool(runner.commands))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await eventually(lambda: bool(seen))
    assert seen == ["CancelledError"]


async def test_cancelling_does_not_wait_for_a_task_that_never_comes_back() -> None:
    import threading

    release, began = threading.Event(), threading.Event()

    @task
    def deaf(host: Host) -> None:
        began.set()
        release.wait(20)

    running = asyncio.create_task(outcome_of(deaf, RecordingRunner()))
    await eventually(began.is_set)
    start = time.monotonic()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    release.set()
    assert time.monotonic() - start < 5


async def test_more_sync_tasks_than_an_executor_has_threads_run_at_once() -> None:
    import threading

    together = threading.Barrier(60, timeout=10)

    @task
    def meet(host: Host) -> None:
        together.wait()

    outcomes = await asyncio.gather(*(outcome_of(meet, RecordingRunner()) for _ in range(60)))
    assert all(isinstance(outcome, Done) for outcome in outcomes)


class Step:
    def __init__(self, name: str, seen: list[str]) -> None:
        self.name, self.seen = name, seen

    async def run(self, context: str) -> str:
        self.seen.append(f"{self.name} {context}")
        return self.name


class Faulty:
    """A wrapped stage: the fault comes instead of the step."""

    def __init__(self, inner: Step, error: Exception) -> None:
        self.name, self.error = inner.name, error

    async def run(self, context: str) -> str:
        raise self.error


async def test_stages_run_in_order_and_the_last_one_gives_the_value() -> None:
    seen: list[str] = []
    outcome = await run_stages("web1", [Step("arm", seen), Step("change", seen)], "ctx", SystemClock())
    assert isinstance(outcome, Done)
    assert (outcome.value, seen) == ("change", ["arm ctx", "change ctx"])


async def test_a_fault_is_injected_by_wrapping_a_stage() -> None:
    seen: list[str] = []
    fault = Unreachable("no answer", reason="timeout", host="web1")
    stages: list[Stage[str]] = [Step("arm", seen), Faulty(Step("change", seen), fault), Step("confirm", seen)]
    outcome = await run_stages("web1", stages, "ctx", SystemClock())
    assert isinstance(outcome, Failed)
    assert (outcome.error.phase, seen) == ("connect", ["arm ctx"])


TASKFILE = """
from bedside import task
from helper import WORD

@task
def greet(host, name="you"):
    return f"{WORD} {name}"
"""


def test_a_task_is_found_by_file_and_name(tmp_path: Path, task_file: Callable[[str], Path]) -> None:
    (tmp_path / "helper.py").write_text("WORD = 'hello'\n")
    path = task_file(TASKFILE)
    found, args, kwargs = get_task(f"{path}:greet:joe,name=x")
    assert (found.name, args, kwargs) == ("greet", ("joe",), {"name": "x"})
    assert found(None, "ann") == "hello ann"


def test_a_task_that_is_not_there_names_those_that_are(task_file: Callable[[str], Path]) -> None:
    path = task_file("from bedside import task\n@task\ndef one(host): pass\n")
    with pytest.raises(FabfileError, match="its tasks: one"):
        get_task(f"{path}:two")


def test_a_syntax_error_shows_file_line_text_and_caret(task_file: Callable[[str], Path]) -> None:
    path = task_file("x = 1\n    def x(:\n")
    with pytest.raises(FabfileError) as caught:
        get_task(f"{path}:t")
    assert f"{path}:2: IndentationError" in str(caught.value)
    path = task_file("def x(:\n")
    with pytest.raises(FabfileError) as caught:
        get_task(f"{path}:t")
    assert str(caught.value) == f"{path}:1: SyntaxError: invalid syntax\n    def x(:\n          ^"


def test_an_exception_at_import_shows_the_users_code_only(task_file: Callable[[str], Path]) -> None:
    path = task_file("def f():\n    return 1 / 0\nf()\n")
    with pytest.raises(FabfileError) as caught:
        get_task(f"{path}:t")
    assert "return 1 / 0" in str(caught.value)
    assert "ZeroDivisionError" in str(caught.value)
    assert "importlib" not in str(caught.value)
    assert "loader.py" not in str(caught.value)


@pytest.mark.parametrize("reference", ["nofile.py:t", "justaname", "file.py:", "x.txt:t"])
def test_a_reference_that_leads_nowhere_is_an_error(reference: str) -> None:
    with pytest.raises(FabfileError):
        get_task(reference)


@pytest.fixture
def task_file(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "tasks.py"
        path.write_text(text)
        return path

    return write


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.005)
