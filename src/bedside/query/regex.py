"""Regular expressions that are matched against hostile text.

Python's engine tries every way to split a text among nested repeats, `(a+)+`, so that a host whose
output is made for it could keep us busy for years. Such patterns are refused, and texts are cut.
"""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST_PATTERN = 500
LONGEST_TEXT = 2000
"""Characters of a text that a pattern is matched against; what comes after is not looked at."""

_OPEN_REPEAT = re.compile(r"[*+]|\{\d*,\d*\}")
_FAR_REPEAT = re.compile(r"\{(\d*)(?:,(\d*))?\}")
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{\d*,?\d*\}|.", re.DOTALL)


class BadPattern(ValueError):
    """A pattern that can't be used; `position` counts from 0 within it."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.position = position


def check(pattern: str) -> None:
    """Raise BadPattern if the pattern is wrong or could take for ever."""
    if len(pattern) > LONGEST_PATTERN:
        raise BadPattern(f"a regular expression of more than {LONGEST_PATTERN} characters", LONGEST_PATTERN)
    try:
        _compiled(pattern)
    except re.error as error:
        raise BadPattern(f"not a regular expression: {error.msg}", error.pos or 0) from None
    except (OverflowError, RecursionError):
        raise BadPattern("a regular expression beyond all bounds", 0) from None
    if (nested := _nested_repeat(pattern)) is not None:
        raise BadPattern("a repeat within a repeat could take for ever on a hostile text", nested)


def search(pattern: str, text: str) -> bool:
    """Return True where the pattern is found in the text; capital and small letters are the same.

    Only ASCII letters are folded where the pattern is ASCII, as monitoring servers do.
    """
    return _compiled(pattern).search(text[:LONGEST_TEXT]) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.ASCII if pattern.isascii() else re.IGNORECASE)


def _nested_repeat(pattern: str) -> int | None:
    """Return where a group that holds an open-ended repeat is itself repeated; None if nowhere."""
    groups = [False]  # for each open group: does it hold an open-ended repeat?
    closed = False  # the same for a group that has just been closed
    for token in _TOKEN.finditer(pattern):
        piece = token[0]
        repeats = bool(_OPEN_REPEAT.fullmatch(piece))
        if closed and (repeats or _repeats_often(piece)):
            return token.start()
        closed = False
        if piece == "(":
            groups.append(False)
        elif piece == ")" and len(groups) > 1:
            closed = groups.pop()
            groups[-1] = groups[-1] or closed
        elif repeats:
            groups[-1] = True
    return None


def _repeats_often(piece: str) -> bool:
    found = _FAR_REPEAT.fullmatch(piece)
    return bool(found and int(found[2] or found[1] or 0) > 3)
