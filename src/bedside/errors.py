"""Every error bedside raises, in one tree.

    BedsideError
    ├── UsageError              the command line or a call's arguments are wrong
    ├── ConfigError             a configuration file is wrong: names file, line and key
    ├── QueryError              a query can't be understood: names the column
    ├── FabfileError            a fabfile can't be found or loaded
    ├── SourceError             a source of hosts could not be asked, or answered nonsense
    ├── LedgerError             the ledger can't be read or written
    ├── LabError                a lab can't be made, used or removed
    └── HostError               one host failed; always with host, phase, seconds and advice
        ├── Unreachable         no connection: refused, no_route, name, timeout, reset, proxy, protocol
        ├── HostKeyMismatch     the host showed another key than the one known, or an unknown one
        ├── AuthenticationFailed    the host refused every login we could offer
        ├── TimedOut            a phase after the TCP connection took longer than its limit
        ├── ConnectionLost      the connection broke after it stood
        ├── Denied              the host (or a file on either side) refused what was asked
        ├── CommandFailed       the command ran and ended with a status other than 0
        └── TaskFailed          a task's own code raised

`exits.py` alone maps these to exit codes. A failed host is data (`model.Failed` holds a HostError);
exceptions are for the code in between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

if TYPE_CHECKING:
    from bedside.runner import Result


class BedsideError(Exception):
    """What went wrong, and with `advice` what the user can do about it."""

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message}; {self.advice}" if self.advice else self.message


class UsageError(BedsideError):
    """The command line, or the arguments of a call, are wrong."""


class ConfigError(BedsideError):
    """A configuration file is wrong. `line` counts from 1; None where the file itself is at fault."""

    def __init__(
        self, message: str, *, file: str, line: int | None = None, key: str = "", advice: str = ""
    ) -> None:
        super().__init__(message, advice=advice)
        self.file, self.line, self.key = file, line, key

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        key = f" [{self.key}]" if self.key else ""
        return f"{where}:{key} {super().__str__()}"


class QueryError(BedsideError):
    """A query can't be understood. `column` counts from 1; `expected` are words for what may stand there."""

    def __init__(
        self, message: str, *, query: str, column: int, expected: tuple[str, ...] = (), advice: str = ""
    ) -> None:
        super().__init__(message, advice=advice)
        self.query, self.column, self.expected = query, column, expected

    def __str__(self) -> str:
        caret = " " * (self.column - 1) + "^"
        expected = f"\nexpected {', '.join(self.expected)}" if self.expected else ""
        return f"{super().__str__()}\n    {self.query}\n    {caret}{expected}"


class FabfileError(BedsideError):
    """A fabfile can't be found or loaded."""


class SourceError(BedsideError):
    """A source of hosts could not be asked, or answered nonsense. `source` is its URL without secrets."""

    def __init__(self, message: str, *, source: str, advice: str = "") -> None:
        super().__init__(message, advice=advice)
        self.source = source

    def __str__(self) -> str:
        return f"{self.source}: {super().__str__()}"


class LedgerError(BedsideError):
    """The ledger can't be read or written."""


class LabError(BedsideError):
    """A lab can't be made, used or removed."""


HostErrorKind = Literal["unreachable", "host_key", "auth", "timeout", "lost", "refused", "failed"]
UnreachableReason = Literal["refused", "no_route", "name", "timeout", "reset", "proxy", "protocol"]


_ADVICE: dict[str, str] = {
    "refused": "is sshd running there, on that port?",
    "no_route": "is the host up, and the network between?",
    "name": "check the name, or name its address",
    "timeout": "is the host up, and nothing on the way dropping packets?",
    "reset": "something there closes the door: look at sshd's log and at its limits for new logins",
    "proxy": "look at the way there: the jump host, or the ProxyCommand",
    "protocol": "is it sshd that listens on that port?",
}


class HostError(BedsideError):
    """One host failed, in `phase` (connect, login, run, put, ...) after `seconds`."""

    kind: ClassVar[HostErrorKind]
    usual_advice: ClassVar[str] = ""
    """What to do, where the place that raises knows no better."""

    def __init__(
        self, message: str, *, host: str, phase: str, seconds: float = 0.0, advice: str = ""
    ) -> None:
        super().__init__(message, advice=advice or self.usual_advice)
        self.host, self.phase, self.seconds = host, phase, seconds

    def __str__(self) -> str:
        return f"{self.host}: {super().__str__()} ({self.phase}, after {self.seconds:.1f} s)"


class Unreachable(HostError):
    """No TCP connection, or none that speaks SSH, came about."""

    kind = "unreachable"

    def __init__(
        self, message: str, *, reason: UnreachableReason, host: str, phase: str = "connect",
        seconds: float = 0.0, advice: str = "",
    ) -> None:  # fmt: skip
        super().__init__(
            message, host=host, phase=phase, seconds=seconds, advice=advice or _ADVICE.get(reason, "")
        )
        self.reason = reason


class HostKeyMismatch(HostError):
    """The host's key is not the known one (or, with `strict`, not known at all)."""

    kind = "host_key"

    def __init__(
        self, message: str, *, host: str, phase: str, seconds: float = 0.0, advice: str = "",
        shown: str = "", known: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        super().__init__(message, host=host, phase=phase, seconds=seconds, advice=advice)
        self.shown, self.known = shown, known
        """Type and fingerprint of the key it showed, and of those known, with file and line."""


class AuthenticationFailed(HostError):
    """The host refused every login we could offer."""

    kind = "auth"


class TimedOut(HostError):
    """A phase after the TCP connection took longer than its limit."""

    kind = "timeout"
    usual_advice = "look at what the host is busy with, or give it more time"

    def __init__(
        self, message: str, *, host: str, phase: str, seconds: float = 0.0, advice: str = "",
        result: Result | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message, host=host, phase=phase, seconds=seconds, advice=advice)
        self.result = result
        """What the command had printed so far, where one was running."""


class ConnectionLost(HostError):
    """The connection broke after it stood."""

    kind = "lost"
    usual_advice = "what ran there may have come to its end or not: look before you try again"

    def __init__(
        self, message: str, *, host: str, phase: str, seconds: float = 0.0, advice: str = "",
        result: Result | None = None,
    ) -> None:  # fmt: skip
        super().__init__(message, host=host, phase=phase, seconds=seconds, advice=advice)
        self.result = result
        """What the command had printed so far, where one was running."""


class Denied(HostError):
    """The host, or a file system on either side, refused what was asked: a channel, a file, sudo."""

    kind = "refused"


class CommandFailed(HostError):
    """The command ran and ended with a status other than 0, or by a signal. Carries the whole result."""

    kind = "failed"

    def __init__(self, result: Result, *, phase: str = "run", advice: str = "") -> None:
        ended = f"exit status {result.exit}" if result.signal is None else f"signal {result.signal}"
        super().__init__(
            f"{result.command!r} ended with {ended}",
            host=result.host, phase=phase, seconds=result.seconds, advice=advice,
        )  # fmt: skip
        self.result = result


class TaskFailed(HostError):
    """A task's own code raised. `trace` is the traceback of the user's code only."""

    kind = "failed"

    def __init__(
        self, message: str, *, trace: str = "", host: str, phase: str, seconds: float = 0.0, advice: str = ""
    ) -> None:
        super().__init__(message, host=host, phase=phase, seconds=seconds, advice=advice)
        self.trace = trace
