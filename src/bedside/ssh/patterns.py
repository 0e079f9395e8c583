"""Patterns of ssh_config and known_hosts: `*`, `?`, comma-separated lists, `!` for what must not match."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PatternList:
    """It matches where some pattern does and no negated one does."""

    names: frozenset[str]
    wild: re.Pattern[str] | None
    never: re.Pattern[str] | None
    fold: bool = False
    """True where case makes no difference."""

    @classmethod
    def parse(cls, texts: Iterable[str], *, fold: bool = False) -> PatternList:
        """Read lists of patterns."""
        patterns = [p.lower() if fold else p for text in texts for p in text.split(",") if p]
        wanted = [p for p in patterns if not p.startswith("!")]
        return cls(
            frozenset(p for p in wanted if not _is_wild(p)),
            _compile(p for p in wanted if _is_wild(p)),
            _compile(p[1:] for p in patterns if p.startswith("!")),
            fold,
        )

    def matches(self, value: str) -> bool:
        """Return True where the value is meant."""
        value = value.lower() if self.fold else value
        if value not in self.names and not (self.wild and self.wild.fullmatch(value)):
            return False
        return not (self.never and self.never.fullmatch(value))


def _is_wild(pattern: str) -> bool:
    return "*" in pattern or "?" in pattern


def _compile(patterns: Iterable[str]) -> re.Pattern[str] | None:
    found = [re.escape(p).replace(r"\*", ".*").replace(r"\?", ".") for p in patterns]
    return re.compile("|".join(f"(?:{p})" for p in found), re.DOTALL) if found else None
