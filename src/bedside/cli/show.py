"""How outcomes are shown: as they come, grouped, or as JSON; and the summary at the end."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from bedside.app.fanout import Account
from bedside.errors import TaskFailed
from bedside.exits import Exit, worst
from bedside.model import Done, Failed, Outcome
from bedside.output import Output
from bedside.runner import OnLine, Result
from bedside.text import decode, plural

PARTLY = 1000
"""So many of the last lines of a host that was interrupted are shown."""


class Show(ABC):
    """One way to show the outcomes of a run, as they come or at the end."""

    def __init__(self, out: Output) -> None:
        self._out = out
        self.advance: Callable[[], None] = lambda: None
        """Called as each host ends: moves the progress bar."""
        self._partly: dict[str, deque[bytes]] = {}

    def lines_of(self, host: str) -> OnLine:
        """Return what is called with each line of the host as it arrives: kept, in case it does not end."""
        lines = self._partly[host] = deque(maxlen=PARTLY)
        return lambda _, line: lines.append(line)

    def logged(self, host: str, line: str) -> None:
        """Show a line that a task notes."""
        self._out.note(f"{host}: {line}", style="dim")

    def outcome(self, outcome: Outcome[Any]) -> None:
        """Show how a host ended."""
        self._partly.pop(outcome.host, None)
        self._show(outcome)
        self.advance()

    @abstractmethod
    def _show(self, outcome: Outcome[Any]) -> None: ...

    def end(self, interrupted: Iterable[str]) -> None:
        """Show what was held back until all had ended, and what the interrupted hosts had said."""
        for host in sorted(interrupted):
            self._broken_off(host, [decode(line) for line in self._partly.get(host, ())])

    def _broken_off(self, host: str, lines: Sequence[str]) -> None:  # noqa: B027 (some have shown them)
        """Show the last lines of a host that was interrupted."""


class AsItComes(Show):
    """Each line behind its host's name, standard error on standard error."""

    def lines_of(self, host: str) -> OnLine:
        """Show each line at once."""

        def show(stream: str, line: bytes) -> None:
            write = self._out.result if stream == "stdout" else self._out.remote_error
            write(f"{host}: {decode(line)}")

        return show

    def _show(self, outcome: Outcome[Any]) -> None:
        """Show a task's value, or that the host failed."""
        if isinstance(outcome, Done) and not isinstance(outcome.value, Result) and outcome.value is not None:
            for line in _words(outcome.value).splitlines():
                self._out.result(f"{outcome.host}: {line}")
        elif trouble := _trouble(outcome):
            self._out.note(f"{outcome.host}: {trouble}", style="bad")


class Gathered(Show):
    """Hosts with the same output in one group, the largest group first."""

    def __init__(self, out: Output) -> None:
        super().__init__(out)
        self._groups: dict[tuple[str, str, str], list[str]] = {}

    def _show(self, outcome: Outcome[Any]) -> None:
        """Put the host into its group."""
        key = (_trouble(outcome), _text(outcome), _text(outcome, "stderr"))
        self._groups.setdefault(key, []).append(outcome.host)

    def end(self, interrupted: Iterable[str]) -> None:
        """Show the groups."""
        for (trouble, stdout, stderr), hosts in sorted(self._groups.items(), key=lambda g: -len(g[1])):
            names = ", ".join(sorted(hosts))
            self._out.result(f"── {names} ({plural(len(hosts), 'host')})", style="bad" if trouble else "bold")
            for line in [*stdout.splitlines(), *stderr.splitlines()]:
                self._out.result(line)
            if trouble:
                self._out.result(trouble, style="bad")
        super().end(interrupted)

    def _broken_off(self, host: str, lines: Sequence[str]) -> None:
        if lines:
            self._out.result(f"── {host} (interrupted)", style="warn")
        for line in lines:
            self._out.result(line)


class AsJson(Show):
    """One object a line, as each host ends."""

    def _show(self, outcome: Outcome[Any]) -> None:
        """Write the object."""
        self._out.result(json.dumps(as_json(outcome)))

    def _broken_off(self, host: str, lines: Sequence[str]) -> None:
        error = {"kind": "lost", "phase": "run", "message": "interrupted; the command may still run there"}
        told = {"host": host, "ok": False, "exit": None, "signal": None, "error": error, "stderr": ""}
        self._out.result(json.dumps({**told, "stdout": "\n".join(lines), "truncated": True, "seconds": None}))


def as_json(outcome: Outcome[Any]) -> dict[str, Any]:
    """Return the documented object of `run --json`."""
    result = result_of(outcome)
    told: dict[str, Any] = {
        "host": outcome.host,
        "ok": not _trouble(outcome),
        "exit": result.exit if result else None,
        "signal": result.signal if result else None,
        "error": None,
        "stdout": result.stdout.decode("utf-8", "replace") if result else "",
        "stderr": result.stderr.decode("utf-8", "replace") if result else "",
        "truncated": bool(result and result.truncated),
        "seconds": round(outcome.seconds, 3),
    }
    if isinstance(outcome, Failed):
        error = outcome.error
        told["error"] = {"kind": error.kind, "phase": error.phase, "message": str(error)}
        if isinstance(error, TaskFailed):
            told["error"]["trace"] = error.trace
    if isinstance(outcome, Done) and result is None:
        told["value"] = outcome.value if _plain(outcome.value) else str(outcome.value)
    return told


def result_of(outcome: Outcome[Any]) -> Result | None:
    """Return the command's result that an outcome holds, if it got as far as one."""
    held = getattr(outcome.error, "result", None) if isinstance(outcome, Failed) else outcome.value
    return held if isinstance(held, Result) else None


def summary(out: Output, account: Account[Any], seconds: float) -> Exit:
    """Write how many hosts ended how, and which were not reached; return the exit status."""
    failed = [o for o in account.outcomes if _trouble(o)]
    counts = [f"{len(account.outcomes) - len(failed)} ok"]
    counts += [f"{len(failed)} failed"] if failed else []
    if account.interrupted:
        _say_not_ended(out, "interrupted (the command may still run there)", account.under_way)
        _say_not_ended(out, "not started", [h.name for h in account.untouched])
        counts += [f"{len(account.under_way)} interrupted", f"{len(account.untouched)} not started"]
    total = len(account.outcomes) + len(account.under_way) + len(account.untouched)
    well = not failed and not account.interrupted
    out.note(
        f"{plural(total, 'host')}: {', '.join(counts)}; {seconds:.1f} s", style="good" if well else "bad"
    )
    return worst(
        [Exit.INTERRUPTED if account.interrupted else Exit.OK, Exit.HOST_FAILED if failed else Exit.OK]
    )


def chooser(*, as_json: bool, gather: bool) -> Callable[[Output], Show]:
    """Return the way to show outcomes that the options ask for."""
    return AsJson if as_json else Gathered if gather else AsItComes


def _say_not_ended(out: Output, words: str, names: Iterable[str]) -> None:
    named: Sequence[str] = sorted(names)
    if named:
        out.note(f"{words}: {', '.join(named)}", style="warn")


def _trouble(outcome: Outcome[Any]) -> str:
    """Return what went wrong on the host, or nothing."""
    if isinstance(outcome, Failed):
        error = outcome.error
        advice = f"; {error.advice}" if error.advice else ""
        trace = f"\n{error.trace.rstrip()}" if isinstance(error, TaskFailed) else ""
        return f"{error.phase}: {error.message}{advice}{trace}"
    result = result_of(outcome)
    if result is None or result.ok:
        return ""
    return f"exit status {result.exit}" if result.signal is None else f"killed by signal {result.signal}"


def _text(outcome: Outcome[Any], stream: str = "stdout") -> str:
    if result := result_of(outcome):
        return decode(getattr(result, stream))
    if stream == "stdout" and isinstance(outcome, Done) and outcome.value is not None:
        return _words(outcome.value)
    return ""


def _words(value: object) -> str:
    """Return a task's value, or the paths of a copy, as lines."""
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def _plain(value: object) -> bool:
    try:
        json.dumps(value)
    except (TypeError, ValueError):
        return False
    return True
