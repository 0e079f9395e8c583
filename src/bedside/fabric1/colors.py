"""`fabric.colors`: text in terminal colours, unless $FABRIC_DISABLE_COLORS is set."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any


def _color(number: int) -> Callable[..., str]:
    def paint(text: Any, bold: bool = False) -> str:
        if os.environ.get("FABRIC_DISABLE_COLORS"):
            return str(text)
        return f"\033[{'1;' if bold else ''}3{number}m{text}\033[0m"

    return paint


red, green, yellow, blue, magenta, cyan, white = (_color(number) for number in range(1, 8))
