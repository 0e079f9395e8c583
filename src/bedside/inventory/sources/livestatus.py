"""Hosts and services from a Livestatus socket (Checkmk, Icinga 2, Naemon), by TCP or a local socket.

Two tables are asked on one connection. Each answer starts with a line of 16 bytes, status and length
(`ResponseHeader: fixed16`), which is the only way to tell a complete answer from one that was cut off.
"""

from __future__ import annotations

import asyncio
import os
import re
import socket
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import msgspec

from bedside.config import Seconds
from bedside.errors import SourceError
from bedside.inventory.source import LARGEST_ANSWER, Answer, within
from bedside.inventory.sources.lql import Request, requests
from bedside.model import Host, HostState, Service, ServiceState
from bedside.query import Node
from bedside.text import one_line

_HEADER = re.compile(rb"(\d{3}) ( *\d+)\n")
_HOST_STATES: tuple[HostState, ...] = ("up", "down", "unreachable")
_SERVICE_STATES: tuple[ServiceState, ...] = ("ok", "warning", "critical", "unknown")
_CLOSE_SECONDS = 1.0

_TYPES: dict[str, Any] = {
    "address": str | None,
    "state": int,
    "has_been_checked": bool | int,
    "groups": list[str],
    "custom_variable_names": list[str],
    "custom_variable_values": list[Any],
}
"""Types of columns that are not text. Icinga 2 answers booleans with true and false, others with 0 and 1."""


class LivestatusConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`{ type = "livestatus", url = "tcp://HOST:6557" }`, or `unix:///PATH`."""

    type: str
    url: str
    timeout: Seconds = Seconds(10)


@dataclass(frozen=True, slots=True)
class Livestatus:
    """One Livestatus socket. `push_down` off asks for all services, and decides the same."""

    site: str
    url: str
    timeout: float = 10.0
    push_down: bool = True
    name: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", self.url)

    def requests(self, query: Node) -> Sequence[str]:
        """Return the queries that `ask` would send."""
        return [r.text.rstrip("\n") for r in requests(query, push_down=self.push_down)]

    async def ask(self, query: Node) -> Answer:
        """Ask for all hosts, and for the services that matter. Raises SourceError."""
        hosts: dict[str, Host] = {}
        async with within(self.timeout, self.url):
            reader, writer = await self._connect()
            try:
                for request in requests(query, push_down=self.push_down):
                    rows = await self._table(reader, writer, request)
                    (_read_hosts if request.table == "hosts" else _read_services)(rows, hosts)
            except OSError as error:
                raise self._error(f"the connection broke: {_reason(error)}") from None
            finally:
                writer.close()
                with suppress(OSError, TimeoutError):
                    async with asyncio.timeout(_CLOSE_SECONDS):
                        await writer.wait_closed()
        known = (replace(h, sites=(self.site,), sources=(self.url,), age_s=0.0) for h in hosts.values())
        return Answer(self.url, self.site, tuple(known))

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        place = urlsplit(self.url)
        try:
            if place.scheme == "unix":
                return await asyncio.open_unix_connection(place.path)
            return await asyncio.open_connection(place.hostname, place.port)
        except OSError as error:
            raise self._error(
                f"no connection: {_reason(error)}", "is the server up, and is Livestatus switched on there?"
            ) from None

    async def _table(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request
    ) -> list[dict[str, Any]]:
        writer.write(request.text.encode())
        await writer.drain()
        header = await self._exactly(reader, 16, request.table)
        if not (found := _HEADER.fullmatch(header)):
            raise self._error(
                f"answered something that is not Livestatus: {one_line(header.decode('latin-1'))!r}",
                _guess(header),
            )
        status, length = int(found[1]), int(found[2])
        if length > LARGEST_ANSWER:
            raise self._error(
                f"announced an answer of {length} bytes; more than {LARGEST_ANSWER} is not believed"
            )
        body = await self._exactly(reader, length, request.table)
        if status != 200:
            said = one_line(body.decode("utf-8", "replace").strip().split("\n")[0])
            raise self._error(f"refused to answer about {request.table}: {status} {said}", _advice(status))
        return self._decode(body, request)

    async def _exactly(self, reader: asyncio.StreamReader, length: int, table: str) -> bytes:
        try:
            return await reader.readexactly(length)
        except asyncio.IncompleteReadError as error:
            if length == 16 and not error.partial:
                raise self._error(
                    "closed the connection without an answer",
                    "Livestatus does so where it does not let your address in, or does not understand us",
                ) from None
            raise self._error(
                f"broke off in the middle of {table}: {len(error.partial)} of {length} bytes came"
            ) from None

    def _decode(self, body: bytes, request: Request) -> list[dict[str, Any]]:
        row: Any = tuple.__class_getitem__(tuple(_TYPES.get(c, str) for c in request.columns))
        try:
            rows: list[tuple[Any, ...]] = msgspec.json.decode(body, type=list[row])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self._error(
                f"the answer about {request.table} is not what was asked for: {one_line(str(error))}",
                "is it really Livestatus, and are its texts UTF-8?",
            ) from None
        return [dict(zip(request.columns, r, strict=True)) for r in rows]

    def _error(self, message: str, advice: str = "") -> SourceError:
        return SourceError(message, source=self.url, advice=advice)


def _read_hosts(rows: list[dict[str, Any]], hosts: dict[str, Host]) -> None:
    for row in rows:
        labels = zip(
            row.get("custom_variable_names", ()), row.get("custom_variable_values", ()), strict=False
        )
        hosts[row["name"]] = Host(
            row["name"],
            address=row["address"] or None,
            state=_state(row, _HOST_STATES),
            groups=tuple(row["groups"]),
            labels={key: str(value) for key, value in labels},
        )


def _read_services(rows: list[dict[str, Any]], hosts: dict[str, Host]) -> None:
    found: dict[str, list[Service]] = {}
    for row in rows:
        state: ServiceState | None = _state(row, _SERVICE_STATES) if "state" in row else None
        service = Service(row["description"], state, row.get("plugin_output", ""))
        found.setdefault(row["host_name"], []).append(service)
    for name, services in found.items():  # a host may have been added since the hosts were asked for
        services.sort(key=lambda s: s.name)
        hosts[name] = replace(hosts.get(name, Host(name)), services=tuple(services))


def _state(row: dict[str, Any], states: Sequence[Any]) -> Any:
    if not row["has_been_checked"]:
        return "pending"
    return states[row["state"]] if 0 <= row["state"] < len(states) else None


def _reason(error: OSError) -> str:
    """Return the system's plain words, where asyncio has put its own around them."""
    if isinstance(error, socket.gaierror):
        return f"the name can't be resolved ({error.strerror})"
    return os.strerror(error.errno).lower() if error.errno else str(error)


def _advice(status: int) -> str:
    return {
        401: "your address or user may not ask",
        403: "your address or user may not ask",
        404: "the server does not know this table: is it a Livestatus of Icinga 2, Checkmk or Naemon?",
        452: "the server does not know what we asked: which program, which version is it?",
    }.get(status, "")


def _guess(header: bytes) -> str:
    guesses = {
        b"HTTP/": "that is a web server",
        b"SSH-": "that is an SSH server",
        b"\x15\x03": "it wants TLS, which is not supported yet",
        b"[[": "it does not know ResponseHeader: fixed16",
    }
    hint = next((words for start, words in guesses.items() if header.startswith(start)), "")
    return "; ".join(w for w in (hint, "check host and port of the source") if w)
