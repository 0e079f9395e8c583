"""Hosts from a TOML file: `[[host]]` with name, address, user, port, tags and facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from bedside import config
from bedside.inventory.source import Answer
from bedside.model import Host
from bedside.query import Node
from bedside.query.facter import structured


class FileConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`{ type = "file", path = "hosts.toml" }`."""

    type: str
    path: str


class HostEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One [[host]]."""

    name: str
    address: str | None = None
    user: str | None = None
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] | None = None
    tags: list[str] = []
    facts: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class File:
    """A file that was read when the configuration was: a mistake in it is one of configuration."""

    site: str
    path: Path
    hosts: tuple[Host, ...]

    @classmethod
    def load(cls, site: str, path: Path) -> File:
        """Read the file. Raises ConfigError with the line."""
        loaded = config.load(path)
        loaded.refuse_unknown(["host"])
        raw = loaded.data.get("host", [])
        if not isinstance(raw, list):
            raise loaded.error_at("hosts are written as [[host]]", "host")
        entries = [loaded.convert(entry, HostEntry, f"host[{n}]") for n, entry in enumerate(raw)]
        return cls(site, path, tuple(_host(e, site, str(path)) for e in entries))

    @property
    def name(self) -> str:
        """The file's path."""
        return str(self.path)

    def requests(self, query: Node) -> Sequence[str]:
        """Return what is read."""
        return [f"read {self.path}"]

    async def ask(self, query: Node) -> Answer:
        """Return the hosts of the file."""
        return Answer(self.name, self.site, self.hosts)


def _host(entry: HostEntry, site: str, source: str) -> Host:
    return Host(
        entry.name,
        address=entry.address,
        user=entry.user,
        port=entry.port,
        sites=(site,),
        tags=tuple(entry.tags),
        facts=structured(entry.facts),
        sources=(source,),
    )
