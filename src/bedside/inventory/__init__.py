"""Who there is: sources, their federation, the identity of hosts, and what is taken out of them."""

from __future__ import annotations

from bedside.inventory.inventory import Inventory, Known
from bedside.inventory.source import Answer, Source

__all__ = ["Answer", "Inventory", "Known", "Source"]
