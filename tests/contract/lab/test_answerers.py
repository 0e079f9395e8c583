"""The simulated Livestatus and CouchDB answer as the real ones do: the same questions to both."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest
from tests.support.labs import Lab

from bedside.lab.level import SERVICES

pytestmark = pytest.mark.timeout(900)

NAMES = ["bullseye-01", "bookworm-01", "trixie-01", "openwrt-01", "qnap-01", "cygwin-01", "appliance-01"]
FIXED = "ResponseHeader: fixed16\nOutputFormat: json\n"


def names(lab: Lab, filters: str) -> list[str]:
    return sorted(row[0] for row in lab.livestatus(f"GET hosts\nColumns: name\n{filters}".rstrip("\n")))


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ("", NAMES),
        ("Filter: name = trixie-01", ["trixie-01"]),
        ("Filter: name != trixie-01", [n for n in NAMES if n != "trixie-01"]),
        ("Filter: name ~ ^b", ["bookworm-01", "bullseye-01"]),
        ("Filter: name ~ ^B", []),
        ("Filter: name ~~ ^B.*1$", ["bookworm-01", "bullseye-01"]),
        ("Filter: name =~ TRIXIE-01", ["trixie-01"]),
        ("Filter: name !~ 01", []),
        ("Filter: name !~~ ^[BT]", ["appliance-01", "cygwin-01", "openwrt-01", "qnap-01"]),
        ("Filter: name < bz", ["appliance-01", "bookworm-01", "bullseye-01"]),
        ("Filter: name ~ ^b\nFilter: name ~ ^t\nOr: 2", ["bookworm-01", "bullseye-01", "trixie-01"]),
        ("Filter: name ~ ^b\nFilter: name ~ kw\nAnd: 2", ["bookworm-01"]),
        ("Filter: name ~ ^b\nFilter: name ~ kw", ["bookworm-01"]),
        ("Filter: name ~ ^[abc]\nFilter: name ~ t\nOr: 2\nNegate:", ["qnap-01"]),
        ("Filter: groups >= trixie", ["trixie-01"]),
        ("Filter: groups >= lab\nFilter: groups < trixie", [n for n in NAMES if n != "trixie-01"]),
        ("Filter: num_services = 25\nFilter: num_services > 25\nNegate:", NAMES),
        ("Nonsense: header", NAMES),
    ],
)  # fmt: skip
def test_filters_choose_the_same_hosts(lab: Lab, filters: str, wanted: list[str]) -> None:
    assert names(lab, filters) == sorted(wanted)


def test_service_states_are_those_of_the_seed(lab: Lab) -> None:
    rows = lab.livestatus(
        "GET services\nColumns: state\nFilter: host_name = trixie-01\nFilter: description != ssh"
    )
    stats = lab.livestatus(
        "GET services\nFilter: host_name = trixie-01\nFilter: description != ssh\n"
        + "\n".join(f"Stats: state = {n}" for n in range(4))
    )
    assert stats == [[sum(row[0] == n for row in rows) for n in range(4)]]
    assert sum(stats[0]) == len(SERVICES) - 1


def test_stats_are_grouped_by_columns(lab: Lab) -> None:
    rows = lab.livestatus("GET services\nColumns: host_name\nStats: state >= 0\nFilter: host_name ~ ^[bt]")
    assert sorted(rows) == [["bookworm-01", 25], ["bullseye-01", 25], ["trixie-01", 25]]


def test_stats_combine_and_sum(lab: Lab) -> None:
    asked = "Stats: description = ssh\nStats: state >= 0\nStatsAnd: 2\nStats: description = ssh"
    assert lab.livestatus(f"GET services\nFilter: host_name = trixie-01\n{asked}") == [[1, 1]]
    assert lab.livestatus("GET hosts\nStats: sum num_services\nStats: max num_services") == [[175, 25]]


def test_header_tells_status_and_length(lab: Lab) -> None:
    data = lab.raw_livestatus(f"GET hosts\nColumns: name\nFilter: name = trixie-01\n{FIXED}\n")
    assert re.fullmatch(rb"200 +\d+\n", data[:16])
    assert len(data) == 16 + int(data[4:15])
    assert json.loads(data[16:]) == [["trixie-01"]]


@pytest.mark.parametrize(
    ("request_text", "status"),
    [
        ("GET hosts\nColumns: name nosuch\n", 452),
        ("GET hosts\nColumns: name\nFilter: nosuch = 1\n", 452),
        ("GET hosts\nColumns: name\nFilter: state ?? 3\n", 452),
        ("GET hosts\nColumns: name\nFilter: state = abc\n", 452),
        ("GET nosuch\n", 404),
    ],
)
def test_errors_have_the_same_status(lab: Lab, request_text: str, status: int) -> None:
    data = lab.raw_livestatus(f"{request_text}{FIXED}\n")
    assert int(data[:3]) == status
    assert len(data) == 16 + int(data[4:15])


def test_names_of_what_is_missing_are_said(lab: Lab) -> None:
    column = lab.raw_livestatus(f"GET hosts\nColumns: nosuch\nLimit: 1\n{FIXED}\n")
    assert b"Column 'nosuch' does not exist in table 'hosts'." in column
    assert b"Table 'nosuch' does not exist." in lab.raw_livestatus(f"GET nosuch\n{FIXED}\n")


@pytest.mark.parametrize(
    "request_text",
    [
        "HELLO\n\n",
        "GET nosuch\n\n",
        f"GET hosts\nColumns: name\nOr: 2\n{FIXED}\n",
        f"GET hosts\nColumns: name\nFilter: state\n{FIXED}\n",
        "GET hosts\nColumns: name\nOutputFormat: wrapped_json\n\n",
        "GET hosts\nColumns: name\nLimit: 1\n",
    ],
    ids=["garbage", "no table, no header", "Or without filters", "short filter", "format", "no empty line"],
)
def test_nonsense_is_answered_by_closing(lab: Lab, request_text: str) -> None:
    assert lab.raw_livestatus(request_text) == b""


def test_keepalive_answers_several_requests_on_a_connection(lab: Lab) -> None:
    one = f"GET hosts\nColumns: name\nFilter: name = trixie-01\nKeepAlive: on\n{FIXED}\n"
    last = f"GET hosts\nColumns: name\nFilter: name = qnap-01\n{FIXED}\n"
    data = lab.raw_livestatus(one + last, half_close=False)
    first = 16 + int(data[4:15])
    assert json.loads(data[16:first]) == [["trixie-01"]]
    assert json.loads(data[first + 16 :]) == [["qnap-01"]]


def test_csv_limit_and_column_headers(lab: Lab) -> None:
    one = lab.raw_livestatus("GET hosts\nColumns: name num_services\nFilter: name = trixie-01\n\n")
    assert one == b"trixie-01;25\n"
    headed = lab.raw_livestatus("GET hosts\nColumns: name\nFilter: name = trixie-01\nColumnHeaders: on\n\n")
    assert headed == b"name\ntrixie-01\n"
    assert len(lab.livestatus("GET services\nColumns: description\nLimit: 7")) == 7


# --- CouchDB


def couch(lab: Lab, path: str, body: Any = None) -> tuple[int, Any]:
    base = lab.sources()["couchdb"]
    method = "GET" if body is None else "POST"
    answer = httpx.request(method, base + path, json=body, timeout=10, trust_env=False)
    return answer.status_code, answer.json()


def test_couch_welcomes_and_names_its_version(lab: Lab) -> None:
    root = lab.sources()["couchdb"].rpartition("/")[0]
    told = httpx.get(f"{root}/", trust_env=False).json()
    assert "version" in told
    status, about = couch(lab, "")
    assert (status, about["doc_count"], about["db_name"]) == (200, len(NAMES) - 1, "facts")


def test_missing_things_have_couchs_errors(lab: Lab) -> None:
    status, told = couch(lab, "/nosuch")
    assert (status, told["error"], told["reason"]) == (404, "not_found", "missing")
    root = lab.sources()["couchdb"].rpartition("/")[0]
    other = httpx.get(f"{root}/nosuch", trust_env=False)
    assert (other.status_code, other.json()["error"]) == (404, "not_found")


def test_a_document_comes_by_its_name(lab: Lab) -> None:
    status, doc = couch(lab, "/trixie-01")
    assert (status, doc["_id"], doc["_rev"][:2]) == (200, "trixie-01", "1-")
    assert doc["facts"]["os"]["family"] == "Debian"


def test_all_docs_pages_in_order(lab: Lab) -> None:
    wanted = sorted(set(NAMES) - {"appliance-01"})
    status, first = couch(lab, "/_all_docs?include_docs=true&limit=4")
    assert (status, [row["id"] for row in first["rows"]]) == (200, wanted[:4])
    assert first["total_rows"] == len(wanted)
    assert first["rows"][0]["doc"]["_id"] == wanted[0]
    _, rest = couch(lab, f'/_all_docs?startkey="{wanted[3]}"&skip=1&limit=4')
    assert [row["id"] for row in rest["rows"]] == wanted[4:]
    assert "doc" not in rest["rows"][0]
    _, downwards = couch(lab, "/_all_docs?descending=true&limit=2")
    assert [row["id"] for row in downwards["rows"]] == wanted[::-1][:2]


@pytest.mark.parametrize("by_post", [True, False])
def test_all_docs_answers_keys_in_their_order(lab: Lab, by_post: bool) -> None:
    keys = ["trixie-01", "nosuch", "bookworm-01"]
    if by_post:
        _, told = couch(lab, "/_all_docs", {"keys": keys})
    else:
        _, told = couch(lab, f"/_all_docs?keys={json.dumps(keys)}")
    assert [row.get("id") or row["error"] for row in told["rows"]] == [
        "trixie-01",
        "not_found",
        "bookworm-01",
    ]


DEBIAN = ["bookworm-01", "bullseye-01", "trixie-01"]
OTHERS = ["cygwin-01", "openwrt-01", "qnap-01"]


@pytest.mark.parametrize(
    ("selector", "wanted"),
    [
        ({"facts.os.name": "Debian"}, DEBIAN),
        ({"facts.os.name": {"$eq": "OpenWrt"}}, ["openwrt-01"]),
        ({"facts": {"os": {"name": "Debian"}}}, DEBIAN),
        ({"facts.os.name": {"$ne": "Debian"}}, OTHERS),
        ({"facts.os.name": {"$in": ["OpenWrt", "QTS"]}}, ["openwrt-01", "qnap-01"]),
        ({"facts.os.name": {"$nin": ["OpenWrt", "Debian"]}}, ["cygwin-01", "qnap-01"]),
        ({"_id": {"$regex": "^b"}}, ["bookworm-01", "bullseye-01"]),
        ({"facts.os.distro.codename": {"$exists": False}}, OTHERS),
        ({"$or": [{"_id": "qnap-01"}, {"facts.os.name": "OpenWrt"}]}, ["openwrt-01", "qnap-01"]),
        ({"$and": [{"facts.os.name": "Debian"}, {"_id": {"$gt": "bp"}}]}, ["bullseye-01", "trixie-01"]),
        ({"$nor": [{"facts.os.name": "Debian"}, {"_id": "qnap-01"}]}, ["cygwin-01", "openwrt-01"]),
        ({"$not": {"facts.os.name": "Debian"}}, OTHERS),
        ({"_id": {"$gte": "o", "$lt": "r"}}, ["openwrt-01", "qnap-01"]),
        ({"facts.os.release": {"$type": "object"}, "facts.is_virtual": True}, DEBIAN + OTHERS),
        ({"facts.processors.count": {"$gt": 0}}, DEBIAN + OTHERS),
        ({"facts.processors.count": {"$gt": "0"}}, []),
    ],
)
def test_selectors_find_the_same_documents(lab: Lab, selector: Any, wanted: list[str]) -> None:
    status, told = couch(lab, "/_find", {"selector": selector, "fields": ["_id"], "limit": 100})
    assert (status, sorted(doc["_id"] for doc in told["docs"])) == (200, sorted(wanted))
    assert all(list(doc) == ["_id"] for doc in told["docs"])


@pytest.mark.parametrize("body", [{"selector": {"_id": {"$nosuch": 1}}}, {}])
def test_bad_selectors_are_refused(lab: Lab, body: Any) -> None:
    status, told = couch(lab, "/_find", body)
    assert status == 400
    assert {"error", "reason"} <= set(told)


def test_find_skips_and_limits(lab: Lab) -> None:
    _, told = couch(lab, "/_find", {"selector": {"_id": {"$gt": ""}}, "skip": 1, "limit": 2})
    assert [doc["_id"] for doc in told["docs"]] == ["bullseye-01", "cygwin-01"]
