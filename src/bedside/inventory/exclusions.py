"""Hosts taken out by hand: `exclusions.toml` beside the configuration, and what it says of a host.

The file is the user's too: entries are added at its end and removed line by line, so that comments
stay, and every change is read back before it replaces the file.
"""

from __future__ import annotations

import fcntl
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import msgspec

from bedside import config
from bedside.config import Config
from bedside.errors import ConfigError, QueryError
from bedside.inventory.identity import folded
from bedside.model import Exclusion, Host
from bedside.query import Node, matches, parse

FILE = "exclusions.toml"


class Entry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One [[exclude]]: a host (by name or address) or a query, and why, by whom, since and until when.

    A date in `until` is included; a time is the moment from which the host is in again.
    """

    host: str | None = None
    query: str | None = None
    reason: str
    by: str
    at: Any = None
    until: Any = None

    @property
    def target(self) -> str:
        """Return what is taken out, as the user wrote it."""
        return self.host if self.host is not None else f"--query {self.query!r}"


@dataclass(frozen=True, slots=True)
class Exclusions:
    """The entries of the file, in their order."""

    path: Path
    entries: tuple[Entry, ...] = ()
    queries: tuple[Node | None, ...] = ()

    def judge(self, host: Host, now: datetime) -> Exclusion | None:
        """Return why the host is taken out by hand; None if it is not."""
        for entry, query in zip(self.entries, self.queries, strict=True):
            if not over(entry, now) and _means(entry, query, host):
                until = None if entry.until is None else str(entry.until)
                return Exclusion(
                    entry.reason, by=entry.by, at=None if entry.at is None else str(entry.at), until=until
                )
        return None


def place(loaded: Config, environ: Mapping[str, str]) -> Path:
    """Return where the file is: beside the configuration, else in the user's configuration folder."""
    return (loaded.path.parent if loaded.path else config.xdg("config", environ)) / FILE


def load(path: Path) -> Exclusions:
    """Read the file; one that is not there takes nobody out. Raises ConfigError with the line."""
    if not path.exists():
        return Exclusions(path)
    return _read(config.load(path), path)


def over(entry: Entry, now: datetime) -> bool:
    """Return True where the entry's time is over."""
    return entry.until is not None and now >= moment(entry.until)


def moment(until: object) -> datetime:
    """Return the moment from which an `until` no longer holds. Raises ValueError."""
    if isinstance(until, str):
        until = date.fromisoformat(until) if len(until) == 10 else datetime.fromisoformat(until)
    if isinstance(until, datetime):
        return until if until.tzinfo else until.replace(tzinfo=UTC)
    if isinstance(until, date):
        return datetime.combine(until, time.max, UTC)
    raise ValueError(f"{until!r} is no date")


def add(path: Path, entry: Entry) -> None:
    """Add an entry. Raises ConfigError where the file is broken; it is left as it is then."""

    def change(before: Exclusions, text: str) -> str:
        return (text.rstrip("\n") + "\n\n" if text.strip() else "") + _block(entry)

    _edit(path, change, expected=lambda before: [*before.entries, entry])


def remove(path: Path, unwanted: Callable[[Entry], bool]) -> list[Entry]:
    """Remove entries, and return them. Raises ConfigError where the file is broken."""
    removed: list[Entry] = []

    def change(before: Exclusions, text: str) -> str:
        gone = {n for n, entry in enumerate(before.entries) if unwanted(entry)}
        removed[:] = [before.entries[n] for n in sorted(gone)]
        return _without(text, gone)

    _edit(path, change, expected=lambda before: [e for e in before.entries if not unwanted(e)])
    return removed


def _means(entry: Entry, query: Node | None, host: Host) -> bool:
    if query is not None:
        return matches(query, host)
    wanted = folded(entry.host or "")
    return wanted in (folded(host.name), folded(host.address or ""))


def _read(loaded: Config, path: Path) -> Exclusions:
    loaded.refuse_unknown(["exclude"])
    raw = loaded.data.get("exclude", [])
    if not isinstance(raw, list):
        raise loaded.error_at("exclusions are written as [[exclude]]", "exclude")
    entries = [_entry(loaded, value, f"exclude[{n}]") for n, value in enumerate(raw)]
    return Exclusions(path, tuple(e for e, _ in entries), tuple(q for _, q in entries))


def _entry(loaded: Config, raw: object, where: str) -> tuple[Entry, Node | None]:
    entry = loaded.convert(raw, Entry, where)
    if (entry.host is None) == (entry.query is None):
        raise loaded.error_at("an exclusion has a host or a query, one of the two", where)
    try:
        if entry.until is not None:
            moment(entry.until)
        return entry, None if entry.query is None else parse(entry.query)
    except ValueError as error:
        raise loaded.error_at(str(error), f"{where}.until", "write 2031-12-24") from None
    except QueryError as error:
        raise loaded.error_at(str(error), f"{where}.query") from None


def _edit(
    path: Path,
    change: Callable[[Exclusions, str], str],
    expected: Callable[[Exclusions], Sequence[Entry]],
) -> None:
    config.private_folder(path.parent)
    with _alone(path.parent):
        before = load(path)
        text = path.read_text("utf-8") if path.exists() else ""
        after, wanted = change(before, text), expected(before)
        if list(wanted) == list(before.entries):
            return
        _check(path, after, wanted)
        _replace(path, after)


def _check(path: Path, text: str, expected: Sequence[Entry]) -> None:
    """Raise ConfigError unless the new text says what it is meant to: nothing is lost by an edit."""
    import tomllib

    try:
        read: Sequence[Entry] | None = _read(Config(path, tomllib.loads(text), text), path).entries
    except (tomllib.TOMLDecodeError, ConfigError):
        read = None
    if read is None or list(read) != list(expected):
        raise ConfigError(
            "can't be changed by this command without losing something", file=str(path),
            advice="it is written in an unusual way: change it in an editor",
        )  # fmt: skip


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Hold the folder, so that two changes at once don't lose one of them."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _replace(path: Path, text: str) -> None:
    """Write beside the file and rename: a reader sees the old or the new one, and a crash loses neither."""
    target = path.resolve()
    handle, part = tempfile.mkstemp(prefix=f".{FILE}.", dir=target.parent)  # mkstemp makes it 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(part).replace(target)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


def _block(entry: Entry) -> str:
    values = {f: getattr(entry, f) for f in ("host", "query", "reason", "by", "at", "until")}
    lines = [f"{key} = {_toml(str(value))}" for key, value in values.items() if value is not None]
    return "\n".join(["[[exclude]]", *lines]) + "\n"


def _toml(text: str) -> str:
    """Return a TOML basic string."""
    named = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    plain = (named.get(c) or (f"\\u{ord(c):04x}" if ord(c) < 32 or ord(c) == 127 else c) for c in text)
    return f'"{"".join(plain)}"'


def _without(text: str, gone: set[int]) -> str:
    """Return the text without the numbered [[exclude]] tables; comments above the next one stay."""
    number, kept = -1, []
    dropping = False
    for line in text.splitlines(keepends=True):
        if re.match(r"\s*\[\[\s*exclude\s*\]\]", line):
            number += 1
            dropping = number in gone
        elif dropping and line.lstrip().startswith("#"):
            dropping = False
        if not dropping:
            kept.append(line)
    return "".join(kept)
