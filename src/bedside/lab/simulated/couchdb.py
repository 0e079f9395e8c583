"""A small read-only CouchDB answerer: one database of documents.

`GET /`, `GET /db`, `GET|POST /db/_all_docs`, `POST /db/_find`, `GET /db/DOC`, with CouchDB's error bodies.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from bedside.lab.simulated import mango

Document = Mapping[str, Any]
VERSION = "3.3.3-simulated"
_PAGE = 25


class CouchError(Exception):
    """An error as CouchDB answers it."""

    def __init__(self, status: int, error: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.error, self.reason = status, error, reason


class Couch:
    """Answers requests about one database. `documents` returns them as they are now, without `_rev`."""

    def __init__(self, database: str, documents: Callable[[], Sequence[Document]]) -> None:
        self._database, self._documents = database, documents

    def answer(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        """Return the status and the JSON body for a request."""
        try:
            return 200, self._route(method, target, body)
        except CouchError as error:
            return error.status, {"error": error.error, "reason": error.reason}

    def _route(self, method: str, target: str, body: bytes) -> Any:
        url = urlsplit(target)
        parts = [unquote(p) for p in url.path.strip("/").split("/") if p]
        if not parts:
            _allow(method, "GET")
            return {"couchdb": "Welcome", "version": VERSION, "vendor": {"name": "bedside lab (simulated)"}}
        if parts == ["_all_dbs"]:
            return [self._database]
        if parts[0] != self._database:
            raise CouchError(404, "not_found", "Database does not exist.")
        match parts[1:]:
            case []:
                _allow(method, "GET")
                return {"db_name": self._database, "doc_count": len(self._documents()), "doc_del_count": 0}
            case ["_all_docs"]:
                _allow(method, "GET", "POST")
                return self._all_docs(_options(url.query) | (_json(body) if method == "POST" else {}))
            case ["_find"]:
                _allow(method, "POST")
                return self._find(_json(body))
            case [name]:
                _allow(method, "GET")
                return self._document(name)
            case _:
                raise CouchError(404, "not_found", "missing")

    def _sorted(self) -> list[Document]:
        return [
            {**doc, "_rev": _revision(doc)} for doc in sorted(self._documents(), key=lambda d: str(d["_id"]))
        ]

    def _document(self, name: str) -> Document:
        for doc in self._sorted():
            if doc["_id"] == name:
                return doc
        raise CouchError(404, "not_found", "missing")

    def _all_docs(self, options: Mapping[str, Any]) -> Any:
        docs = self._sorted()
        if options.get("descending"):
            docs.reverse()
        full = bool(options.get("include_docs"))
        if "keys" in options or "key" in options:
            by_id = {doc["_id"]: doc for doc in docs}
            wanted = options.get("keys", [options.get("key")])
            rows = [_row(by_id[k], full) if k in by_id else {"key": k, "error": "not_found"} for k in wanted]
            return {"total_rows": len(docs), "offset": 0, "rows": rows}
        chosen = [doc for doc in docs if _in_range(doc["_id"], options)]
        skip = _count(options, "skip", 0)
        page = chosen[skip : skip + _count(options, "limit", len(chosen))]
        offset = docs.index(chosen[0]) + skip if chosen else len(docs)
        return {"total_rows": len(docs), "offset": offset, "rows": [_row(doc, full) for doc in page]}

    def _find(self, query: Mapping[str, Any]) -> Any:
        if "selector" not in query:
            raise CouchError(400, "missing_required_key", "Missing required key: selector")
        try:
            test = mango.compile_selector(query["selector"])
        except mango.SelectorError as error:
            raise CouchError(400, "invalid_operator", str(error)) from None
        skip = _count(query, "skip", 0) + _offset(query.get("bookmark"))
        limit = _count(query, "limit", _PAGE)
        found = [doc for doc in self._sorted() if test(doc)]
        page = found[skip : skip + limit]
        fields = query.get("fields")
        docs = [{name: doc[name] for name in fields if name in doc} for doc in page] if fields else page
        bookmark = base64.urlsafe_b64encode(str(skip + len(page)).encode()).decode() if page else "nil"
        return {"docs": docs, "bookmark": bookmark}


def _allow(method: str, *allowed: str) -> None:
    if method not in allowed and not (method == "HEAD" and "GET" in allowed):
        raise CouchError(405, "method_not_allowed", f"Only {','.join(allowed)} allowed by this simulation")


def _options(query: str) -> dict[str, Any]:
    try:
        return {name: json.loads(value) for name, value in parse_qsl(query)}
    except ValueError:
        raise CouchError(400, "bad_request", "invalid UTF-8 JSON") from None


def _json(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        raise CouchError(400, "bad_request", "invalid UTF-8 JSON") from None
    if not isinstance(value, dict):
        raise CouchError(400, "bad_request", "Request body must be a JSON object")
    return value


def _count(options: Mapping[str, Any], name: str, default: int) -> int:
    value = options.get(name, default)
    if not isinstance(value, int) or value < 0:
        raise CouchError(400, "bad_request", f"Invalid value for {name}: {value!r}")
    return value


def _revision(doc: Document) -> str:
    digest = hashlib.md5(json.dumps(doc, sort_keys=True).encode(), usedforsecurity=False)
    return f"1-{digest.hexdigest()}"


def _row(doc: Document, full: bool) -> Any:
    row = {"id": doc["_id"], "key": doc["_id"], "value": {"rev": doc["_rev"]}}
    return {**row, "doc": doc} if full else row


def _in_range(name: str, options: Mapping[str, Any]) -> bool:
    low, high = (
        options.get("startkey", options.get("start_key")),
        options.get("endkey", options.get("end_key")),
    )
    if options.get("descending"):
        low, high = high, low
    if high is not None and options.get("inclusive_end") is False and name == high:
        return False
    return (low is None or name >= low) and (high is None or name <= high)


def _offset(bookmark: object) -> int:
    if bookmark in (None, "nil"):
        return 0
    try:
        return int(base64.urlsafe_b64decode(str(bookmark)))
    except ValueError:
        raise CouchError(400, "invalid_bookmark", f"Invalid bookmark value: {bookmark}") from None
