"""The sections [site.NAME] of the configuration: which sources there are."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import msgspec

from bedside.clock import Clock
from bedside.config import Config, readable_by_others
from bedside.errors import UsageError
from bedside.inventory.secret import Secret
from bedside.inventory.source import Source
from bedside.inventory.sources.couchdb import CouchConfig, CouchDB
from bedside.inventory.sources.file import File, FileConfig
from bedside.inventory.sources.livestatus import Livestatus, LivestatusConfig

EVERY = "all"
T = TypeVar("T", LivestatusConfig, CouchConfig, FileConfig)


class SiteSection(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One [site.NAME]. The sources are converted one by one, each to the class of its type."""

    sources: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What sources are made with besides their configuration."""

    config: Config
    clock: Clock
    environ: Mapping[str, str]
    warn: Callable[[str], None]


def chosen(config: Config, names: Sequence[str]) -> list[str]:
    """Return the sites that are asked: those named, else (or with the name `all`) every one.

    Raises UsageError for a site that is not configured, ConfigError.
    """
    section = config.data.get("site", {})
    if not isinstance(section, dict):
        raise config.error_at("sites are written as [site.NAME]", "site")
    known = list(section)
    for name in names:
        if name not in known and name != EVERY:
            close = difflib.get_close_matches(name, known, 1)
            advice = (
                f"did you mean {close[0]!r}?" if close else f"configured are: {', '.join(known) or 'none'}"
            )
            raise UsageError(f"there is no site {name!r}", advice=advice)
    return [n for n in known if n in names] if names and EVERY not in names else known


def build(names: Sequence[str], around: Surroundings) -> list[Source]:
    """Return the sources of the sites. Raises ConfigError at the bad line."""
    found: list[Source] = []
    for name in names:
        section = around.config.section(f"site.{name}", SiteSection)
        for number, raw in enumerate(section.sources):
            found.append(_build(raw, name, f"site.{name}.sources[{number}]", around))
    return found


def _build(raw: dict[str, Any], site: str, where: str, around: Surroundings) -> Source:
    kind = raw.get("type")
    make = _KINDS.get(kind) if isinstance(kind, str) else None
    if make is None:
        known = ", ".join(_KINDS)
        if kind is None:
            raise around.config.error_at("the source has no type", where, f"known: {known}")
        close = difflib.get_close_matches(str(kind), list(_KINDS), 1)
        advice = f"did you mean {close[0]!r}? known: {known}" if close else f"known: {known}"
        raise around.config.error_at(f"unknown type of source {kind!r}", f"{where}.type", advice)
    return make(raw, site, where, around)


def _livestatus(raw: dict[str, Any], site: str, where: str, around: Surroundings) -> Source:
    read = around.config.convert(raw, LivestatusConfig, where)
    parts = urlsplit(read.url)
    try:
        complete = bool(parts.hostname and parts.port) if parts.scheme == "tcp" else bool(parts.path)
    except ValueError:
        complete = False
    if parts.scheme not in ("tcp", "unix") or not complete:
        raise around.config.error_at(
            f"{read.url!r} is no Livestatus address", f"{where}.url",
            "write tcp://HOST:PORT or unix:///PATH (tls:// and ssh:// are not supported yet)",
        )  # fmt: skip
    return Livestatus(site, read.url, read.timeout)


def _couchdb(raw: dict[str, Any], site: str, where: str, around: Surroundings) -> Source:
    config = around.config
    read = config.convert(raw, CouchConfig, where)
    parts = urlsplit(read.url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not parts.path.strip("/"):
        raise config.error_at(
            f"{one_secretless(read.url)!r} names no database", f"{where}.url", "write https://HOST/DATABASE"
        )
    if parts.password is not None or parts.username is not None:
        raise config.error_at(
            "a login does not belong into the URL", f"{where}.url",
            "use username, and password_file, password_env or password_command",
        )  # fmt: skip
    named = [k for k in ("password_file", "password_env", "password_command") if raw.get(k) is not None]
    if len(named) > 1:
        raise config.error_at(f"{' and '.join(named)}: one of them is enough", f"{where}.{named[1]}")
    if read.username is not None and not named:
        raise config.error_at(
            "a username without a password", f"{where}.username", "add password_file, _env or _command"
        )
    file = config.resolve(read.password_file) if read.password_file else None
    if file and file.is_file() and readable_by_others(file):
        around.warn(f"{file} holds a password and can be read by others; chmod 600 {file}")
    return CouchDB(
        site, read.url, around.clock, read.timeout, read.username,
        Secret(file, read.password_env, read.password_command), around.environ,
    )  # fmt: skip


def _file(raw: dict[str, Any], site: str, where: str, around: Surroundings) -> Source:
    read = around.config.convert(raw, FileConfig, where)
    path: Path = around.config.resolve(read.path)
    if not path.is_file():
        raise around.config.error_at(f"there is no file {path}", f"{where}.path")
    return File.load(site, path)


def one_secretless(url: str) -> str:
    """Return the URL without what stands before an @."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if rest else url


_KINDS: Mapping[str, Callable[[dict[str, Any], str, str, Surroundings], Source]] = {
    "livestatus": _livestatus,
    "couchdb": _couchdb,
    "file": _file,
}
