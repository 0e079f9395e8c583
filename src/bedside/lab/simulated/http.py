"""Just enough of HTTP/1.1 for a JSON answerer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

Answer = Callable[[str, str, bytes], tuple[int, Any]]
"""Method, target and body in; status and JSON value out."""

_MOST_BYTES = 1 << 20


async def serve(answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection."""
    try:
        while request := await _request(reader):
            method, target, body, stays = request
            status, value = answer(method, target, body)
            data = json.dumps(value).encode() + b"\n"
            head = (
                f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
                "Server: CouchDB (simulated by bedside lab)\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
                f"Connection: {'keep-alive' if stays else 'close'}\r\n\r\n"
            )
            writer.write(head.encode() + (b"" if method == "HEAD" else data))
            await writer.drain()
            if not stays:
                break
    except (OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
        pass  # not HTTP, or gone
    finally:
        writer.close()


async def _request(reader: asyncio.StreamReader) -> tuple[str, str, bytes, bool] | None:
    if not (line := await reader.readline()):
        return None
    method, target, version = line.decode("latin-1").split()
    headers: dict[str, str] = {}
    while (line := await reader.readline()).strip():
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
        if len(headers) > 100:
            raise ValueError("too many headers")
    length = int(headers.get("content-length", "0"))
    if not 0 <= length <= _MOST_BYTES:
        raise ValueError("body too large")
    body = await reader.readexactly(length)
    return method, target, body, version == "HTTP/1.1" and headers.get("connection", "").lower() != "close"
