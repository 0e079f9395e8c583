"""One entry of the ledger, and the chain of hashes that ties it to the one before."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FIRST = "0" * 64
"""The hash before the first entry."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """One entry. `kind` and `payload` belong to who emits them; `version` is the payload's format.

    `time` is RFC 3339 in UTC; `hash` is SHA-256 over all the rest and the hash of the entry before.
    """

    sequence: int
    time: str
    run: str
    host: str | None
    kind: str
    version: int
    payload: Mapping[str, Any]
    hash: str


def canonical(payload: Mapping[str, Any]) -> str:
    """Write a payload as the one JSON text that is stored and hashed."""
    return json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def chained(
    before: str,
    *,
    sequence: int,
    time: str,
    run: str,
    host: str | None,
    kind: str,
    version: int,
    payload: str,
) -> str:
    """Return the hash of an entry whose predecessor's hash is `before`; `payload` is canonical JSON."""
    fields = [before, sequence, time, run, host, kind, version, payload]
    return hashlib.sha256(json.dumps(fields, ensure_ascii=True).encode()).hexdigest()
