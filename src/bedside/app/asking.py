"""From a question to hosts: which sites are asked, who answers the query, and who is taken out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bedside.app import App
from bedside.errors import QueryError, SourceError, UsageError
from bedside.inventory import Answer, Inventory, exclusions, rules, sites
from bedside.inventory.identity import folded
from bedside.model import Exclusion, Host
from bedside.query import All, Node, matches, parse
from bedside.ssh.options import Written

SHOWN_DOUBTS = 5


@dataclass(frozen=True, slots=True)
class Selection:
    """The hosts that a question chose. Those that answer it but are taken out say why in `excluded`."""

    query: Node
    hosts: tuple[Host, ...]
    taken_out: tuple[Host, ...]
    answers: tuple[Answer, ...]

    @property
    def errors(self) -> tuple[SourceError, ...]:
        """Why sources could not be asked."""
        return tuple(a.error for a in self.answers if a.error)

    @property
    def doubts(self) -> tuple[str, ...]:
        """What was not understood in the answers, each with its source; of many the first few."""
        return tuple(f"{a.source}: {doubt}" for a in self.answers for doubt in _first(a.doubts))

    @property
    def complete(self) -> bool:
        """True where every source told all it knows."""
        return all(a.complete for a in self.answers)


def _first(doubts: Sequence[str]) -> list[str]:
    rest = len(doubts) - SHOWN_DOUBTS
    return [*doubts[:SHOWN_DOUBTS], *([f"and {rest} more like these"] if rest > 0 else [])]


async def select(
    app: App,
    query: str | None,
    hosts: Sequence[str] | None,
    names_of_sites: Sequence[str] = (),
    include_excluded: str | None = None,
) -> Selection:
    """Choose the hosts to act on. With `include_excluded` (a reason) those taken out are among them.

    Raises UsageError where neither query nor hosts are given: nobody acts on all hosts by default.
    """
    if query is None and hosts is None:
        raise UsageError("no hosts are named", advice="write a query, or the word all, or use -H")
    chosen = await look(app, query, hosts, names_of_sites)
    for doubt in chosen.doubts:
        app.warn(doubt)
    for host in chosen.hosts:
        if host.conflict:
            app.warn(f"{host.name}: perhaps not one host: {host.conflict}")
    if include_excluded is not None:
        return replace(chosen, hosts=(*chosen.hosts, *chosen.taken_out), taken_out=())
    unclear = _ambiguous(chosen.hosts)
    return replace(
        chosen,
        hosts=tuple(h for h in chosen.hosts if folded(h.name) not in unclear),
        taken_out=(*chosen.taken_out, *(_unclear(h) for h in chosen.hosts if folded(h.name) in unclear)),
    )


async def look(
    app: App, query: str | None, hosts: Sequence[str] | None = None, names_of_sites: Sequence[str] = ()
) -> Selection:
    """Find the hosts that answer the query (without one: all), or those named.

    Raises UsageError, ConfigError, QueryError. A source that fails is told in the selection.
    """
    inventory, asked = prepare(app, query, hosts, names_of_sites)
    known = await inventory.ask([asked, *_queries_of_ssh(app)])
    if hosts is None:
        found = tuple(h for h in known.hosts if matches(asked, h))
    else:
        found = tuple(_named(hosts, known.hosts, inventory))
    kept = tuple(h for h in found if h.excluded is None)
    return Selection(asked, kept, tuple(h for h in found if h.excluded is not None), known.answers)


def requests(
    app: App, query: str | None, names_of_sites: Sequence[str]
) -> Iterator[tuple[str, str, Sequence[str]]]:
    """Yield (site, source, what would be sent to it) without asking anybody."""
    inventory, asked = prepare(app, query, None, names_of_sites)
    needed = inventory.needs([asked, *_queries_of_ssh(app)])
    for source in inventory.sources:
        yield source.site, source.name, source.requests(needed)


def prepare(
    app: App, query: str | None, hosts: Sequence[str] | None, names_of_sites: Sequence[str]
) -> tuple[Inventory, Node]:
    """Return the inventory of the sites, and the query. Raises UsageError, ConfigError, QueryError."""
    if query is not None and hosts is not None:
        raise UsageError("a query and -H at once", advice="use one of the two")
    asked = All() if query is None else parse(query)
    chosen = sites.chosen(app.config, names_of_sites)
    if not chosen and hosts is None:
        raise UsageError(
            "there is nobody to ask: no site is configured",
            advice="add [site.NAME] to bedside.toml, or use -H",
        )
    around = sites.Surroundings(app.config, app.clock, app.environ, app.warn)
    by_hand = exclusions.load(exclusions.place(app.config, app.environ))
    taking_out = rules.load(app.config)
    return Inventory(tuple(sites.build(chosen, around)), by_hand, tuple(taking_out), app.clock), asked


def _queries_of_ssh(app: App) -> Iterator[Node]:
    """Yield the queries of [[ssh.rule]], which are decided about the hosts later on."""
    section: Any = app.config.data.get("ssh", {})
    for rule in section.get("rule", ()) if isinstance(section, dict) else ():
        try:
            yield parse(str(rule["hosts"]))
        except (QueryError, KeyError, TypeError):
            continue  # whoever reads the section says so


def _named(names: Sequence[str], known: Iterable[Host], inventory: Inventory) -> Iterator[Host]:
    """Yield the hosts named by -H, with what is known of them; unknown ones are taken as given."""
    places: dict[str, list[Host]] = {}
    for host in known:
        for key in {folded(host.name), folded(host.address or "")} - {""}:
            places.setdefault(key, []).append(host)
        if "." in host.name:
            places.setdefault(f"{folded(host.name).partition('.')[0]} (short)", []).append(host)
    for name in {n.lower(): n for n in names}.values():
        written = Written.parse(name)
        wanted = folded(written.name)
        short = places.get(f"{wanted} (short)", [])
        found = places.get(wanted) or (short if len(short) == 1 else [])
        if not found:
            yield inventory.mark(Host(name, user=written.user, port=written.port))
            continue
        host = next((h for h in found if h.excluded), found[0])
        yield replace(host, name=name, user=written.user or host.user, port=written.port or host.port)


def _ambiguous(hosts: Iterable[Host]) -> set[str]:
    """Return the names to which more than one host answers: a login would not know whose door it is."""
    seen: set[str] = set()
    twice: set[str] = set()
    for host in hosts:
        name = folded(host.name)
        (twice if name in seen else seen).add(name)
    return twice


def _unclear(host: Host) -> Host:
    reason = f"two hosts have this name: {host.conflict or 'nothing tells them apart'}"
    return replace(host, excluded=Exclusion(reason, by="rule", rule="identity"))
