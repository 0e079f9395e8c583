"""The append-only record of every intent and outcome."""

from bedside.ledger.envelope import Envelope
from bedside.ledger.record import RunRecord
from bedside.ledger.store import Ledger, LedgerSection, open_ledger

__all__ = ["Envelope", "Ledger", "LedgerSection", "RunRecord", "open_ledger"]
