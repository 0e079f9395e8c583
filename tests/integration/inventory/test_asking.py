from __future__ import annotations

import os
import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.support.icinga import Icinga, ToldHost, ToldService, icinga

from bedside.app import App
from bedside.app.asking import look, select
from bedside.clock import SystemClock
from bedside.config import Config
from bedside.errors import UsageError
from bedside.lab import couch
from bedside.lab.level import Folders

pytestmark = [pytest.mark.slow, pytest.mark.timeout(700)]

OPENSSH = "SSH OK - OpenSSH_9.2p1 (protocol 2.0)"
HTTP = ToldService("http")


def ssh(output: str = OPENSSH) -> ToldService:
    return ToldService("ssh", 0, output)


FLEET = [
    ToldHost("deb-1", "10.0.0.1", services=[ssh(), HTTP]),
    ToldHost("deb-2", "10.0.0.2", services=[HTTP]),
    ToldHost("red-1", "10.0.0.3", services=[ssh()]),
    ToldHost("moved", "10.0.0.4", services=[ssh()]),
    ToldHost("wrt", "10.0.0.5", services=[ssh("SSH OK - dropbear_2019.78 (protocol 2.0)")]),
    ToldHost("nas", "10.0.0.6", services=[ssh()]),
    ToldHost("plain", "10.0.0.7", services=[ssh("")]),
]


def facts(host: str, family: str, ip: str, **os_facts: str) -> dict[str, object]:
    return {"_id": host, "facts": {"os": {"family": family, **os_facts}, "networking": {"ip": ip}}}


DOCUMENTS = [
    facts("deb-1", "Debian", "10.0.0.1"),
    facts("deb-2", "Debian", "10.0.0.2"),
    facts("red-1", "RedHat", "10.0.0.3"),
    facts("moved", "Debian", "10.0.0.99"),
    facts("nas", "Linux", "10.0.0.6", name="QTS"),
    facts("only-filed", "Debian", "10.0.0.8"),
]


@pytest.fixture(scope="module")
def monitoring() -> Iterator[Icinga]:
    with icinga(FLEET) as server:
        yield server


@pytest.fixture
async def app(monitoring: Icinga, tmp_path: Path) -> AsyncIterator[App]:
    installed = await couch.install(Folders.of(os.environ).cache, lambda line: None)
    server = await couch.start(installed, tmp_path / "run")
    try:
        await couch.fill(server.url, "facts", DOCUMENTS)
        text = (
            f"[site.bo]\nsources = [ {{ type = 'livestatus', url = '{monitoring.url}' }},"
            f" {{ type = 'couchdb', url = '{server.url}/facts' }} ]\n"
        )
        config = Config(tmp_path / "bedside.toml", tomllib.loads(text), text)
        yield App(config, {}, SystemClock(), lambda line: None)
    finally:
        await server.stop()


async def names(app: App, query: str) -> list[str]:
    return [h.name for h in (await look(app, query)).hosts]


async def test_a_query_is_decided_on_what_the_sources_know_together(app: App) -> None:
    assert await names(app, "service ~ ssh and facts.os.family = Debian") == ["deb-1"]
    assert await names(app, "not service ~ ssh") == ["deb-2", "moved", "only-filed"]
    assert await names(app, "ssh or facts.os.family = Debian") == [
        "deb-1", "deb-2", "moved", "moved", "only-filed", "plain", "red-1",
    ]  # fmt: skip
    assert await names(app, "ssh and not has facts.os") == ["moved", "plain"]


async def test_look_alikes_say_what_gave_them_away(app: App) -> None:
    out = {h.name: h.excluded for h in (await look(app, "service ~ ssh")).taken_out}
    assert {name: e and e.rule for name, e in out.items()} == {"wrt": "embedded-ssh", "nas": "qnap"}
    assert out["wrt"] is not None
    assert "dropbear_2019.78" in out["wrt"].reason


async def test_two_hosts_of_one_name_are_shown_and_not_acted_on(app: App) -> None:
    shown = (await look(app, "name = moved")).hosts
    assert [h.address for h in shown] == ["10.0.0.4", "10.0.0.99"]
    chosen = await select(app, "name ~ 'moved|deb-1'", None)
    assert [h.name for h in chosen.hosts] == ["deb-1"]
    assert all(h.excluded and "different addresses" in h.excluded.reason for h in chosen.taken_out)


async def test_hosts_named_by_hand_are_held_to_the_exclusions(app: App) -> None:
    named = ["wrt", "ops@10.0.0.6:2222"]
    chosen = await select(app, None, ["deb-1", *named, "new"])
    assert [h.name for h in chosen.hosts] == ["deb-1", "new"]
    assert [h.name for h in chosen.taken_out] == named
    everyone = await select(app, None, named, (), "the vendor is on the phone")
    assert [(h.name, h.user, h.port) for h in everyone.hosts] == [
        ("wrt", None, None),
        (named[1], "ops", 2222),
    ]


async def test_nobody_acts_on_all_hosts_by_default(app: App) -> None:
    with pytest.raises(UsageError, match="or the word all"):
        await select(app, None, None)
