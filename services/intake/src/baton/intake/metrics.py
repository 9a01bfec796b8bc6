"""What operators see of intake. Sources are named as the playbook names them; whatever else was named is `other`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from baton.intake.delivery import Receipt
from baton.intake.domain.elements import NATIVE, Cause

OTHER: Final = "other"
PAIR_STATES = ("due", "proposed", "apart", "merged")
STREAM_ENDS = ("finished", "stopped", "cut")
FETCH_OUTCOMES = ("fetched", "again", "refused")
OUTCOMES = ("accepted", "duplicate", "quarantined")
SIZE_BUCKETS = (256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304)


class IntakeMetrics:
    """Intake's metrics in its own registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._elements = Counter(
            "baton_intake_elements",
            "Elements received, by what became of them.",
            ["source", "outcome"],
            registry=registry,
        )
        self._replayed = Counter(
            "baton_intake_replayed",
            "Quarantined elements tried again, by what became of them.",
            ["outcome"],
            registry=registry,
        )
        self._quarantined = Gauge(
            "baton_intake_quarantined", "Elements in quarantine now.", ["cause"], registry=registry
        )
        self._given_up = Counter(
            "baton_intake_quarantine_given_up",
            "Elements that nobody settled in time, and that are lost.",
            registry=registry,
        )
        self._bytes = Histogram("baton_intake_body_bytes", "Size of bodies.", registry=registry, buckets=SIZE_BUCKETS)
        self._refused = Counter(
            "baton_intake_hooks_refused", "Hook posts with a bad signature.", ["source"], registry=registry
        )
        self._faults = Counter(
            "baton_intake_faults",
            "Elements that could not be taken in when they came, by source and cause.",
            ["source", "cause"],
            registry=registry,
        )
        self._ignored = Counter(
            "baton_intake_ignored",
            "Elements of which nothing came, by the reason their mapping gives; not among those received.",
            ["source", "reason"],
            registry=registry,
        )
        self._fetches = Counter(
            "baton_fetches",
            "Errands for what notices name: fetched, again (later), or refused.",
            ["source", "outcome"],
            registry=registry,
        )
        self._handshakes = Counter(
            "baton_intake_handshakes",
            "Challenges of platforms, by how they were answered.",
            ["source", "outcome"],
            registry=registry,
        )
        self._streams = Gauge("baton_intake_streams", "NDJSON bodies coming in now.", registry=registry)
        self._streams_ended = Counter(
            "baton_intake_streams_ended",
            "NDJSON bodies, by how they ended: finished, stopped (broken, or not to be stored), or cut off.",
            ["how"],
            registry=registry,
        )
        self._stream_waits = Counter(
            "baton_intake_stream_waits_seconds",
            "Time that NDJSON bodies were not read because others had to be stored first.",
            registry=registry,
        )
        self._lines_refused = Counter(
            "baton_intake_lines_refused", "Lines of NDJSON that were too long to be kept.", registry=registry
        )
        self._merges = Counter(
            "baton_merges", "Two leads made one, two again, or kept apart.", ["what", "because"], registry=registry
        )
        self._pairs = Gauge(
            "baton_merge_pairs", "Pairs of leads that may be one person, by state.", ["state"], registry=registry
        )
        self._playbook = Gauge("baton_playbook_info", "Always 1.", ["version"], registry=registry)
        self._known: frozenset[str] = frozenset()
        for outcome in OUTCOMES:
            self._replayed.labels(outcome)
        for how in STREAM_ENDS:
            self._streams_ended.labels(how)
        self.quarantine({})
        self.pairs({})

    def playbook(self, version: str, sources: Iterable[str]) -> None:
        """Take note of the playbook in use and of the sources it names."""
        self._playbook.clear()
        self._playbook.labels(version).set(1)
        self._known = frozenset(sources)
        for source in (*self._known, NATIVE):
            for outcome in OUTCOMES:
                self._elements.labels(source, outcome)
            for cause in get_args(Cause):
                self._faults.labels(source, cause)
        for source in self._known:
            self._refused.labels(source)
            for outcome in FETCH_OUTCOMES:
                self._fetches.labels(source, outcome)

    def received(self, size: int, receipts: Iterable[Receipt]) -> None:
        """Count a body and its elements. To be called once they are committed."""
        self._bytes.observe(size)
        for receipt in receipts:
            source = self._label(receipt.source)
            if receipt.status == "ignored":
                self._ignored.labels(source, receipt.cause or "").inc()
                continue
            self._elements.labels(source, receipt.status).inc()
            if receipt.cause is not None:
                self._faults.labels(source, receipt.cause).inc()

    @contextmanager
    def streaming(self) -> Iterator[Callable[[str], None]]:
        """Show an NDJSON body while it comes in; what is yielded is to be told how it ended."""
        with self._streams.track_inprogress():
            yield lambda how: self._streams_ended.labels(how).inc()

    def stream_waited(self, seconds: float) -> None:
        """Add up how long streams were kept waiting."""
        self._stream_waits.inc(seconds)

    def refused_line(self) -> None:
        """Count a line that was too long."""
        self._lines_refused.inc()

    def fetched(self, source: str, outcome: str) -> None:
        """Count an errand, by how it went."""
        self._fetches.labels(self._label(source), outcome).inc()

    def replayed(self, receipts: Iterable[Receipt], woken: int) -> None:
        """Count elements that were tried again, by hand or because their lead turned up."""
        for receipt in receipts:
            if receipt.status == "ignored":
                self._ignored.labels(self._label(receipt.source), receipt.cause or "").inc()
            else:
                self._replayed.labels(receipt.status).inc()
        self._replayed.labels("accepted").inc(woken)

    def refused(self, source: str) -> None:
        """Count a post whose signature was not genuine."""
        self._refused.labels(source).inc()

    def handshake(self, source: str, *, is_met: bool) -> None:
        """Count a challenge."""
        self._handshakes.labels(source, "met" if is_met else "refused").inc()

    def gave_up(self, number: int) -> None:
        """Count elements that stood in quarantine for too long."""
        self._given_up.inc(number)

    def quarantine(self, causes: Mapping[str, int]) -> None:
        """Show what is in quarantine."""
        for cause in get_args(Cause):
            self._quarantined.labels(cause).set(causes.get(cause, 0))

    def merged(self, what: str, because: str) -> None:
        """Count a merge, its undoing, or a pair kept apart."""
        self._merges.labels(what, because).inc()

    def pairs(self, states: Mapping[str, int]) -> None:
        """Show how many pairs there are in each state."""
        for state in PAIR_STATES:
            self._pairs.labels(state).set(states.get(state, 0))

    def _label(self, source: str) -> str:
        return source if source in self._known or source == NATIVE else OTHER
