"""`baton audit`: read all ledgers until nothing is in flight, or something has been for too long."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from baton.cli.client import SERVICES, Client
from baton.cli.ledger import Balance, Entry, balance, unacknowledged

ELEMENTS = ("accepted", "duplicate", "quarantined")
AUDITED = ("intake", "scoring", "routing", "reporting")


@dataclass(frozen=True)
class Verdict:
    """What the audit found. `stuck` are the leads whose fault outlived the quiet, with what is wrong."""

    balance: Balance
    elements: dict[str, int]
    stuck: dict[str, str]

    @property
    def elements_add_up(self) -> bool:
        """Received = accepted + duplicate + quarantined."""
        return self.elements["received"] == sum(self.elements[name] for name in ELEMENTS)

    @property
    def balances(self) -> bool:
        return self.elements_add_up and self.balance.adds_up and not self.stuck


def audit(client: Client, quiet: float, pause: float, told: Callable[[str], None]) -> Verdict:
    """Compare the books until every lead that was there at first has its fate, or none found it for `quiet` seconds.

    Leads that arrive while the audit runs do not keep it from ending; a backlog that is worked off is waited for.
    """
    found = _compare(client)
    suspects, since = set(found.faults), time.monotonic()
    while suspects and (left := since + quiet - time.monotonic()) > 0:
        told(f"{len(suspects)} leads in flight")
        time.sleep(min(pause, left))
        found = _compare(client)
        if arrived := suspects - set(found.faults):
            suspects, since = suspects - arrived, time.monotonic()
    stuck = {lead_id: found.faults[lead_id] for lead_id in sorted(suspects)}
    return Verdict(found, _elements(client), stuck)


def _compare(client: Client) -> Balance:
    parked = {lead_id for service in SERVICES for lead_id in _parked(client, service)}
    found = balance({service: _entries(client, service) for service in AUDITED}, parked)
    # Intake first: whoever has wiped what intake had erased by then is in time.
    found.faults |= unacknowledged({service: frozenset(_erased(client, service)) for service in SERVICES})
    return found


def _elements(client: Client) -> dict[str, int]:
    elements = client.get("/intake/v1/ledger")["counts"]["elements"]
    return {name: int(elements[name]) for name in ("received", *ELEMENTS)}


def _entries(client: Client, service: str) -> Iterator[Entry]:
    after: Any = None
    while True:
        page = client.get(f"/{service}/v1/ledger", ids=1, after=after)
        yield from page["leads"]
        after = page.get("next")
        if not after:
            return


def _erased(client: Client, service: str) -> Iterator[str]:
    after: Any = None
    while True:
        page = client.get(f"/{service}/v1/ledger", erased=1, after=after)
        yield from (str(lead["lead_id"]) for lead in page["erased"])
        after = page.get("next")
        if not after:
            return


def _parked(client: Client, service: str) -> Iterator[str]:
    for item in parked_items(client, service):
        yield str(item["subject"])


def parked_items(client: Client, service: str) -> Iterator[dict[str, Any]]:
    """Everything a service has put aside, page by page."""
    after: Any = None
    while True:
        page = client.get(f"/{service}/v1/parked", after=after)
        yield from page["parked"]
        after = page.get("next")
        if not after:
            return
