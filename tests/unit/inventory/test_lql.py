from __future__ import annotations

import pytest
from hypothesis import given
from tests.support.questions import any_query

from bedside.inventory.sources.lql import requests
from bedside.query import And, Compare, Field, Node, parse

ENDING = ("OutputFormat: json", "ResponseHeader: fixed16", "KeepAlive: on")


def filters(query: str) -> tuple[str, ...]:
    asked = requests(parse(query))
    return asked[1].filters if len(asked) > 1 else ("not asked",)


@pytest.mark.parametrize(
    ("query", "sent"),
    [
        ("service ~ ssh", ("Filter: description ~~ ssh",)),
        ("not service ~ ssh", ("Filter: description ~~ ssh",)),
        ("service = 'disk /'", ("Filter: description = disk /",)),
        ("a.b", ("Filter: description ~~ a\\.b",)),
        ("service.state = critical", ("Filter: state = 2",)),
        ("service.state in (ok, pending)", ("Filter: state = 0", "Filter: has_been_checked = 0", "Or: 2")),
        ("ssh or service ~ '^a$|b'", ("Filter: description ~~ ssh", "Filter: description ~~ ^a|b", "Or: 2")),
        ("service.output ~ '^ssh.*drop|^ssh.*ros'", ("Filter: plugin_output ~~ ^ssh",)),
        ("service ~ 'a.*b'", ("Filter: description ~~ a.*b",)),
        ("name ~ x and has tag", ("not asked",)),
        ("all", ("not asked",)),
    ],
)
def test_only_services_that_matter_are_asked_for(query: str, sent: tuple[str, ...]) -> None:
    assert filters(query) == sent


@pytest.mark.parametrize(
    "query",
    [
        "service != ssh", "service !~ ssh", "has service", "service ~ s.h", "service ~ '[ab]'", "service ~ ö",
        "service = ' ssh'", "service = ''", "'a  b'", "service ~ '\\d'", "service ~ '(?i)x'", "'x|y'",
        "service ~ ssh or service != x", "'*'",
        "'^a'", "'a$'", "'a+'",
    ],
)  # fmt: skip
def test_all_services_are_asked_for_where_the_server_might_read_it_otherwise(query: str) -> None:
    assert filters(query) == ()


@given(any_query)
def test_nothing_in_a_query_adds_a_line_of_its_own(query: Node) -> None:
    for text in ("a\nFilter: state = 0", "x\n\nCOMMAND [1] DEL_HOST", "a\r\nb"):
        hostile = And((query, Compare(Field("service"), "=", text), Compare(Field("service"), "~", text)))
        for request in requests(hostile):
            lines = request.text.removesuffix("\n\n").split("\n")
            assert all(line.startswith(("GET ", "Columns: ", "Filter: ", "Or: ", *ENDING)) for line in lines)
            assert not any("COMMAND" in line or "DEL_HOST" in line for line in lines)
