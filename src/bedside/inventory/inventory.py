"""Asks the sources, merges what they say, and marks who is taken out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bedside.clock import Clock
from bedside.inventory.exclusions import Exclusions
from bedside.inventory.federation import ask_all
from bedside.inventory.identity import merge
from bedside.inventory.rules import Rule
from bedside.inventory.source import Answer, Source
from bedside.model import Host
from bedside.query import Node, Or


@dataclass(frozen=True, slots=True)
class Known:
    """All hosts that the sources know, those taken out marked, and what each source answered."""

    hosts: tuple[Host, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Inventory:
    """Sources, and the rules by which hosts are taken out of what they know."""

    sources: tuple[Source, ...]
    exclusions: Exclusions
    rules: tuple[Rule, ...]
    clock: Clock

    def needs(self, queries: Sequence[Node]) -> Node:
        """Return a query that needs all that the queries need, and all that decides who is taken out."""
        by_hand = [query for query in self.exclusions.queries if query is not None]
        return Or((*queries, *by_hand, *(rule.query for rule in self.rules)))

    async def ask(self, queries: Sequence[Node]) -> Known:
        """Return every host, with all that is needed to decide the queries about it."""
        answers = await ask_all(self.sources, self.needs(queries), self.clock)
        merged = merge(host for answer in answers for host in answer.hosts)
        return Known(tuple(self.mark(host) for host in merged), answers)

    def mark(self, host: Host) -> Host:
        """Return the host, with the reason if it is taken out: what a person said goes before the rules."""
        excluded = self.exclusions.judge(host, self.clock.now())
        if excluded is None:
            excluded = next((found for rule in self.rules if (found := rule.judge(host))), None)
        return replace(host, excluded=excluded)
