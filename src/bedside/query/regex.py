"""Regular expressions that are matched against hostile text.

Python's engine tries every way to split a text among the open-ended repeats of a pattern. With a repeat
within a repeat, `(a+)+`, a host whose output is made for it could keep us busy for years: such patterns
are refused. With several in a row, `a.*b.*c`, the time grows with a power of the text's length: texts
are cut the earlier the more repeats there are, and more than three are refused.
"""

from __future__ import annotations

import re
from functools import lru_cache

LONGEST_PATTERN = 500
LONGEST_TEXT = (2000, 2000, 500, 200)
"""Characters of a text that are looked at, by the number of open-ended repeats in the pattern."""

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
    if _repeats(pattern) >= len(LONGEST_TEXT):
        most = len(LONGEST_TEXT) - 1
        raise BadPattern(f"more than {most} of * + could take for ever: write two comparisons with `and`", 0)


def search(pattern: str, text: str) -> bool:
    """Return True where the pattern is found in the text; capital and small letters are the same.

    Only ASCII letters are folded where the pattern is ASCII, as monitoring servers do.
    """
    compiled, longest = _compiled(pattern)
    return compiled.search(text[:longest]) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> tuple[re.Pattern[str], int]:
    flags = re.IGNORECASE | re.ASCII if pattern.isascii() else re.IGNORECASE
    return re.compile(pattern, flags), LONGEST_TEXT[min(_repeats(pattern), len(LONGEST_TEXT) - 1)]


def _repeats(pattern: str) -> int:
    """Return how many open-ended repeats stand in that top-level alternative which has most."""
    most = here = depth = 0
    for token in _TOKEN.finditer(pattern):
        piece = token[0]
        depth += (piece == "(") - (piece == ")")
        if piece == "|" and depth == 0:
            here = 0
        here += bool(_OPEN_REPEAT.fullmatch(piece))
        most = max(most, here)
    return most


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
