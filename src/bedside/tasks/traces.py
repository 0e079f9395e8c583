"""Tracebacks of the user's code only: what lies in bedside, its libraries or the interpreter is left out."""

from __future__ import annotations

import sysconfig
from pathlib import Path
from traceback import FrameSummary, StackSummary, TracebackException

_PACKAGE = str(Path(__file__).resolve().parents[1])
_FOREIGN = tuple(
    {_PACKAGE, *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib"))}
)


def user_trace(error: BaseException) -> str:
    """Return the traceback as Python prints it, without the frames that are not the user's own."""
    told = TracebackException.from_exception(error)
    _strip(told, set())
    return "".join(told.format())


def is_foreign(filename: str) -> bool:
    """Return True for code that is not the user's: bedside, its libraries, the interpreter."""
    return filename.startswith("<") or filename.startswith(_FOREIGN)


def _strip(told: TracebackException, seen: set[int]) -> None:
    if id(told) in seen:
        return
    seen.add(id(told))
    told.stack = StackSummary.from_list([frame for frame in told.stack if not _foreign(frame)])
    for other in (told.__cause__, told.__context__, *(told.exceptions or ())):
        if other is not None:
            _strip(other, seen)


def _foreign(frame: FrameSummary) -> bool:
    return is_foreign(frame.filename)
