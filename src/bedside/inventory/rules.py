"""Rules that take out look-alikes: hosts with an ssh service which are no servers of ours.

The shipped ones stand in `lookalikes.toml`; `[[exclusion_rule]]` in the configuration adds to them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from bedside.config import Config
from bedside.errors import QueryError
from bedside.model import Exclusion, Host
from bedside.query import Node, explain, matches, parse
from bedside.text import one_line

SHIPPED = Path(__file__).with_name("lookalikes.toml")
SHOWN_EVIDENCE = 2


class RuleEntry(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One [[exclusion_rule]]. Of a shipped rule's name, what is not given is taken from there."""

    name: str
    query: str | None = None
    reason: str | None = None
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """Hosts that answer `query` are taken out."""

    name: str
    query: Node
    reason: str

    def judge(self, host: Host) -> Exclusion | None:
        """Return why the host is taken out, with the evidence that was seen; None if it stays."""
        if not matches(self.query, host):
            return None
        return Exclusion(f"{self.reason}: {evidence(self.query, host)}", by="rule", rule=self.name)


def evidence(query: Node, host: Host) -> str:
    """Return in one line what makes the query true of the host."""
    return one_line("; ".join(explain(query, host)[:SHOWN_EVIDENCE]))


def load(config: Config) -> list[Rule]:
    """Return the rules in force: the configured ones first. Raises ConfigError at the bad rule."""
    shipped = {e.name: e for e in _shipped()}
    raw = config.data.get("exclusion_rule", [])
    if not isinstance(raw, list):
        raise config.error_at("rules are written as [[exclusion_rule]]", "exclusion_rule")
    entries = [config.convert(e, RuleEntry, f"exclusion_rule[{n}]") for n, e in enumerate(raw)]
    own = [_own(config, entry, n, shipped) for n, entry in enumerate(entries)]
    named = {entry.name for entry in entries}
    rest = [
        Rule(e.name, parse(e.query or ""), e.reason or "") for e in shipped.values() if e.name not in named
    ]
    return [rule for rule in own if rule] + rest


def _own(config: Config, entry: RuleEntry, number: int, shipped: Mapping[str, RuleEntry]) -> Rule | None:
    where = f"exclusion_rule[{number}]"
    known = shipped.get(entry.name)
    query = entry.query or (known.query if known else None)
    reason = entry.reason or (known.reason if known else None)
    if not entry.enabled:
        if known is None and query is None:
            names = ", ".join(shipped)
            raise config.error_at(f"no shipped rule is called {entry.name!r}", f"{where}.name", names)
        return None
    if query is None or reason is None:
        missing = "query" if query is None else "reason"
        raise config.error_at(f"rule {entry.name!r} has no {missing}", where)
    try:
        return Rule(entry.name, parse(query), reason)
    except QueryError as error:
        raise config.error_at(str(error), f"{where}.query") from None


def _shipped() -> Sequence[RuleEntry]:
    data = tomllib.loads(SHIPPED.read_text("utf-8"))
    return msgspec.convert(data["exclusion_rule"], list[RuleEntry])
