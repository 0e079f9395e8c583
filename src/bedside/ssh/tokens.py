"""Words, quotes and %-tokens of ssh_config, and what may be handed to a shell."""

from __future__ import annotations

import hashlib
import os
import re
import socket
from dataclasses import dataclass
from pathlib import Path

_TOKEN = re.compile(r"%(.)")
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_PIECE = re.compile(
    r"""(?P<gap>[ \t]+)|"(?P<double>(?:[^"\\]|\\.)*)"|'(?P<single>(?:[^'\\]|\\.)*)'"""
    r"""|(?P<plain>(?:\\[\\"' ]|[^\s"'])+)|(?P<open>.)"""
)
_ESCAPED = re.compile(r"""\\([\\"' ])""")
_UNSAFE = re.compile(r"[\x00-\x20\x7f'\"`$\\;&<>|(){}*?!~#\[\]^\n]|^-")


def split(text: str) -> list[str]:
    """Split into words as ssh does: quotes of both kinds, backslashes, a comment at the end. ValueError."""
    words: list[str] = []
    within = False
    for piece in _PIECE.finditer(text):
        if piece["gap"] is not None:
            within = False
        elif piece["open"]:
            raise ValueError("a quotation mark is not closed")
        elif piece["plain"] and piece["plain"].startswith("#") and not within:
            break
        else:
            value = _ESCAPED.sub(r"\1", piece["double"] or piece["single"] or piece["plain"] or "")
            words[-1:] = [words[-1] + value] if within else [*words[-1:], value]
            within = True
    return words


def shell_safe(name: str) -> bool:
    """Return True for a host or user name that means nothing but itself to a shell and to a program."""
    return bool(name) and not _UNSAFE.search(name)


@dataclass(frozen=True, slots=True)
class Tokens:
    """What stands for %h and its like."""

    host: str
    original: str
    port: str
    user: str
    local_user: str
    alias: str
    jump: str = ""

    def expand(self, text: str) -> str:
        """Expand tokens and ${VARIABLES}. Raises ValueError for one that nobody knows."""
        return _VARIABLE.sub(self._variable, _TOKEN.sub(self._token, text))

    def path(self, text: str) -> Path:
        """Expand the tokens and `~` of a path."""
        return Path(self.expand(text)).expanduser()

    def _token(self, found: re.Match[str]) -> str:
        letter = found[1]
        simple = {
            "%": "%", "h": self.host, "n": self.original, "p": self.port, "r": self.user,
            "u": self.local_user, "k": self.alias, "j": self.jump,
        }  # fmt: skip
        if letter in simple:
            return simple[letter]
        match letter:
            case "d":
                return str(Path.home())
            case "i":
                return str(os.getuid())
            case "l":
                return socket.gethostname()
            case "L":
                return socket.gethostname().partition(".")[0]
            case "C":
                words = socket.gethostname() + self.host + self.port + self.user + self.jump
                return hashlib.sha1(words.encode(), usedforsecurity=False).hexdigest()
        raise ValueError(f"%{letter} is no token")

    @staticmethod
    def _variable(found: re.Match[str]) -> str:
        if found[1] not in os.environ:
            raise ValueError(f"the environment variable {found[1]} is not set")
        return os.environ[found[1]]
