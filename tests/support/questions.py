"""Random queries and random hosts over a small world, so that they often have to do with each other."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from bedside.model import Exclusion, Host, Service
from bedside.query import All, Among, And, Compare, Field, Has, Node, Not, Or, Word

NAMES = ["web1", "web2.example.com", "nas-01", "sarge", "SSH-gw", "öl1"]
SERVICE_NAMES = [
    "ssh",
    "sshd",
    "SSH",
    "http",
    "http ssl",
    "disk /",
    "a.b",
    "\u017f\u017fh",
    "säh",
    "x|y",
    "tab",
]
OUTPUTS = ["SSH OK - OpenSSH_9.2p1", "SSH OK - dropbear_2019.78", "", "OK", "säh; ssh"]
PATTERNS = [
    "ssh",
    "^ssh$",
    "s.h",
    "s.*h",
    "a\\.b",
    "http|ssh",
    "^h",
    "ssl$",
    "disk /",
    "[st]",
    "ö",
    " ",
    "d\\s",
    "^SSH.*dropbear",
]
STATES: list[Any] = ["ok", "warning", "critical", "unknown", "pending"]
HOST_STATES: list[Any] = ["up", "down", "unreachable", "pending"]

_texts = st.text("aZ09 .:-_'\"()=!~<>,*+[]\\/ö\u017f\u4e2d", min_size=1, max_size=8)
_paths = st.lists(_texts, min_size=1, max_size=3).map(tuple)

_of_services = st.one_of(
    st.builds(
        Compare, st.just(Field("service")), st.sampled_from(["=", "!="]), st.sampled_from(SERVICE_NAMES)
    ),
    st.builds(
        Compare,
        st.sampled_from([Field("service"), Field("service.output")]),
        st.sampled_from(["~", "!~"]),
        st.sampled_from(PATTERNS),
    ),
    st.builds(
        Compare, st.just(Field("service.output")), st.sampled_from(["=", "!="]), st.sampled_from(OUTPUTS)
    ),
    st.builds(
        Compare, st.just(Field("service.state")), st.sampled_from(["=", "!="]), st.sampled_from(STATES)
    ),
    st.builds(
        Among,
        st.just(Field("service")),
        st.lists(st.sampled_from(SERVICE_NAMES), min_size=1, max_size=3).map(tuple),
    ),
    st.builds(
        Among,
        st.just(Field("service.state")),
        st.lists(st.sampled_from(STATES), min_size=1, max_size=2).map(tuple),
    ),
    st.builds(Has, st.sampled_from([Field("service"), Field("service.output"), Field("service.state")])),
    st.builds(Word, st.sampled_from(["ssh", "a.b", "x|y", "/", "web", "säh", "k /"])),
)
_of_hosts = st.one_of(
    st.just(All()),
    st.builds(Compare, st.just(Field("name")), st.sampled_from(["=", "!="]), st.sampled_from(NAMES)),
    st.builds(Compare, st.just(Field("name")), st.sampled_from(["~", "!~"]), st.sampled_from(PATTERNS)),
    st.builds(Compare, st.just(Field("state")), st.sampled_from(["=", "!="]), st.sampled_from(HOST_STATES)),
    st.builds(
        Compare, st.just(Field("group")), st.sampled_from(["~", "!~"]), st.sampled_from(["linux", "web"])
    ),
    st.builds(
        Compare,
        st.just(Field("facts", ("os", "release", "major"))),
        st.sampled_from(["<", ">", "<=", ">=", "=", "!="]),
        st.sampled_from(["7", "12", "-1", "12.5"]),
    ),
    st.builds(Has, st.sampled_from([Field("facts", ("os", "family")), Field("tag"), Field("excluded")])),
)
_strange = st.one_of(
    st.builds(Word, _texts),
    st.builds(Compare, st.builds(Field, st.sampled_from(["facts", "label"]), _paths), st.just("="), _texts),
    st.builds(Among, st.just(Field("tag")), st.lists(_texts, min_size=1, max_size=3).map(tuple)),
    st.builds(Compare, st.just(Field("site")), st.sampled_from(["=", "!="]), st.text("abc '\"", max_size=5)),
)


def _trees(leaves: st.SearchStrategy[Any]) -> st.SearchStrategy[Node]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(Not, inner),
            st.builds(And, st.lists(inner, min_size=2, max_size=3).map(tuple)),
            st.builds(Or, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        ),
        max_leaves=8,
    )


any_query = _trees(st.one_of(_of_services, _of_hosts, _strange))
"""Anything that can be written."""

asked_query = _trees(st.one_of(_of_services, _of_hosts))
"""Queries about the small world."""

services = st.builds(
    Service, st.sampled_from(SERVICE_NAMES), st.sampled_from([*STATES, None]), st.sampled_from(OUTPUTS)
)

hosts = st.builds(
    Host,
    st.sampled_from(NAMES),
    state=st.sampled_from([*HOST_STATES, None]),
    services=st.lists(services, max_size=4).map(tuple),
    groups=st.lists(st.sampled_from(["linux", "web servers"]), max_size=2).map(tuple),
    tags=st.lists(st.sampled_from(["a", "b"]), max_size=2).map(tuple),
    facts=st.sampled_from(
        [
            {},
            {"os": {"family": "Debian", "release": {"major": "12"}}},
            {"os": {"release": {"major": 7}}},
            {"os": "x"},
        ]
    ),
    excluded=st.sampled_from([None, Exclusion("a NAS", by="ops")]),
)
