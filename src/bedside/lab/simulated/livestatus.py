"""A small Livestatus answerer, which does what Icinga 2's does (tests/contract/lab asks both).

What it can't understand at all it answers, as Icinga does, by closing the connection.
"""

from __future__ import annotations

import asyncio
import json
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bedside.lab.simulated import lql
from bedside.lab.simulated.lql import Row

Tables = Callable[[], Mapping[str, Sequence[Row]]]
"""Returns every table with its rows as they are now; a table's columns are the keys of its first row."""

_MOST_BYTES = 65536
_FUNCTIONS: Mapping[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "avg": statistics.fmean,
    "min": min,
    "max": max,
    "std": statistics.pstdev,
}


def answer(text: str, tables: Mapping[str, Sequence[Row]]) -> tuple[bytes, bool]:
    """Answer one request; the second value says whether the connection stays. Raises lql.NonsenseError."""
    columns = {name: tuple(rows[0]) if rows else () for name, rows in tables.items()}
    request, error = lql.parse(text, columns)
    code, body = 200, ""
    try:
        if error:
            raise error
        body = _rendered(request, _rows(request, tables[request.table]), columns[request.table])
    except lql.LivestatusError as wrong:
        code, body = wrong.code, wrong.message + "\n" if request.fixed16 else ""
    data = body.encode()
    header = f"{code:03} {len(data):>11}\n".encode() if request.fixed16 else b""
    return header + data, request.keep_alive


def _rows(request: lql.Request, rows: Sequence[Row]) -> list[list[Any]]:
    chosen = [row for row in rows if all(test(row) for test in request.filters)]
    if request.stats:
        return _grouped(request, chosen)
    names = request.columns or list(rows[0] if rows else ())
    return [[row[name] for name in names] for row in chosen[: request.limit]]


def _grouped(request: lql.Request, rows: Sequence[Row]) -> list[list[Any]]:
    groups: dict[tuple[str, ...], tuple[list[Any], list[Row]]] = {}
    if not request.columns:
        groups[()] = ([], list(rows))
    else:
        for row in rows:
            values = [row[name] for name in request.columns]
            groups.setdefault(tuple(map(str, values)), (values, []))[1].append(row)
    return [
        [*values, *(_stat(stat, members) for stat in request.stats)] for values, members in groups.values()
    ]


def _stat(stat: lql.Test | lql.Aggregate, rows: Sequence[Row]) -> float:
    if not isinstance(stat, lql.Aggregate):
        return sum(1 for row in rows if stat(row))
    values = [float(row[stat.column]) for row in rows]
    if stat.function not in _FUNCTIONS:
        raise lql.LivestatusError(452, f"'{stat.function}' is not simulated")
    return _FUNCTIONS[stat.function](values) if values else 0.0


def _rendered(request: lql.Request, rows: list[list[Any]], known: Sequence[str]) -> str:
    shown = request.headers if request.headers is not None else not request.columns and not request.stats
    if shown:
        stats = [f"stats_{n + 1}" for n in range(len(request.stats))]
        names = request.columns or ([] if stats else list(known))
        rows = [[*names, *stats], *rows]
    if request.output == "json":
        return json.dumps(rows, separators=(",", ":")) + "\n"
    if request.output == "python":
        return repr(rows) + "\n"
    line, column, item, _ = (*request.separators, *"\n;,|"[len(request.separators) :])
    return "".join(column.join(_plain(value, item) for value in row) + line for row in rows)


def _plain(value: Any, item: str) -> str:
    if isinstance(value, list | tuple):
        return item.join(map(str, value))
    return str(int(value)) if isinstance(value, bool) else str(value)


async def serve(tables: Tables, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the requests of one connection until the client, or a request without KeepAlive, ends it."""
    try:
        while text := await _request(reader):
            data, stays = answer(text, tables())
            writer.write(data)
            await writer.drain()
            if not stays:
                break
    except (lql.NonsenseError, OSError, ValueError):
        pass  # Icinga closes the connection without a word
    finally:
        writer.close()


async def _request(reader: asyncio.StreamReader) -> str:
    """Return the lines up to an empty one; nothing where the client ended before that."""
    lines: list[str] = []
    size = 0
    while line := await reader.readline():
        size += len(line)
        if size > _MOST_BYTES:
            return ""
        if not line.strip():
            return "".join(lines)
        lines.append(line.decode("utf-8", "replace"))
    return ""
