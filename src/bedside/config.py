"""Loads TOML and points at the line and key that is wrong. Each room owns the class of its own section."""

from __future__ import annotations

import difflib
import os
import re
import stat
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bedside.errors import ConfigError

S = TypeVar("S")

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


class Seconds(float):
    """A duration in seconds; in TOML a string such as "500ms", "10s", "5m", "1h", or a bare number."""

    __slots__ = ()

    @classmethod
    def parse(cls, value: object) -> Seconds:
        """Read a duration. Raises ValueError with a message for the user."""
        if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
            return cls(value)
        if isinstance(value, str) and (found := _DURATION.fullmatch(value.strip())):
            return cls(float(found[1]) * _UNITS[found[2]])
        raise ValueError(f'{value!r} is no duration: write "500ms", "10s", "5m" or "1h"')


@dataclass(frozen=True, slots=True)
class Config:
    """One configuration file: its sections as read, and its text to find lines in."""

    path: Path | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    text: str = ""

    @property
    def folder(self) -> Path:
        """Where relative paths in the file start."""
        return self.path.parent if self.path else Path.cwd()

    def section(self, name: str, cls: type[S]) -> S:
        """Convert section `name` (a dotted path) to the room's own class. Raises ConfigError."""
        raw: Any = self.data
        for part in name.split("."):
            raw = raw.get(part, {}) if isinstance(raw, dict) else raw
        return self.convert(raw, cls, name)

    def convert(self, raw: object, cls: type[S], where: str) -> S:
        """Convert `raw`, found at the dotted path `where`, to `cls`. Raises ConfigError at the bad key."""
        try:
            return msgspec.convert(raw, cls, dec_hook=_decode)
        except msgspec.ValidationError as error:
            raise self.error_at(*_explain(str(error), where, cls)) from None

    def error_at(self, message: str, key: str, advice: str = "") -> ConfigError:
        """Make an error that points at the dotted key `key` (`site.a.sources[1].url`)."""
        return ConfigError(
            message,
            file=str(self.path or "bedside.toml"),
            line=_line_of(self.text, key),
            key=key,
            advice=advice,
        )

    def refuse_unknown(self, known: Sequence[str]) -> None:
        """Raise ConfigError if the file has a section that no room owns."""
        for name in self.data:
            if name not in known:
                raise self.error_at(f"unknown section {name!r}", name, _nearest(name, list(known)))

    def resolve(self, path: str) -> Path:
        """Return a path of the file: `~` expanded, relative to the file's folder."""
        return self.folder / Path(path).expanduser()


def load(path: Path) -> Config:
    """Read a TOML file. Raises ConfigError with the line where it can't be parsed."""
    try:
        text = path.read_text("utf-8")
        return Config(path, tomllib.loads(text), text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+)", str(error))
        message = re.sub(r" \(at .*\)$", "", str(error))
        raise ConfigError(
            f"not valid TOML: {message}", file=str(path), line=int(found[1]) if found else None
        ) from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"not UTF-8: {error.reason} at byte {error.start}", file=str(path)) from None
    except OSError as error:
        raise ConfigError(f"can't be read: {error.strerror}", file=str(path)) from None


def find(explicit: str | None, environ: Mapping[str, str], start: Path) -> Path | None:
    """Return the file in force: `-c`, $BEDSIDE_CONFIG, bedside.toml here or above, or the user's own."""
    if named := explicit or environ.get("BEDSIDE_CONFIG"):
        return Path(named).expanduser()
    for folder in (start, *start.parents):
        if (folder / "bedside.toml").is_file():
            return folder / "bedside.toml"
    user = xdg("config", environ) / "bedside.toml"
    return user if user.is_file() else None


_XDG = {"config": ".config", "state": ".local/state", "cache": ".cache"}


def xdg(kind: str, environ: Mapping[str, str]) -> Path:
    """Return bedside's own `config`, `state` or `cache` folder (XDG Base Directory Specification)."""
    named = environ.get(f"XDG_{kind.upper()}_HOME", "")
    base = Path(named) if named.startswith("/") else Path(environ.get("HOME") or Path.home()) / _XDG[kind]
    return base / "bedside"


def readable_by_others(path: Path) -> bool:
    """Return True where group or others may read the file."""
    return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner may enter, and return it."""
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def private_opener(path: str, flags: int) -> int:
    """Open a file as 0600 from its first moment: for `open(..., opener=private_opener)`."""
    return os.open(path, flags, 0o600)


def _decode(kind: type, value: object) -> object:
    if kind is Seconds:
        return Seconds.parse(value)
    raise NotImplementedError(kind)


def _explain(text: str, where: str, cls: object) -> tuple[str, str, str]:
    """Turn msgspec's words into (message, dotted key, advice)."""
    message, _, path = text.partition(" - at `")
    key = where + path.removesuffix("`").removeprefix("$").replace("[...]", "")
    if unknown := re.fullmatch(r"Object contains unknown field `(.*)`", message):
        return f"unknown key {unknown[1]!r}", f"{key}.{unknown[1]}", _nearest(unknown[1], _fields(cls))
    if missing := re.fullmatch(r"Object missing required field `(.*)`", message):
        return f"key {missing[1]!r} is missing", key, ""
    if message.startswith("Invalid enum value"):
        return message.replace("Invalid enum value", "no such value:"), key, _allowed(cls, key)
    message = message.replace("`", "").replace("Expected", "expected")
    return message, key, ""


def _allowed(cls: object, key: str) -> str:
    """Return the values that a key may have, where it is one of a few words."""
    name = key.rpartition(".")[2]
    for struct in _structs(cls):
        for field_ in struct.fields:
            kinds = getattr(field_.type, "types", (field_.type,))
            values = [v for kind in kinds for v in getattr(kind, "values", ())]
            if field_.encode_name == name and values:
                return f"known: {', '.join(map(str, values))}"
    return ""


def _fields(cls: object) -> list[str]:
    """Return the TOML names of all fields of a class and of the classes within it."""
    return [f.encode_name for struct in _structs(cls) for f in struct.fields]


def _structs(cls: object) -> list[msgspec.inspect.StructType]:
    """Return the class and the classes within it, as msgspec sees them."""
    found: list[msgspec.inspect.StructType] = []
    queue, seen = [msgspec.inspect.type_info(cls)], set()
    while queue:
        info = queue.pop()
        if isinstance(info, msgspec.inspect.StructType):
            if info.cls in seen:
                continue
            seen.add(info.cls)
            found.append(info)
            queue += [f.type for f in info.fields]
        else:
            queue += getattr(info, "types", ())
            for name in ("item_type", "value_type"):
                if inner := getattr(info, name, None):
                    queue.append(inner)
    return found


def _nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, 1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(sorted(set(known)))}"


def _line_of(text: str, key: str) -> int | None:
    """Return the line on which the dotted `key` stands; the nearest parent's where it can't be found."""
    parts = re.findall(r"[^.\[\]]+|\[\d+\]", key)
    names = [p for p in parts if not p.startswith("[")]
    number = next((int(p[1:-1]) for p in parts if p.startswith("[")), None)
    depth, found = 0, None
    for line, path in _assignments(text, number):
        same = min(len(path), len(names))
        if path[:same] == names[:same] and same > depth:
            depth, found = same, line
    if found and depth == len(names) - 1:  # perhaps within an inline table that starts there
        return _inline(text, found, names[-1], number) or found
    return found


def _inline(text: str, start: int, name: str, number: int | None) -> int | None:
    """Return the line of key `name` in the inline table that starts on line `start`.

    Where a list of tables starts there, it is the `number`-th that is meant.
    """
    lines = text.splitlines()[start - 1 :]
    end = next(
        (n for n, words in enumerate(lines) if n and re.match(r"\s*\[\[?[\w.\"'-]+\]", words)), len(lines)
    )
    rest = "\n".join(lines[:end])
    listed = number is not None and re.match(r"[^=\n]*=\s*\[", rest)
    opened = -1
    for piece in re.finditer(rf"\{{|(?<=[{{,\s]){re.escape(name)}\s*=", rest):
        if piece[0] == "{":
            opened += 1
        elif opened == number or not listed:
            return start + rest.count("\n", 0, piece.start())
    return None


def _assignments(text: str, number: int | None) -> Iterator[tuple[int, list[str]]]:
    """Yield (line, dotted path) of each header and key; of an array of tables only its `number`-th."""
    table: list[str] = []
    seen: Counter[str] = Counter()
    for line, words in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*(\[\[?)\s*([\w.\"' -]+?)\s*\]", words):
            table = [p.strip().strip("\"'") for p in header[2].split(".")]
            if header[1] == "[[":
                if number is not None and seen[header[2]] != number:
                    table = ["\0"]
                seen[header[2]] += 1
            yield line, table
        elif key := re.match(r"\s*([\w.\"'-]+)\s*=", words):
            yield line, table + [p.strip("\"'") for p in key[1].split(".")]
