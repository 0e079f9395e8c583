"""What `bedside fab` is given of the rest. Sessions and ledger are loaded when it asks for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

from bedside.app import App
from bedside.fabric1.engine import Record
from bedside.fabric1.main import Surroundings
from bedside.fabric1.target import Connector, Wishes


def surroundings(app: App) -> Surroundings:
    """Return what a run of `fab` is given."""

    def connector(wishes: Wishes) -> Connector:
        from bedside.app.fabsessions import PoolConnector

        return PoolConnector(app, wishes)

    def record(hosts: Sequence[str], what: Mapping[str, Any]) -> Record:
        from bedside.ledger import RunRecord

        return RunRecord(app.ledger, "fab", hosts, what)

    return Surroundings(connector, record, version("bedside"))
