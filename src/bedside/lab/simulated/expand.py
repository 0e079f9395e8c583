"""Expansion of the simulated shell's words into fields (POSIX sh, 2.6): values, splitting, file names."""

from __future__ import annotations

import fnmatch
import glob
import posixpath
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bedside.lab.simulated.grammar import Param, Script, Substitution, Text, Word

Segments = list[tuple[str, bool]]


class UnsetError(Exception):
    """A parameter is not set and `set -u` is in force."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a word may refer to.

    `capture` runs a script and returns what it printed; `listing` lists a folder.
    """

    env: Mapping[str, str]
    args: tuple[str, ...]
    special: Mapping[str, str]
    strict: bool
    capture: Callable[[Script], Awaitable[str]]
    listing: Callable[[str], list[str]]

    async def fields(self, words: tuple[Word, ...]) -> list[str]:
        """Return the fields that the words become. Raises UnsetError."""
        found: list[str] = []
        for word in words:
            for segments in await self._split(word):
                found += self._names(segments)
        return found

    async def text(self, word: Word) -> str:
        """Return one string: no splitting, no file names (assignments, redirections)."""
        return "".join([await self._value(p, first=i == 0) for i, p in enumerate(word)])

    async def _split(self, word: Word) -> list[Segments]:
        if not self.args and _only_args(word):
            return []
        done: list[Segments] = []
        current: Segments = []
        for index, part in enumerate(word):
            if isinstance(part, Param) and part.name == "@" and part.quoted:
                for number, arg in enumerate(self.args):
                    if number:
                        done.append(current)
                        current = []
                    current.append((arg, True))
                continue
            value = await self._value(part, first=index == 0)
            if part.quoted or isinstance(part, Text):
                current.append((value, part.quoted))
                continue
            pieces = re.split(r"[ \t\n]+", value)
            for number, piece in enumerate(pieces):
                if number and current:
                    done.append(current)
                    current = []
                if piece:
                    current.append((piece, False))
        return [*done, current] if current else done

    async def _value(self, part: Text | Param | Substitution, *, first: bool) -> str:
        if isinstance(part, Substitution):
            return (await self.capture(part.script)).rstrip("\n")
        if isinstance(part, Param):
            return await self._param(part)
        if first and not part.quoted and re.match(r"~(/|$)", part.text):
            return self.env.get("HOME", "~") + part.text[1:]
        return part.text

    async def _param(self, part: Param) -> str:
        value = self._lookup(part.name)
        blank = value is None or (part.op.startswith(":") and not value)
        if part.op.endswith("-"):
            return await self.text(part.word) if blank else value or ""
        if part.op.endswith("+"):
            return "" if blank else await self.text(part.word)
        if value is None and self.strict and part.name not in "@*":
            raise UnsetError(f"{part.name}: parameter not set")
        return value or ""

    def _lookup(self, name: str) -> str | None:
        if name in "@*":
            return " ".join(self.args)
        if name.isdigit() and name != "0":
            return self.args[int(name) - 1] if int(name) <= len(self.args) else None
        return self.special.get(name, self.env.get(name))

    def _names(self, segments: Segments) -> list[str]:
        """Return the matching file names, or the word itself where there is no pattern or no match."""
        plain = "".join(text for text, _ in segments)
        if not any(not quoted and re.search(r"[*?\[]", text) for text, quoted in segments):
            return [plain]
        pattern = "".join(glob.escape(text) if quoted else text for text, quoted in segments)
        folder, last = posixpath.split(pattern)
        if re.search(r"[*?]|\[[^*?\[]", folder):
            return [plain]
        names = [
            n
            for n in self.listing(folder or ".")
            if fnmatch.fnmatchcase(n, last) and (n[0] != "." or last[0] == ".")
        ]
        return [posixpath.join(folder, n) for n in sorted(names)] or [plain]


def _only_args(word: Word) -> bool:
    """Return True for `"$@"`, which is no field at all where there are no arguments."""
    rest = [p for p in word if not (isinstance(p, Text) and not p.text)]
    return bool(rest) and all(isinstance(p, Param) and p.name == "@" for p in rest)
