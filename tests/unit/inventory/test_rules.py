from __future__ import annotations

import tomllib
from typing import Any

import pytest

from bedside.config import Config
from bedside.errors import ConfigError
from bedside.inventory import rules
from bedside.inventory.sources import lql
from bedside.model import Host, Service
from bedside.query import Or


def config(text: str = "") -> Config:
    return Config(None, tomllib.loads(text), text)


def judge(host: Host, text: str = "") -> tuple[str | None, str] | None:
    for rule in rules.load(config(text)):
        if found := rule.judge(host):
            return found.rule, found.reason
    return None


def showing(output: str) -> Host:
    return Host("web1", services=(Service("ssh", "ok", output),))


@pytest.mark.parametrize(
    ("facts", "rule"),
    [
        ({"os": {"name": "OpenWrt"}}, "openwrt"),
        ({"os": {"name": "QTS"}}, "qnap"),
        ({"os": {"family": "windows"}}, "windows"),
        ({"kernel": "CYGWIN_NT-6.1"}, "windows"),
        ({"os": {"name": "RouterOS"}}, "network-os"),
    ],
)
def test_facts_tell_a_look_alike(facts: dict[str, Any], rule: str) -> None:
    found = judge(Host("web1", facts=facts))
    assert found is not None
    assert found[0] == rule


@pytest.mark.parametrize(
    ("output", "rule"),
    [
        ("SSH OK - dropbear_2019.78 (protocol 2.0)", "embedded-ssh"),
        ("SSH-2.0-dropbear", "embedded-ssh"),
        ("SSH OK - OpenSSH_6.6 CYGWIN (protocol 2.0)", "windows-ssh"),
        ("SSH OK - OpenSSH_for_Windows_8.1 (protocol 2.0)", "windows-ssh"),
        ("SSH OK - ROSSSH (protocol 2.0)", "network-ssh"),
        ("SSH OK - Cisco-1.25 (protocol 1.99)", "network-ssh"),
        ("SSH OK - mpSSH_0.2.1 (protocol 2.0)", "network-ssh"),
    ],
)
def test_a_banner_tells_a_look_alike_and_is_shown_as_evidence(output: str, rule: str) -> None:
    found = judge(showing(output))
    assert found is not None
    assert found[0] == rule
    assert repr(output) in found[1]


@pytest.mark.parametrize(
    "host",
    [
        Host("openwrt-qnap-nas-router", services=(Service("ssh", "ok", "SSH OK"),)),
        showing("SSH OK - OpenSSH_9.2p1 Debian-2 (protocol 2.0)"),
        showing("connect to address 10.0.0.1: no banner"),
        showing("PROCS OK: 0 dropbear"),
        Host("web1", facts={"os": {"name": "Debian", "family": "Debian"}, "kernel": "Linux"}),
        Host("web1"),
    ],
)
def test_nobody_is_taken_out_for_a_name_or_for_being_unknown(host: Host) -> None:
    assert judge(host) is None


def test_groups_and_tags_are_believed() -> None:
    assert (judge(Host("a", groups=("lab", "qnap"))) or ("",))[0] == "appliance-group"
    assert (judge(Host("a", tags=("router",))) or ("",))[0] == "appliance-group"
    assert judge(Host("a", groups=("routers-admins",))) is None


def test_a_shipped_rule_can_be_switched_off_replaced_and_added_to() -> None:
    openwrt = Host("a", facts={"os": {"name": "OpenWrt"}})
    assert judge(openwrt, "[[exclusion_rule]]\nname = 'openwrt'\nenabled = false") is None
    again = "[[exclusion_rule]]\nname = 'openwrt'\nreason = 'no'\nquery = 'name = b'"
    assert judge(openwrt, again) is None
    assert (judge(openwrt, "[[exclusion_rule]]\nname = 'openwrt'\nreason = 'mine'") or ("", ""))[
        1
    ].startswith("mine")
    own = "[[exclusion_rule]]\nname = 'sarge'\nreason = 'too old'\nquery = 'name ~ ^sarge'"
    assert judge(Host("sarge"), own) == ("sarge", "too old: name is 'sarge'")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("[[exclusion_rule]]\nname = 'x'\nreason = 'y'\nquery = 'nme = a'", 4, "did you mean name"),
        ("[[exclusion_rule]]\nname = 'x'\nreason = 'y'", 1, "has no query"),
        ("[[exclusion_rule]]\nname = 'opnwrt'\nenabled = false", 2, "openwrt"),
        ("[[exclusion_rule]]\nname = 'x'\nquerry = 'y'", 3, "did you mean 'query'"),
        ("exclusion_rule = 3", 1, "[[exclusion_rule]]"),
    ],
)
def test_a_bad_rule_is_pointed_at(text: str, line: int, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        rules.load(config(text))
    assert caught.value.line == line
    assert said in str(caught.value)


def test_the_shipped_rules_can_all_be_decided_by_few_services() -> None:
    shipped = Or(tuple(rule.query for rule in rules.load(config())))
    assert lql.requests(shipped)[1].filters
