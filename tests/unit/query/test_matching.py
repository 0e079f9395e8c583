from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.questions import any_query, hosts

from bedside.model import Exclusion, Host, Service
from bedside.query import And, Compare, Field, Node, Not, Or, explain, matches, parse, services
from bedside.query.facter import structured

HOST = Host(
    "Web1.example.com",
    address="10.0.0.1",
    sites=("bo",),
    state="up",
    services=(Service("ssh", "ok", "SSH OK - OpenSSH"), Service("http", "critical")),
    groups=("linux",),
    tags=("web", "prod"),
    labels={"role": "front", "a.b": "dotted"},
    facts={
        "os": {"family": "Debian", "release": {"major": "12"}},
        "processors": {"count": 4, "models": ["Xeon", "Xeon"]},
        "is_virtual": True,
        "load": 0.5,
    },
)


@pytest.mark.parametrize(
    "text",
    [
        "all", "ssh", "SSH", "web1", "name = web1.EXAMPLE.com", "name ~ ^web", "address = 10.0.0.1",
        "service = ssh", "service ~ ^HT", "service.state = critical",
        "service.output ~ openssh", "state = UP",
        "tag = prod", "tag in (x, web)", "label.role = front", "label.a.b = dotted",
        "group = linux", "site = bo",
        "facts.os.family = Debian", "facts.os.release.major < 13", "facts.os.release.major >= 12",
        "facts.processors.count = 4", "facts.processors.count = 4.0",
        "facts.is_virtual = true", "facts.load < 1",
        "facts.processors.models = Xeon", "has facts.os", "has tag", "excluded = false", "not has excluded",
        "service != ftp", "tag !~ test", "facts.operatingsystemmajrelease = 12",
    ],
)  # fmt: skip
def test_holds(text: str) -> None:
    assert matches(parse(text), HOST)


@pytest.mark.parametrize(
    "text",
    [
        "ftp", "name = web1", "service = SSH", "service != ssh",
        "service !~ ssh", "service.state = ok and ftp",
        "facts.os.family = debian", "facts.os = Debian", "facts.is_virtual > 0", "facts.os.family < 5",
        "has label.nothing", "tag != web", "excluded = true", "address ~ '^192'",
    ],
)  # fmt: skip
def test_does_not_hold(text: str) -> None:
    assert not matches(parse(text), HOST)


@pytest.mark.parametrize("operator", ["=", "!=", "~", "!~", "<", ">", "<=", ">="])
@pytest.mark.parametrize(
    "field", ["address", "state", "service", "tag", "label.x", "facts.a.b", "service.state"]
)
def test_a_comparison_on_a_field_that_is_missing_is_false(operator: Any, field: str) -> None:
    node = Compare(Field(*_parts(field)), operator, "1")
    assert not matches(node, Host("web1"))
    assert matches(Not(node), Host("web1"))


def _parts(field: str) -> tuple[Any, ...]:
    name, *path = field.split(".")
    return (field,) if name == "service" else (name, tuple(path))


@given(any_query, hosts)
def test_not_is_the_plain_complement(node: Node, host: Host) -> None:
    assert matches(Not(node), host) is not matches(node, host)


@given(any_query, any_query, hosts)
def test_de_morgan_holds(one: Node, other: Node, host: Host) -> None:
    assert matches(Not(And((one, other))), host) == matches(Or((Not(one), Not(other))), host)
    assert matches(Not(Or((one, other))), host) == matches(And((Not(one), Not(other))), host)


@given(any_query, hosts)
def test_every_decision_can_be_explained(node: Node, host: Host) -> None:
    assert explain(node, host)


def test_the_explanation_names_the_value_that_was_seen() -> None:
    assert explain(parse("service ~ ss and not tag = x"), HOST) == (
        "service is 'ssh'", "none of its 2 values of tag fits",
    )  # fmt: skip
    assert explain(parse("service.output ~ openssh"), HOST) == (
        "output of service 'ssh' is 'SSH OK - OpenSSH'",
    )


def test_matched_services_are_those_that_the_query_speaks_of() -> None:
    assert services(parse("ssh or service.state = critical"), HOST) == ("ssh", "http")
    assert services(parse("web1 and not service ~ ht"), HOST) == ("http",)
    assert services(parse("name ~ web"), HOST) == ()


def test_excluded_can_be_asked_for() -> None:
    out = Host("nas", excluded=Exclusion("a QNAP", by="rule", rule="qnap"))
    assert matches(parse("excluded = true and has excluded and excluded ~ qnap"), out)


@pytest.mark.parametrize("pattern", ["a*b", "a*a*b", "a*a*a*b", "(a|b)*c"])
def test_a_text_made_to_keep_us_busy_does_not(pattern: str) -> None:
    host = Host("x", services=(Service("ssh", "ok", "a" * 1_000_000),))
    query = parse(f"service.output ~ '{pattern}'")
    started = time.monotonic()
    assert not matches(query, host)
    assert time.monotonic() - started < 5


def test_flat_old_facts_stand_where_facter_has_them_now() -> None:
    found = structured(
        {"operatingsystem": "Debian", "operatingsystemrelease": "3.1",
         "lsbdistcodename": "sarge", "architecture": "i386",
         "ipaddress": "10.0.0.9", "fqdn": "sarge.example.com", "kernel": "Linux", "os": {"name": "newer"}}
    )  # fmt: skip
    assert found == {
        "kernel": "Linux",
        "os": {"name": "newer", "release": {"full": "3.1", "major": "3"}, "distro": {"codename": "sarge"},
               "architecture": "i386"},
        "networking": {"ip": "10.0.0.9", "fqdn": "sarge.example.com"},
    }  # fmt: skip


@given(
    st.dictionaries(
        st.sampled_from(["operatingsystem", "os", "osfamily", "lsbdistid", "x"]),
        st.none()
        | st.just("x")
        | st.dictionaries(
            st.sampled_from(["name", "distro", "release"]), st.sampled_from(["1.2", "", 3, {}])
        ),
    )
)
def test_no_facts_are_too_odd_to_be_read(facts: dict[str, Any]) -> None:
    structured(facts)
