"""What operators see: structured logs without personal data, and the runtime's metrics in each service's registry."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, BinaryIO, cast

import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector
from structlog.tracebacks import ExceptionDictTransformer

from baton.runtime.fold import Tally

log: Any = structlog.get_logger("baton")

METRICS_TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPEN_METRICS = openmetrics.CONTENT_TYPE_LATEST
STAGE_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)


def exposition(registry: CollectorRegistry, accept: str = "") -> tuple[bytes, str]:
    """Return the metrics and their media type: OpenMetrics, with exemplars, for who names it in `Accept`; else the
    classic text."""
    if any(part.split(";")[0].strip().lower() == "application/openmetrics-text" for part in accept.split(",")):
        text: bytes = openmetrics.generate_latest(registry)  # type: ignore[no-untyped-call]
        return text, OPEN_METRICS
    return generate_latest(registry), METRICS_TEXT


class Counts(Collector):
    """A counter whose values are kept where things happen, and read when somebody scrapes."""

    def __init__(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str],
        read: Callable[[], Mapping[tuple[str, ...], int]],
        registry: CollectorRegistry,
    ) -> None:
        self._family = (name, documentation)
        self._labelnames = tuple(labels)
        self._read = read
        registry.register(self)

    def describe(self) -> Iterable[Metric]:
        """The counter without values."""
        return (CounterMetricFamily(*self._family, labels=self._labelnames),)

    def collect(self) -> Iterable[Metric]:
        """The counter as it stands."""
        family = CounterMetricFamily(*self._family, labels=self._labelnames)
        for labels, value in sorted(self._read().items()):
            family.add_metric(labels, value)
        return (family,)


def set_up_logs(level: str) -> None:
    """Log JSON lines to standard error from `level` up. Log ids, counts and kinds of errors, never what people
    typed."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            # Without local variables: those hold what people typed.
            structlog.processors.ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.JSONRenderer(serializer=_dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.BytesLoggerFactory(cast(BinaryIO, _Forbearing(sys.stderr.buffer))),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    for noisy in ("aiokafka", "kafka", "asyncio", "sqlalchemy", "alembic", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.ERROR)


class _Forbearing:
    """A stream that never fails: where the log cannot be written (a full disk), the work it tells of goes on."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, line: bytes) -> None:
        with contextlib.suppress(OSError):
            self._stream.write(line)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()


def _dumps(event: Any, **_: Any) -> bytes:
    return orjson.dumps(event, default=str)


def baton_version() -> str:
    """Return the version of the installed distribution."""
    try:
        return version("baton-shared")
    except PackageNotFoundError:
        return "0"


class RuntimeMetrics:
    """The metrics that every service has."""

    def __init__(self, registry: CollectorRegistry, service: str, parked: Any = None) -> None:
        self._service = service
        self.outbox_pending = Gauge(
            "baton_outbox_pending", "Facts in the journal not yet on the bus.", registry=registry
        )
        self.lag = Gauge("baton_consumer_lag", "Records not yet read.", ["topic"], registry=registry)
        self.concerns = Gauge(
            "baton_concerns", "1 for what needs a look, though the service works on.", ["about"], registry=registry
        )
        self.parked = Gauge("baton_parked_leads", "Leads with a parked fact.", ["reason"], registry=registry)
        self.gaps = Counter("baton_sequence_gaps", "Facts that came before their predecessor.", registry=registry)
        self.bases = Counter("baton_sequence_bases", "First sequences taken as base of a cut log.", registry=registry)
        self.duplicates = Counter("baton_duplicates_dropped", "Facts heard again.", registry=registry)
        self.handled = Counter("baton_facts_handled", "Records read and dealt with.", registry=registry)
        self.said = Counter("baton_facts_published", "Facts written to the journal.", ["type"], registry=registry)
        self.timers = Counter("baton_timers_fired", "Timers that came due and were acted on.", registry=registry)
        self.lateness = Histogram(
            "baton_timer_lateness_seconds", "Due time to firing.", registry=registry, buckets=STAGE_BUCKETS
        )
        self.stage = Histogram(
            "baton_stage_seconds",
            "From a fact's recording by its publisher to its handling here.",
            registry=registry,
            buckets=STAGE_BUCKETS,
        )
        self.clock_jumps = Counter(
            "baton_clock_jumps", "Times the store's clock parted from the monotonic one.", registry=registry
        )
        self.lanes = Gauge("baton_lanes_held", "Lanes this process works on.", registry=registry)
        self.all_lanes = Gauge("baton_lanes", "Lanes there are for all replicas together.", registry=registry)
        self.parked_total = Counter("baton_facts_parked", "Facts parked, for whatever reason.", registry=registry)
        self.relived = Counter(
            "baton_roll_forward_facts",
            "Own facts taken in again: decided alike (agreed), as said (adopted), without their causes (unheard).",
            ["how"],
            registry=registry,
        )
        self.erasures = Counter("baton_erasures", "Leads whose data was wiped here.", registry=registry)
        self.after_erasure = Counter(
            "baton_erased_facts_dropped",
            "Facts about leads that had been erased; none of them was kept.",
            registry=registry,
        )
        self.ready = Gauge(
            "baton_ready",
            "1 where this dependency lets the service do its work; 0 where `readyz` says what keeps it from it.",
            ["dependency"],
            registry=registry,
        )
        self.shed = Counter("baton_requests_shed", "Requests answered 503 because too much waits.", registry=registry)
        info = Gauge("baton_build_info", "Always 1.", ["service", "version"], registry=registry)
        info.labels(service, baton_version()).set(1)
        for reason in ("poison", "undecodable", "gap", "behind", "timer"):
            self.parked.labels(reason).set(0)
        for how in ("agreed", "adopted", "unheard"):
            self.relived.labels(how)

    def expect(self, lanes: int, hears: Iterable[str], says: Iterable[str]) -> None:
        """Begin the series of these topics and types of facts at 0: a rate needs a value before the first event."""
        self.all_lanes.set(lanes)
        for topic in hears:
            self.lag.labels(topic).set(0)
        for kind in says:
            self.said.labels(kind)

    def show_ready(self, reasons: Mapping[str, str | None]) -> None:
        """Say which dependencies are in order; what is no longer one is shown no more."""
        self.ready.clear()
        for dependency, why in reasons.items():
            self.ready.labels(dependency).set(why is None)

    def count(self, tally: Tally) -> None:
        """Take in what a committed transaction did."""
        self.handled.inc(tally.handled)
        self.duplicates.inc(tally.duplicates)
        self.gaps.inc(tally.gaps)
        self.bases.inc(tally.bases)
        self.parked_total.inc(tally.parked)
        self.erasures.inc(tally.erased)
        self.after_erasure.inc(tally.dropped)
        for how, number in tally.relived.items():
            self.relived.labels(how).inc(number)
        for kind, number in tally.facts.items():
            self.said.labels(kind).inc(number)
        for seconds in tally.stage_seconds:
            self.stage.observe(seconds)
        for row in tally.journal if log.is_enabled_for(logging.DEBUG) else ():
            trace_id = row["headers"]["ce_traceparent"].split("-")[1]
            log.debug(
                "said",
                service=self._service,
                type=row["type"],
                lead_id=row["subject"],
                sequence=row["sequence"],
                event_id=row["event_id"],
                trace_id=trace_id,
            )
