"""The user's ssh_config, read once for all hosts.

AsyncSSH reads these files anew for each connection and passes over what it does not know. Here each file
is parsed once into blocks, and `lookup` walks them for one host, as ssh_config(5) says: the first value
wins, `Host` and `Match` open a block, `Include` stands where it stands, `Match final` asks for a second walk.
"""

from __future__ import annotations

import getpass
import re
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bedside.errors import ConfigError
from bedside.ssh.keywords import ALL_VALUES, Keyword, meaning
from bedside.ssh.patterns import PatternList
from bedside.ssh.tokens import Tokens, shell_safe, split

EXEC_LIMIT = 5.0
"""Seconds that the command of a `Match exec` may take; then it counts as failed."""
MAX_DEPTH = 16
_FLAGS = {"yes": True, "true": True, "no": False, "false": False}


@dataclass(frozen=True, slots=True)
class Directive:
    """One line: keyword in lower case, arguments as split, and what stands after the keyword as written."""

    file: Path
    line: int
    keyword: str
    args: tuple[str, ...]
    rest: str

    def error(self, message: str) -> ConfigError:
        """Return an error that points here."""
        return ConfigError(message, file=str(self.file), line=self.line, key=self.keyword)


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition of a `Match` line; `patterns` for those that have an argument."""

    name: str
    negated: bool
    argument: str = ""
    patterns: PatternList | None = None


@dataclass(slots=True)
class Block:
    """A `Host` or `Match` line and what stands under it; the first of a file has no condition."""

    hosts: PatternList | None = None
    criteria: tuple[Criterion, ...] = ()
    items: list[Directive | list[Block]] = field(default_factory=list)


@dataclass(slots=True)
class HostSettings:
    """What the files say of one host: values by keyword in lower case, tokens not yet expanded."""

    host: str
    local_user: str
    values: dict[str, list[str]] = field(default_factory=dict)
    final: bool = False
    wants_final: bool = False

    def first(self, keyword: str) -> str | None:
        """Return the keyword's only value, or its first."""
        found = self.values.get(keyword)
        return found[0] if found else None

    def flag(self, keyword: str) -> bool | None:
        """Return True for yes, False for no, None where nothing (or something else) is said."""
        return {"yes": True, "true": True, "no": False, "false": False}.get(
            (self.first(keyword) or "").lower()
        )

    def tokens(self, **more: str) -> Tokens:
        """Return the tokens (%h, %p, ...) that hold for the host as far as it is known."""
        name = self.first("hostname") or self.host
        return Tokens(
            host=name, original=self.host, port=self.first("port") or "22",
            user=self.first("user") or self.local_user, local_user=self.local_user,
            alias=self.first("hostkeyalias") or name, jump=self.first("proxyjump") or "", **more,
        )  # fmt: skip


class UserConfig:
    """Some ssh_config files, in the order in which they are asked."""

    def __init__(self, paths: Sequence[Path], warn: Callable[[str], None]) -> None:
        """Read the files; one that is not there counts as empty. Raises ConfigError."""
        self._warn = warn
        self._warned: set[str] = set()
        self._ran: dict[str, bool] = {}
        self._local_user = getpass.getuser()
        self._files = [blocks for path in paths for blocks in [_read(path, 0, missing_ok=True)] if blocks]

    def lookup(self, host: str, *, user: str | None = None, port: int | None = None) -> HostSettings:
        """Return what the files say of a host; `user` and `port` are those given elsewhere, if any.

        Raises ValueError where a command would have to be run with an unsafe name.
        """
        settings = HostSettings(host, self._local_user)
        if user:
            settings.values["user"] = [user]
        if port:
            settings.values["port"] = [str(port)]
        for blocks in self._files:
            self._walk(blocks, settings, active=True)
        if settings.wants_final:
            settings.final = True
            for blocks in self._files:
                self._walk(blocks, settings, active=True)
        return settings

    def _walk(self, blocks: list[Block], settings: HostSettings, *, active: bool) -> None:
        for block in blocks:
            if not (active and self._matches(block, settings)):
                continue
            for item in block.items:
                if isinstance(item, list):
                    self._walk(item, settings, active=True)
                else:
                    self._apply(item, settings)

    def _apply(self, directive: Directive, settings: HostSettings) -> None:
        match meaning(directive.keyword, directive.args):
            case Keyword.UNKNOWN if not _ignored(directive.keyword, settings):
                self.warn_once(directive, f"unknown keyword {directive.keyword!r} is passed over")
            case Keyword.UNSUPPORTED:
                self.warn_once(directive, f"{directive.keyword} is not supported and passed over")
            case Keyword.USED:
                _store(directive, settings)

    def warn_once(self, directive: Directive, message: str) -> None:
        """Warn, at most once a keyword."""
        if directive.keyword not in self._warned:
            self._warned.add(directive.keyword)
            self._warn(f"{directive.file}:{directive.line}: {message}")

    def _matches(self, block: Block, settings: HostSettings) -> bool:
        if block.hosts is not None:
            found = (settings.first("hostname") or settings.host).lower()
            return block.hosts.matches(found if settings.final else settings.host)
        return all(self._holds(c, settings) != c.negated for c in block.criteria)

    def _holds(self, criterion: Criterion, settings: HostSettings) -> bool:
        match criterion.name:
            case "all":
                return True
            case "final":
                settings.wants_final = True
                return settings.final
            case "canonical":
                return False  # names are never canonicalized here
            case "exec":
                return self._exec(criterion.argument, settings)
        value = {
            "host": settings.first("hostname") or settings.host,
            "originalhost": settings.host,
            "user": settings.first("user") or settings.local_user,
            "localuser": settings.local_user,
            "tagged": settings.first("tag") or "",
            "sessiontype": "exec",
        }.get(criterion.name, "")
        return criterion.patterns is not None and criterion.patterns.matches(value)

    def _exec(self, command: str, settings: HostSettings) -> bool:
        tokens = settings.tokens()
        for value in (settings.host, tokens.host, tokens.user):
            if "%" in command and not shell_safe(value):
                raise ValueError(f"{value!r} can't be handed to the command of a `Match exec`")
        line = tokens.expand(command)
        if line not in self._ran:
            self._ran[line] = _succeeds(line)
        return self._ran[line]


def _succeeds(line: str) -> bool:
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", line], stdin=subprocess.DEVNULL, capture_output=True,
            timeout=EXEC_LIMIT, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _ignored(keyword: str, settings: HostSettings) -> bool:
    return PatternList.parse(settings.values.get("ignoreunknown", []), fold=True).matches(keyword)


def _store(directive: Directive, settings: HostSettings) -> None:
    keyword = directive.keyword
    if keyword in ALL_VALUES:
        known = settings.values.setdefault(keyword, [])
        known += [arg for arg in directive.args if arg not in known]
    elif keyword == "proxycommand":
        settings.values.setdefault(keyword, [directive.rest])
    elif keyword == "hostname":
        settings.values.setdefault(keyword, [settings.tokens().expand(directive.args[0])])
    else:
        settings.values.setdefault(keyword, list(directive.args))


def _read(path: Path, depth: int, *, missing_ok: bool) -> list[Block]:
    if depth > MAX_DEPTH:
        raise ConfigError("too many nested Include lines", file=str(path))
    try:
        text = path.read_text("utf-8", "surrogateescape")
    except FileNotFoundError:
        if missing_ok:
            return []
        raise ConfigError("there is no such file", file=str(path)) from None
    except OSError as error:
        raise ConfigError(f"can't be read: {error.strerror}", file=str(path)) from None
    blocks = [Block()]
    for directive in _directives(path, text):
        match directive.keyword:
            case "host":
                blocks.append(Block(hosts=PatternList.parse(directive.args)))
            case "match":
                blocks.append(Block(criteria=tuple(_criteria(directive))))
            case "include":
                for included in _included(directive):
                    blocks[-1].items.append(_read(included, depth + 1, missing_ok=True))
            case _:
                blocks[-1].items.append(directive)
    return blocks


def _directives(path: Path, text: str) -> Iterator[Directive]:
    for number, line in enumerate(map(str.strip, text.splitlines()), 1):
        if not line or line.startswith("#"):
            continue
        found = re.match(r'"?(\w+)"?(?:\s*=\s*|\s+)(.*)', line)
        if not found:
            raise ConfigError(f"{line.split()[0]!r} has no value", file=str(path), line=number)
        rest = found[2]
        try:
            args = tuple(split(rest))
        except ValueError as error:
            raise ConfigError(str(error), file=str(path), line=number) from None
        directive = Directive(path, number, found[1].lower(), args, rest)
        if not args:
            raise directive.error("has no value")
        yield directive


def _included(directive: Directive) -> Iterator[Path]:
    for pattern in directive.args:
        path = Path(pattern).expanduser()
        folder = directive.file.parent if _is_system(directive.file) else Path.home() / ".ssh"
        if not path.is_absolute():
            path = folder / path
        root = Path(path.anchor)
        yield from sorted(p for p in root.glob(str(path.relative_to(root))) if p.is_file())


def _is_system(path: Path) -> bool:
    return path.is_relative_to("/etc/ssh")


_PLAIN_CRITERIA = ("all", "canonical", "final")
_CRITERIA = ("host", "originalhost", "user", "localuser", "tagged", "exec", "sessiontype")


def _criteria(directive: Directive) -> Iterator[Criterion]:
    words = list(directive.args)
    while words:
        name, equals, argument = words.pop(0).partition("=")
        negated = name.startswith("!")
        name = name.lstrip("!").lower()
        if name in _PLAIN_CRITERIA:
            yield Criterion(name, negated)
            continue
        if name not in _CRITERIA:
            raise directive.error(f"Match {name!r} is not supported")
        if not equals:
            if not words:
                raise directive.error(f"Match {name} has no pattern")
            argument = words.pop(0)
        patterns = None if name == "exec" else PatternList.parse([argument], fold=name.endswith("host"))
        yield Criterion(name, negated, argument, patterns)
