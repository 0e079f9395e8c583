"""The answerers' own laws, where the real programs can't be asked or differ; else tests/contract/lab."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedside.lab.simulated import livestatus, lql, mango
from bedside.lab.simulated.couchdb import Couch

HOSTS = [{"name": f"h{n}", "state": n % 2, "groups": ["lab"] if n else [], "flag": bool(n)} for n in range(4)]
TABLES = {"hosts": HOSTS}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=6,
)


def ask(request: str) -> Any:
    return json.loads(livestatus.answer(f"{request}\nOutputFormat: json\n\n", TABLES)[0])


def test_stats_negate_counts_the_complement() -> None:
    """Icinga 2.13 counts the plain condition here; Checkmk's documentation has it so."""
    assert ask("GET hosts\nStats: state = 1\nStatsNegate:") == [[2]]


def test_booleans_compare_as_numbers_and_lists_by_what_they_hold() -> None:
    assert ask("GET hosts\nColumns: name\nFilter: flag = 0") == [["h0"]]
    assert ask("GET hosts\nColumns: name\nFilter: groups < lab") == [["h0"]]
    assert ask("GET hosts\nColumns: name\nFilter: groups =") == [["h0"]]


def test_all_columns_come_with_their_names() -> None:
    assert ask("GET hosts\nLimit: 1") == [["name", "state", "groups", "flag"], ["h0", 0, [], False]]


def test_separators_are_the_clients() -> None:
    data, stays = livestatus.answer(
        "GET hosts\nColumns: name groups\nLimit: 2\nSeparators: 10 44 58 59\n\n", TABLES
    )
    assert data == b"h0,\nh1,lab\n"
    assert not stays


@given(request=st.text(alphabet="GET hosts\nColumns: name\nFilter: state = 0 ~ And2:", max_size=60))
def test_any_request_is_answered_or_is_nonsense(request: str) -> None:
    with contextlib.suppress(lql.NonsenseError):
        livestatus.answer(request, TABLES)


def test_not_equal_needs_the_field_as_in_couchdb() -> None:
    """pouchdb-server lets a missing field pass; CouchDB does not (mango_selector:match)."""
    test = mango.compile_selector({"a.b": {"$ne": 1}})
    documents: list[Any] = [{"a": {"b": 2}}, {"a": {"b": 1}}, {"a": {}}, {}]
    assert [test(doc) for doc in documents] == [True, False, False, False]


@given(doc=st.dictionaries(st.sampled_from("abc"), JSON), value=JSON)
def test_not_is_the_complement(doc: Any, value: Any) -> None:
    plain = mango.compile_selector({"a": {"$eq": value}})(doc)
    assert mango.compile_selector({"$not": {"a": {"$eq": value}}})(doc) is not plain
    assert mango.compile_selector({"a": {"$not": {"$eq": value}}})(doc) is not plain


@given(value=JSON)
def test_document_is_found_by_any_value_it_holds(value: Any) -> None:
    assert mango.compile_selector({"a": {"$eq": value}})({"a": value})


@given(left=JSON, right=JSON)
def test_order_is_total(left: Any, right: Any) -> None:
    less = mango.compile_selector({"a": {"$lt": right}})({"a": left})
    assert mango.compile_selector({"a": {"$gte": right}})({"a": left}) is not less


def test_bookmarks_lead_through_all_pages() -> None:
    couch = Couch("facts", lambda: [{"_id": f"d{n:02}"} for n in range(60)])
    seen: list[str] = []
    bookmark = None
    while True:
        body = json.dumps({"selector": {"_id": {"$gt": None}}, "bookmark": bookmark}).encode()
        status, told = couch.answer("POST", "/facts/_find", body)
        assert status == 200
        if not told["docs"]:
            break
        assert len(told["docs"]) <= 25, "CouchDB's default limit"
        seen += [doc["_id"] for doc in told["docs"]]
        bookmark = told["bookmark"]
    assert seen == [f"d{n:02}" for n in range(60)]


@pytest.mark.parametrize(
    ("method", "target", "body", "status", "error"),
    [
        ("PUT", "/facts", b"", 405, "method_not_allowed"),
        ("GET", "/other", b"", 404, "not_found"),
        ("GET", "/facts/none", b"", 404, "not_found"),
        ("POST", "/facts/_find", b"{", 400, "bad_request"),
        ("POST", "/facts/_find", b"[]", 400, "bad_request"),
        ("POST", "/facts/_find", b"{}", 400, "missing_required_key"),
        ("POST", "/facts/_find", b'{"selector": {}, "bookmark": "?"}', 400, "invalid_bookmark"),
        ("GET", "/facts/_all_docs?limit=x", b"", 400, "bad_request"),
        ("GET", "/facts/_all_docs?limit=-1", b"", 400, "bad_request"),
        ("POST", "/facts/_find", b'{"selector": {}, "limit": "many"}', 400, "bad_request"),
    ],
)
def test_errors_have_couchs_names(method: str, target: str, body: bytes, status: int, error: str) -> None:
    couch = Couch("facts", lambda: [{"_id": "a"}])
    told = couch.answer(method, target, body)
    assert (told[0], told[1]["error"]) == (status, error)
