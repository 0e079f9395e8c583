from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from tests.support.icinga import Icinga, ToldHost, ToldService, icinga
from tests.support.questions import NAMES, OUTPUTS, SERVICE_NAMES, STATES, asked_query
from tests.support.serve import Answer, serving

from bedside.errors import SourceError
from bedside.inventory.sources.livestatus import Livestatus
from bedside.model import Host, Service
from bedside.query import Node, matches, parse

EVERYTHING = parse("has service.output or has service.state or has label.role")


def fleet(seed: int) -> list[ToldHost]:
    """Return a fleet of the small world of `questions`, the same for the same seed."""
    chance = random.Random(seed)
    states = [0, 1, 2, 3, None]
    return [
        ToldHost(
            f"{chance.choice(NAMES)}-{number}",
            address=chance.choice(["", "10.0.0.1"]),
            state=chance.choice([0, 2, None]),
            groups=chance.sample(["linux", "web servers"], chance.randrange(3)),
            services=[
                ToldService(name, chance.choice(states), chance.choice(OUTPUTS))
                for name in chance.sample([*SERVICE_NAMES, "a  b"], chance.randrange(5))
            ],
        )
        for number in range(25)
    ]


def as_we_know_it(told: ToldHost) -> Host:
    services = (
        Service(s.name, STATES[4 if s.state is None else s.state], "" if s.state is None else s.output)
        for s in told.services
    )
    state = {0: "up", 2: "down", None: "pending"}[told.state]
    return Host(
        told.name, address=told.address or None, state=state, groups=tuple(told.groups),  # type: ignore[arg-type]
        services=tuple(sorted(services, key=lambda s: s.name)),
    )  # fmt: skip


@pytest.fixture(scope="module", params=[1, 2])
def world(request: pytest.FixtureRequest) -> Iterator[tuple[Icinga, list[Host]]]:
    told = fleet(request.param)
    with icinga(told) as server:
        yield server, [as_we_know_it(h) for h in told]


def ask(url: str, query: Node, *, push_down: bool = True) -> list[Host]:
    answer = asyncio.run(Livestatus("bo", url, push_down=push_down).ask(query))
    assert answer.complete
    return sorted(answer.hosts, key=lambda h: h.name)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["url", "unix_url"])
def test_what_icinga_was_told_is_what_we_know(world: tuple[Icinga, list[Host]], kind: str) -> None:
    server, told = world
    url = getattr(server, kind)
    found = [replace(h, sites=(), sources=(), age_s=None, labels={}) for h in ask(url, EVERYTHING)]
    expected = sorted(told, key=lambda h: h.name)
    assert [replace(h, groups=tuple(sorted(h.groups))) for h in found] == [
        replace(h, groups=tuple(sorted(h.groups))) for h in expected
    ]


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(query=asked_query)
def test_push_down_changes_no_answer(world: tuple[Icinga, list[Host]], query: Node) -> None:
    server, told = world
    expected = sorted(h.name for h in told if matches(query, h))
    for push_down in (True, False):
        hosts = ask(server.url, query, push_down=push_down)
        assert [h.name for h in hosts if matches(query, h)] == expected, push_down


@pytest.mark.slow
def test_labels_are_icingas_custom_variables() -> None:
    with icinga([ToldHost("a", labels={"role": "front"}), ToldHost("b")]) as server:
        hosts = ask(server.url, parse("label.role = front"))
    assert [h.name for h in hosts if matches(parse("label.role = front"), h)] == ["a"]


@contextlib.asynccontextmanager
async def server(answer: Answer) -> AsyncIterator[str]:
    """Serve on loopback; yields the URL."""
    async with serving(answer) as port:
        yield f"tcp://127.0.0.1:{port}"


def saying(data: bytes) -> Answer:
    """Answer the first query with the bytes, and hang up."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\n\n")
        writer.write(data)
        await writer.drain()

    return answer


def framed(body: bytes, status: int = 200) -> bytes:
    return b"%03d %11d\n" % (status, len(body)) + body


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "closed the connection without an answer"),
        (b"200", "3 of 16 bytes"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "that is a web server"),
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", "that is an SSH server"),
        (b"\x15\x03\x01\x00\x02\x02\x28 and more bytes", "wants TLS"),
        (b'[["web1","10.0.0.1",0,1,[]]]\n', "fixed16"),
        (b"200         100\n[[", "2 of 100 bytes"),
        (framed(b""), "not what was asked for"),
        (framed(b"[["), "not what was asked for"),
        (framed(b'[["web1"]]'), "not what was asked for"),
        (framed(b'[["web1",7,0,1,[]]]'), "not what was asked for"),
        (framed(b'{"a":1}'), "not what was asked for"),
        (framed(b'[["\xff\xfe","",0,1,[]]]'), "UTF-8"),
        (framed(b"[" * 100_000), "not what was asked for"),
        (b"200 99999999999\n", "not believed"),
        (framed(b"Error: Table 'hosts' does not exist.\n", 404), "404 Error: Table 'hosts' does not exist."),
        (framed(b"Column 'x' does not exist\n\tin trace\n", 452), "452 Column 'x' does not exist"),
        (framed(b"\x1b[2Jno\n", 403), "\\x1b[2Jno"),
    ],
)
async def test_nonsense_is_an_error_that_says_what_came(data: bytes, said: str) -> None:
    async with server(saying(data)) as url:
        with pytest.raises(SourceError) as caught:
            await Livestatus("bo", url, timeout=5).ask(EVERYTHING)
    assert said in str(caught.value)
    assert str(caught.value).startswith(url)
    assert "\x1b" not in str(caught.value)
    assert "in trace" not in str(caught.value)


async def test_an_answer_cut_off_after_the_first_table_is_no_answer() -> None:
    async with server(saying(framed(b'[["web1","",0,1,[]]]'))) as url:
        with pytest.raises(SourceError, match="closed the connection"):
            await Livestatus("bo", url, timeout=5).ask(parse("ssh"))


@pytest.mark.parametrize("said", [b"", b"200 ", framed(b"x" * 100)[:60]])
async def test_silence_ends_within_the_time_out(said: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await asyncio.Event().wait()

    async with server(answer) as url:
        started = time.monotonic()
        with pytest.raises(SourceError, match="no complete answer within"):
            await Livestatus("bo", url, timeout=0.3).ask(EVERYTHING)
        assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    ("url", "said"),
    [("tcp://127.0.0.1:1", "connection refused"), ("unix:///nowhere/live", "no such file")],
)
async def test_nobody_there_is_an_error(url: str, said: str) -> None:
    with pytest.raises(SourceError, match=said):
        await Livestatus("bo", url, timeout=5).ask(EVERYTHING)


async def test_a_state_that_nobody_knows_is_no_state() -> None:
    async with server(saying(framed(b'[["web1",null,9,true,[]]]'))) as url:
        (host,) = (await Livestatus("bo", url).ask(parse("name = web1"))).hosts
    assert (host.state, host.address) == (None, None)
