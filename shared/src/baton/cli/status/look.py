"""Asks the five services how they are, all at once: one that hangs keeps nobody waiting for more than its time-outs."""

from __future__ import annotations

import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from baton.cli.client import SERVICES, Client
from baton.cli.faults import Exit, Fault
from baton.cli.health import Metrics, read_checks, read_metrics

PATIENCE = 2.0
"""Seconds for each request. What is asked for costs a service milliseconds."""
LEDGER_EVERY = 5.0
"""Seconds. A ledger is read from the database, other than metrics; somebody who looks on must not be its load."""


@dataclass(frozen=True)
class Seen:
    """What one service said of itself."""

    at: float
    """When, in seconds of the monotonic clock."""
    is_ready: bool = False
    reasons: Mapping[str, str] = field(default_factory=dict)
    """What is not in order, whether or not it keeps the service from its work."""
    metrics: Metrics | None = None
    fault: Fault | None = None
    """Why there are no metrics: nobody answered, or the answer was no."""

    @property
    def answers(self) -> bool:
        """Whether anybody is there."""
        return self.fault is None or self.fault.code != Exit.UNREACHABLE


Round = Mapping[str, Seen]
"""The services, in the order of the pipeline, as seen at about the same time."""


class Lookout:
    """Looks at a Baton again and again."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._threads = ThreadPoolExecutor(len(SERVICES), thread_name_prefix="baton-status")
        self._fates: dict[str, int] | None = None
        self._fates_due = 0.0

    def close(self) -> None:
        """Stop asking; requests under way end by their time-outs."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def look(self) -> Round:
        """Ask all services at once."""
        return dict(zip(SERVICES, self._threads.map(self._see, SERVICES), strict=True))

    def fates(self) -> dict[str, int] | None:
        """How many leads stand where, by reporting's ledger; some seconds old at most. None if it does not say."""
        if time.monotonic() >= self._fates_due:
            try:
                counts = self._client.get("/reporting/v1/ledger")["counts"]
                self._fates = {fate: int(number) for fate, number in counts.items() if fate != "leads"}
            except (Fault, KeyError, TypeError, AttributeError, ValueError):
                self._fates = None
            self._fates_due = time.monotonic() + LEDGER_EVERY
        return self._fates

    def _see(self, service: str) -> Seen:
        try:
            answer = self._client.ask("GET", f"/{service}/readyz")
            checks = read_checks(answer)
        except Fault as fault:
            return Seen(time.monotonic(), fault=fault)
        reasons = {name: why for name, why in checks.items() if why is not None}
        try:
            metrics = read_metrics(self._client, service)
        except Fault as fault:
            return Seen(time.monotonic(), answer.is_success, reasons, fault=fault)
        return Seen(time.monotonic(), answer.is_success, reasons, metrics)
