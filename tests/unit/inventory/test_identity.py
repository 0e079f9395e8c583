from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bedside.inventory.identity import merge
from bedside.model import Host, Service


def test_records_with_the_same_name_and_address_are_one_host() -> None:
    seen = Host(
        "web1", address="10.0.0.1", state="up", services=(Service("ssh"),), sources=("live",), age_s=0.0
    )
    filed = Host(
        "WEB1.", address="10.0.0.1", facts={"os": {"name": "Debian"}}, sources=("couch",), age_s=60.0
    )
    (host,) = merge([seen, filed])
    assert host.name == "web1"
    assert host.services == seen.services
    assert host.facts == filed.facts
    assert host.sources == ("live", "couch")
    assert host.age_s == 60.0
    assert host.conflict is None


def test_a_record_without_an_address_does_not_speak_against_its_name() -> None:
    assert len(merge([Host("web1", address="10.0.0.1"), Host("web1")])) == 1


def test_different_addresses_are_two_hosts_and_both_say_why() -> None:
    hosts = merge(
        [Host("web1", address="10.0.0.1", sources=("a",)), Host("web1", address="10.0.0.2", sources=("b",))]
    )
    assert [h.address for h in hosts] == ["10.0.0.1", "10.0.0.2"]
    assert all(
        h.conflict and "10.0.0.1 " not in h.conflict and "different addresses" in h.conflict for h in hosts
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [("10.0.0.1", "198.51.99.7"), ("10.0.0.1", "web1.example.com"), ("10.0.0.1", "2001:db8::1"),
     (None, "10.0.0.1")],
)  # fmt: skip
def test_addresses_that_one_host_may_well_have_do_not_conflict(one: str | None, other: str) -> None:
    assert len(merge([Host("web1", address=one), Host("web1", address=other)])) == 1


def test_any_address_among_the_facts_will_do() -> None:
    facts = {
        "networking": {
            "interfaces": {"eth0": {"ip": "10.0.0.9"}, "eth1": {"bindings": [{"address": "10.0.0.1"}]}}
        }
    }
    assert len(merge([Host("web1", address="10.0.0.1"), Host("web1", address="10.0.0.9", facts=facts)])) == 1


def test_other_keys_or_machine_ids_are_other_hosts() -> None:
    for key in ("host_key", "machine_id"):
        one, other = (Host("web1", **{key: value}) for value in "ab")  # type: ignore[arg-type]
        assert len(merge([one, other])) == 2


def test_key_and_machine_id_together_join_two_names() -> None:
    both: dict[str, Any] = {"host_key": "k", "machine_id": "m"}
    (host,) = merge([Host("web1", **both), Host("web1.example.com", **both)])
    assert host.name == "web1"
    assert len(merge([Host("web1", host_key="k"), Host("web2", host_key="k")])) == 2


def test_a_clone_with_another_address_is_another_host() -> None:
    both: dict[str, Any] = {"host_key": "k", "machine_id": "m"}
    hosts = merge([Host("web1", address="10.0.0.1", **both), Host("web2", address="10.0.0.2", **both)])
    assert [h.name for h in hosts] == ["web1", "web2"]
    assert all("different addresses" in (h.conflict or "") for h in hosts)


def test_a_third_record_joins_two_that_had_no_evidence_of_each_other() -> None:
    both: dict[str, Any] = {"host_key": "k", "machine_id": "m"}
    (host,) = merge([Host("web1", state="up"), Host("web1.bo", tags=("t",), **both), Host("web1", **both)])
    assert (host.state, host.tags) == ("up", ("t",))


def test_facts_are_merged_deeply_and_the_first_source_is_believed() -> None:
    (host,) = merge(
        [Host("a", facts={"os": {"name": "x"}, "n": 1}), Host("a", facts={"os": {"name": "y", "f": 2}})]
    )
    assert host.facts == {"os": {"name": "x", "f": 2}, "n": 1}


records = st.builds(
    Host,
    st.sampled_from(["a", "b", "A"]),
    address=st.sampled_from([None, "10.0.0.1", "10.0.0.2"]),
    host_key=st.sampled_from([None, "k", "l"]),
    machine_id=st.sampled_from([None, "m", "n"]),
    tags=st.sampled_from([(), ("x",), ("y",)]),
    sources=st.sampled_from([("s",), ("t",)]),
)


@given(st.lists(records, max_size=6))
def test_merging_loses_no_name_tag_or_source_and_joins_no_contradiction(several: list[Host]) -> None:
    merged = merge(several)
    assert {h.name.lower() for h in merged} <= {h.name.lower() for h in several}
    for kind in ("tags", "sources"):
        before, after = ({v for h in hosts for v in getattr(h, kind)} for hosts in (several, merged))
        assert before == after
    assert len(merged) <= len(several)


@given(st.lists(records, max_size=5))
def test_merging_what_is_merged_changes_nothing(several: list[Host]) -> None:
    once = merge(several)
    if all(h.conflict is None for h in once):
        assert merge(once) == once
