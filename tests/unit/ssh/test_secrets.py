"""Secrets: named, fetched once, tried on one host first, never twice."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest
from tests.support.connecting import Side

from bedside.model import Host
from bedside.ssh import secrets as module
from bedside.ssh.resolve import Resolver
from bedside.ssh.secrets import SiteSecrets


class Person:
    """Answers questions, and keeps a list of them."""

    def __init__(self, *answers: str | None) -> None:
        self.answers, self.asked = list(answers), [""][:0]

    async def __call__(self, question: str, echo: bool) -> str | None:
        self.asked.append(question)
        await asyncio.sleep(0)
        return self.answers.pop(0) if self.answers else None


def secrets(
    resolve: Resolver, side: Side, person: Person | None = None, environ: dict[str, str] | None = None
) -> SiteSecrets:
    return SiteSecrets(resolve, environ=environ or {}, warn=side.warnings.append, ask=person)


def fleet(side: Side, **section: object) -> Resolver:
    resolve = side.resolver(**section)  # type: ignore[arg-type]
    for n in range(5):
        resolve(Host(f"web{n}", sites=("bologna",)))
    return resolve


async def test_a_password_is_asked_for_once_a_site(tmp_path: Path) -> None:
    side, person = Side(tmp_path), Person("s3cret", "other")
    store = secrets(fleet(side), side, person)
    first = await store.password("web0", "ops")
    store.accepted("web0", "ops", "s3cret")
    rest = await asyncio.gather(*(store.password(f"web{n}", "ops") for n in range(1, 5)))
    assert [first, *rest] == ["s3cret"] * 5
    assert person.asked == ["Password of ops at bologna: "]
    assert await store.password("elsewhere", "ops") == "other"


async def test_a_password_is_tried_on_one_host_before_the_others_get_it(tmp_path: Path) -> None:
    side, person = Side(tmp_path), Person("wrong")
    store = secrets(fleet(side), side, person)
    tries = [asyncio.ensure_future(store.password(f"web{n}", "ops")) for n in range(5)]
    done, waiting = await asyncio.wait(tries, return_when=asyncio.FIRST_COMPLETED)
    assert [task.result() for task in done] == ["wrong"]
    assert len(waiting) == 4
    store.refused("web0", "ops", "wrong")
    assert await asyncio.gather(*waiting) == [None] * 4, "a refused one is given to nobody"
    assert len(person.asked) == 1


async def test_a_password_that_others_took_is_refused_by_one_host_alone(tmp_path: Path) -> None:
    side, person = Side(tmp_path), Person("s3cret")
    store = secrets(fleet(side), side, person)
    await store.password("web0", "ops")
    store.accepted("web0", "ops", "s3cret")
    assert await store.password("web1", "ops") == "s3cret"
    store.refused("web1", "ops", "s3cret")
    assert await store.password("web1", "ops") is None
    assert await store.password("web2", "ops") == "s3cret"


async def test_a_host_that_dies_on_trial_does_not_hold_the_others_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "VERDICT_LIMIT", 0.05)
    side = Side(tmp_path)
    store = secrets(fleet(side), side, Person("s3cret"))
    assert await store.password("web0", "ops") == "s3cret"
    async with asyncio.timeout(5):
        assert await store.password("web1", "ops") == "s3cret"


async def test_where_secrets_come_from(tmp_path: Path) -> None:
    side = Side(tmp_path)
    (tmp_path / "pw").write_text("from a file\nsecond line\n")
    (tmp_path / "pw").chmod(0o600)
    command = f"{sys.executable} -c 'print(\"from a command\")'"
    rules = [
        {"hosts": "name = web0", "password_file": "pw"},
        {"hosts": "name = web1", "password_command": command},
        {"hosts": "name = web2", "password_env": "PW", "sudo_password_env": "SUDO"},
    ]
    store = secrets(fleet(side, rule=rules), side, environ={"PW": "from the environment", "SUDO": "root's"})
    got = [await store.password(f"web{n}", "ops") for n in range(4)]
    assert got == ["from a file", "from a command", "from the environment", None]
    assert await store.sudo_password("web2", "ops") == "root's"
    assert side.warnings == []


async def test_what_is_wrong_with_a_source_is_said_without_the_secret(tmp_path: Path) -> None:
    side = Side(tmp_path)
    (tmp_path / "open").write_text("s3cret\n")
    (tmp_path / "open").chmod(0o644)
    rules = [
        {"hosts": "name = web0", "password_file": "open"},
        {"hosts": "name = web1", "password_file": "missing"},
        {"hosts": "name = web2", "password_command": "exit 3"},
        {"hosts": "name = web3", "password_env": "NOWHERE"},
    ]
    store = secrets(fleet(side, rule=rules), side)
    assert [await store.password(f"web{n}", "ops") for n in range(4)] == ["s3cret", None, None, None]
    assert len(side.warnings) == 4
    assert [w for w in side.warnings if "may be read by others" in w]
    assert [w for w in side.warnings if "exit status 3" in w]
    assert "s3cret" not in repr(store.__dict__)


async def test_questions_of_a_host_are_cleaned_and_one_at_a_time(tmp_path: Path) -> None:
    side, person = Side(tmp_path), Person("yes", "no")
    store = secrets(fleet(side), side, person)
    await asyncio.gather(*(store.answer(f"web{n}", "ops", "Sure?\x1b[2J", echo=True) for n in range(2)))
    assert person.asked == [f"web{n} asks ops: Sure?\\x1b[2J " for n in range(2)]
    assert await store.passphrase(Path("/k")) is None


async def test_where_nobody_knows_the_password_nobody_waits(tmp_path: Path) -> None:
    side = Side(tmp_path)
    store = secrets(fleet(side), side)
    async with asyncio.timeout(2):
        assert await asyncio.gather(*(store.password(f"web{n}", "ops") for n in range(5))) == [None] * 5
