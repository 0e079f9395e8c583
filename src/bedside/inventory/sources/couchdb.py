"""Facts from a CouchDB database: a document a host, `{_id: name, facts: {...}, collected: RFC 3339}`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import msgspec

from bedside.clock import Clock
from bedside.config import Seconds
from bedside.errors import SourceError
from bedside.inventory.secret import Secret
from bedside.inventory.source import LARGEST_ANSWER, Answer, within
from bedside.model import Host
from bedside.query import Node
from bedside.query.facter import get, structured
from bedside.text import one_line

if TYPE_CHECKING:
    import httpx

PAGE = 500
"""Documents asked for at once."""

_KEY_TYPES = ("ed25519", "ecdsa", "rsa", "dsa")


class CouchConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`{ type = "couchdb", url = "https://HOST/DATABASE", username = ..., password_file = ... }`."""

    type: str
    url: str
    timeout: Seconds = Seconds(10)
    username: str | None = None
    password_file: str | None = None
    password_env: str | None = None
    password_command: str | None = None


class _Row(msgspec.Struct):
    id: str
    doc: dict[str, Any] | None = None


class _Page(msgspec.Struct):
    rows: list[_Row]


@dataclass(frozen=True, slots=True)
class CouchDB:
    """One database of fact documents."""

    site: str
    url: str
    clock: Clock
    timeout: float = 10.0
    username: str | None = None
    secret: Secret = field(default_factory=Secret)
    environ: Mapping[str, str] = field(default_factory=dict)
    page: int = PAGE

    @property
    def name(self) -> str:
        """The URL without a user and password that may stand in it."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))

    def requests(self, query: Node) -> Sequence[str]:
        """Return the first request; the further pages start after the last document of the one before."""
        return [f"GET {self._address(None)}"]

    async def ask(self, query: Node) -> Answer:
        """Read all documents, page by page. Raises SourceError."""
        doubts: list[str] = []
        async with within(self.timeout, self.name), self._client() as client:
            hosts = [
                self._host(row, doubts)
                async for row in self._all(client)
                if not row.id.startswith("_design/")
            ]
        return Answer(self.name, self.site, tuple(hosts), tuple(doubts))

    @asynccontextmanager
    async def _client(self) -> AsyncIterator[httpx.AsyncClient]:
        import httpx

        auth = None
        if self.username is not None:
            auth = httpx.BasicAuth(self.username, await self.secret.read(self.name, self.environ))
        # Certificates take long to load: not where no TLS is spoken (redirects are not followed).
        secure = self.url.startswith("https:")
        try:
            async with httpx.AsyncClient(
                auth=auth, verify=secure, timeout=self.timeout, trust_env=False
            ) as client:
                yield client
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise self._error(_reason(error), "is the server up, and the URL right?") from None

    async def _all(self, client: httpx.AsyncClient) -> AsyncIterator[_Row]:
        """Yield the rows of all pages; a page that is not full is the last."""
        room, last = LARGEST_ANSWER, None
        while True:
            body = await self._get(client, self._address(last), room)
            room -= len(body)
            rows = self._rows(body)
            for row in rows:
                yield row
            if len(rows) < self.page:
                return
            if rows[-1].id == last:
                raise self._error("the same page comes again and again", "is it really CouchDB?")
            last = rows[-1].id

    async def _get(self, client: httpx.AsyncClient, address: str, room: int) -> bytes:
        body = bytearray()
        async with client.stream("GET", address, headers={"Accept": "application/json"}) as answer:
            async for part in answer.aiter_bytes():
                body += part
                if len(body) > room:
                    raise self._error(f"the answer is larger than {LARGEST_ANSWER} bytes")
        if answer.status_code != 200:
            raise self._refused(answer, bytes(body))
        return bytes(body)

    def _rows(self, body: bytes) -> list[_Row]:
        try:
            return msgspec.json.decode(body, type=_Page).rows
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise self._error(
                f"the answer is not CouchDB's: {one_line(str(error))}",
                "does the URL name a database, http://HOST:5984/DATABASE?",
            ) from None

    def _address(self, last: str | None) -> str:
        from urllib.parse import urlencode

        asked = {"include_docs": "true", "limit": str(self.page)}
        if last is not None:
            asked |= {"startkey": json.dumps(last), "skip": "1"}
        return f"{self.name.rstrip('/')}/_all_docs?{urlencode(asked)}"

    def _host(self, row: _Row, doubts: list[str]) -> Host:
        doc = row.doc or {}
        name, facts = one_line(row.id), doc.get("facts")
        if not isinstance(facts, dict):
            doubts.append(f"document {name} holds no facts")
            facts = {}
        age = self._age(doc.get("collected"))
        if age is None and doc.get("collected") is not None:
            doubts.append(f"document {name}: `collected` is no time")
        facts = structured(facts)
        address = get(facts, ("networking", "ip"))
        return Host(
            row.id,
            address=address if isinstance(address, str) else None,
            sites=(self.site,),
            facts=facts,
            host_key=_host_key(facts),
            machine_id=_machine_id(facts),
            sources=(self.name,),
            age_s=age,
        )

    def _age(self, collected: object) -> float | None:
        if not isinstance(collected, str):
            return None
        try:
            at = datetime.fromisoformat(collected)
        except ValueError:
            return None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return max(0.0, (self.clock.now() - at).total_seconds())

    def _refused(self, answer: httpx.Response, body: bytes) -> SourceError:
        status = answer.status_code
        said = f"{status} {one_line(_said(body) or answer.reason_phrase)}"
        match status:
            case 401 | 403:
                advice = "check `username`, and `password_file`, `password_env` or `password_command`"
                return self._error(f"the login was refused: {said}", advice)
            case 404:
                return self._error(f"there is no such database: {said}", "check the URL of the source")
            case _ if 300 <= status < 400:
                target = one_line(answer.headers.get("location", "nowhere"))
                return self._error(f"redirects to {target}", "name the right URL in the configuration")
            case _:
                return self._error(f"answered {said}")

    def _error(self, message: str, advice: str = "") -> SourceError:
        return SourceError(message, source=self.name, advice=advice)


def _said(body: bytes) -> str:
    """Return CouchDB's own words for an error."""
    try:
        told = msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return str(told.get("reason") or told.get("error") or "")


def _reason(error: Exception) -> str:
    """Say in plain words what httpx met."""
    import httpx

    match error:
        case httpx.ConnectError():
            return f"no connection: {str(error) or 'refused'}"
        case httpx.TimeoutException():
            return "no answer in time"
        case httpx.RemoteProtocolError() | httpx.DecodingError():
            return f"the answer is not HTTP, or was cut off: {one_line(str(error))}"
        case _:
            return one_line(str(error)) or type(error).__name__


def _host_key(facts: Mapping[str, Any]) -> str | None:
    for kind in _KEY_TYPES:
        key = get(facts, ("ssh", kind, "key"))
        if isinstance(key, str) and key:
            return f"{kind} {key.split()[-1]}"
    return None


def _machine_id(facts: Mapping[str, Any]) -> str | None:
    found = facts.get("machine_id") or get(facts, ("dmi", "product", "uuid"))
    return found.lower() if isinstance(found, str) and found else None
