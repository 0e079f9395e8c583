from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from tests.support.serve import serving

from bedside.clock import SystemClock
from bedside.errors import SourceError
from bedside.inventory.secret import Secret
from bedside.inventory.sources.couchdb import CouchDB
from bedside.lab import couch
from bedside.lab.level import Folders
from bedside.query import All, matches, parse


def hour_ago() -> str:
    return (datetime.now(UTC) - timedelta(hours=1)).isoformat()


def document(number: int) -> dict[str, object]:
    facts = {
        "os": {"family": "Debian", "release": {"full": f"{number}.1"}},
        "networking": {"ip": f"10.0.0.{number}"},
    }
    return {"_id": f"web{number:02}", "facts": facts, "collected": hour_ago()}


@contextlib.asynccontextmanager
async def database(folder: Path, documents: list[dict[str, object]]) -> AsyncIterator[str]:
    """Start a CouchDB API that holds the documents; yields the database's URL."""
    installed = await couch.install(Folders.of(os.environ).cache, lambda line: None)
    server = await couch.start(installed, folder / "run")
    try:
        await couch.fill(server.url, "facts", documents)
        yield f"{server.url}/facts"
    finally:
        await server.stop()


def source(url: str, **more: object) -> CouchDB:
    return replace(CouchDB("bo", url, SystemClock(), timeout=10), **more)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.timeout(700)
async def test_documents_become_hosts_on_any_number_of_pages(tmp_path: Path) -> None:
    async with database(tmp_path, [document(n) for n in range(10)]) as url:
        for page in (1, 3, 5, 10, 500):
            answer = await source(url, page=page).ask(All())
            assert [h.name for h in answer.hosts] == [f"web{n:02}" for n in range(10)], page
            assert answer.complete
    host = answer.hosts[7]
    assert (host.address, host.sites, host.sources) == ("10.0.0.7", ("bo",), (url,))
    assert host.age_s == pytest.approx(3600, abs=120)
    assert matches(parse("facts.os.family = Debian and facts.os.release.major = 7"), host)


@pytest.mark.slow
@pytest.mark.timeout(700)
async def test_old_flat_facts_are_understood_and_malformed_documents_are_told(tmp_path: Path) -> None:
    documents: list[dict[str, object]] = [
        {
            "_id": "sarge",
            "facts": {"operatingsystem": "Debian", "lsbdistcodename": "sarge", "ipaddress": "10.0.0.1"},
        },
        {"_id": "no facts"},
        {"_id": "odd", "facts": ["x"], "collected": hour_ago()},
        {"_id": "young", "facts": {}, "collected": "yesterday"},
        {"_id": "_design/views", "views": {}},
    ]
    async with database(tmp_path, documents) as url:
        answer = await source(url).ask(All())
    assert [h.name for h in answer.hosts] == ["no facts", "odd", "sarge", "young"]
    assert matches(parse("facts.os.name = Debian and facts.os.distro.codename = sarge"), answer.hosts[2])
    assert answer.hosts[2].address == "10.0.0.1"
    assert sorted(answer.doubts) == [
        "document no facts holds no facts", "document odd holds no facts",
        "document young: `collected` is no time",
    ]  # fmt: skip
    assert not answer.complete


@pytest.mark.slow
@pytest.mark.timeout(700)
async def test_a_login_is_sent_and_a_refused_one_is_told(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("s3cret\nsecond line\n")
    async with database(tmp_path, [document(1)]) as url:
        root = url.removesuffix("/facts")
        async with httpx.AsyncClient(trust_env=False) as http:
            (await http.put(f"{root}/_config/admins/reader", content='"s3cret"')).raise_for_status()
            login = httpx.BasicAuth("reader", "s3cret")
            everyone = {
                "admins": {"names": ["reader"], "roles": []},
                "members": {"names": ["reader"], "roles": []},
            }
            (await http.put(f"{url}/_security", json=everyone, auth=login)).raise_for_status()
        for secret in (Secret(file=password), Secret(command="echo s3cret"), Secret(env="PW")):
            answer = await source(url, username="reader", secret=secret, environ={"PW": "s3cret"}).ask(All())
            assert len(answer.hosts) == 1
        with pytest.raises(SourceError, match="the login was refused") as caught:
            await source(url, username="reader", secret=Secret(env="PW"), environ={"PW": "wr0ng"}).ask(All())
        assert "wr0ng" not in str(caught.value)
        with pytest.raises(SourceError, match="the login was refused"):
            await source(url).ask(All())


@pytest.mark.slow
@pytest.mark.timeout(700)
async def test_a_database_that_is_not_there_is_told(tmp_path: Path) -> None:
    async with database(tmp_path, []) as url:
        assert (await source(url).ask(All())).complete
        with pytest.raises(SourceError, match="there is no such database: 404"):
            await source(url + "x").ask(All())


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        (Secret(env="PW"), r"\$PW is not set"),
        (Secret(file=Path("/nowhere/pw")), "can't be read: No such file"),
        (Secret(command="exit 3"), "ended with status 3"),
    ],
)
async def test_a_password_that_can_not_be_had_is_told(secret: Secret, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        await source("http://127.0.0.1:1/facts", username="u", secret=secret).ask(All())


@contextlib.asynccontextmanager
async def saying(
    data: bytes, *, then_wait: bool = False, again: bool = False
) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Serve the bytes to whoever asks; yields the URL, and the requests that came."""
    asked: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while not asked or again:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(data)
            await writer.drain()
        if then_wait:
            await asyncio.Event().wait()

    async with serving(answer) as port:
        yield f"http://127.0.0.1:{port}/facts", asked


def http(body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not HTTP, or was cut off"),
        (b"SSH-2.0-OpenSSH\r\n", "not HTTP, or was cut off"),
        (http(b'{"rows":[]}')[:-4], "not HTTP, or was cut off"),
        (http(b"<html>"), "not CouchDB's"),
        (http(b'{"rows":[{"id":7}]}'), "not CouchDB's"),
        (http(b'{"db_name":"facts"}'), "not CouchDB's"),
        (http(b'{"rows":[{"id":"\xff\xfe"}]}'), "not CouchDB's"),
        (http(b'{"rows":' + b"[" * 100_000), "not CouchDB's"),
        (http(b'{"error":"x","reason":"\\u001b[2Jbroken"}', "500 Oops"), "answered 500 \\x1b[2Jbroken"),
        (http(b"", "302 Found", "Location: https://other/facts\r\n"), "redirects to https://other/facts"),
        (http(b"", "403 Forbidden"), "the login was refused"),
        (http(b"zzz", "200 OK", "Content-Encoding: gzip\r\n"), "cut off"),
    ],
)
async def test_nonsense_is_an_error_that_says_what_came(data: bytes, said: str) -> None:
    async with saying(data) as (url, _):
        with pytest.raises(SourceError) as caught:
            await source(url, timeout=5).ask(All())
    assert said in str(caught.value)
    assert str(caught.value).startswith(url)


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 200 OK\r\n", http(b'{"rows":[]}')[:-3]])
async def test_silence_ends_within_the_time_out(data: bytes) -> None:
    async with saying(data, then_wait=True) as (url, _):
        started = time.monotonic()
        with pytest.raises(SourceError, match=r"no (complete )?answer"):
            await source(url, timeout=0.4).ask(All())
        assert time.monotonic() - started < 3


async def test_a_server_that_sends_the_same_page_for_ever_is_found_out() -> None:
    page = http(b'{"rows":[{"id":"a"},{"id":"b"}]}')
    async with saying(page, again=True) as (url, _):
        with pytest.raises(SourceError, match="again and again"):
            await source(url, page=2).ask(All())


async def test_the_login_stands_in_no_url_and_no_error() -> None:
    async with saying(http(json.dumps({"rows": []}).encode())) as (url, asked):
        await source(url, username="reader", secret=Secret(env="PW"), environ={"PW": "s3cret"}).ask(All())
    first, *headers = asked[0].decode().split("\r\n")
    assert "s3cret" not in first
    assert f"Authorization: Basic {base64.b64encode(b'reader:s3cret').decode()}" in headers


async def test_nobody_there_is_an_error() -> None:
    with pytest.raises(SourceError, match="no connection"):
        await source("http://127.0.0.1:1/facts").ask(All())
