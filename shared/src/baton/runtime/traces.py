"""Traces, where `BATON_TRACE_ENDPOINT` is set: OpenTelemetry by hand, once per transaction (docs/tracing.md).

A fact's span has the id that its `traceparent` header names, and its parent the one of the fact it was said on: what
every record carries anyway is the whole context, so nothing more is sent or stored. A transaction is a span in a trace
of its own, linked with those of its facts. Nothing of OpenTelemetry is loaded where the setting is empty.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from baton.runtime.bus.port import Record
from baton.runtime.envelope import is_traceparent
from baton.runtime.fold import Tally
from baton.runtime.ids import event_id

if TYPE_CHECKING:
    from opentelemetry.trace import Link, SpanContext

    from baton.runtime.settings import Settings

SCOPE = "baton"
QUEUE = 8192
"""Spans that wait to be sent; what comes on top is dropped: the work goes first."""
MOST_LINKS = 128
"""OpenTelemetry's own limit for a span."""
SEND_SECONDS = 5.0
CLOSE_SECONDS = 2.0


class CannotTrace(Exception):
    """BATON_TRACE_ENDPOINT is set, and what sends traces is not installed."""


def open_traces(settings: Settings, service: str) -> Traces | None:
    """Return where the service's spans go, None where nobody asks for them. Raises CannotTrace."""
    if settings.trace_endpoint is None:
        return None
    return Traces(service, settings.trace_endpoint, settings.trace_ratio)


def span_of(fact: str) -> str:
    """Return the id of a fact's span: the first 16 hex digits of the fact's own, as in its `traceparent`."""
    return fact.replace("-", "")[:16]


class Traces:
    """The spans of one service. Made for each engine; its own thread sends them."""

    def __init__(self, service: str, endpoint: str, ratio: float) -> None:
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
            from opentelemetry.sdk.util.instrumentation import InstrumentationScope
        except ImportError as missing:
            raise CannotTrace(f"BATON_TRACE_ENDPOINT is set, but {missing.name} is not installed") from missing
        self._service = service
        self._bound = int(ratio * 2**64)
        self._scope = InstrumentationScope(SCOPE)
        self._resource = Resource({"service.name": f"baton-{service}", "service.namespace": "baton"})
        self._exporter = OTLPSpanExporter(endpoint=endpoint, timeout=SEND_SECONDS)
        self._processor = BatchSpanProcessor(self._exporter, max_queue_size=QUEUE, schedule_delay_millis=500)

    def takes(self, traceparent: str) -> bool:
        """True for a trace that is sampled: the same ones in every service, by their id."""
        return int(traceparent[19:35], 16) < self._bound

    def committed(self, tally: Tally, records: Sequence[Record] = ()) -> None:
        """Tell of a transaction: a span for each fact it said, for each fact it heard and said nothing on, and one for
        itself."""
        ended = time.time_ns()
        heard = {fact: trace for fact, trace in map(_heard, records) if trace is not None and self.takes(trace)}
        said = [row["headers"] for row in tally.journal if self.takes(row["headers"]["traceparent"])]
        if not heard and not said:
            return
        own = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
        link = self._links([own])
        for headers in said:
            parent = _parent(headers, heard, tally.spans)
            self._emit(f"{self._service} {headers['ce_type']}", headers["traceparent"], parent, tally.began, ended,
                       kind="PRODUCER", links=link, attributes=_about(headers))  # fmt: skip
        silent = heard.keys() - {headers["ce_causationid"] for headers in said}
        for fact in sorted(silent):
            trace, span = heard[fact], span_of(event_id(self._service, fact))
            self._emit(f"{self._service} hears", f"{trace[:36]}{span}-01", trace[36:52], tally.began, ended,
                       kind="CONSUMER", links=link, attributes={"cloudevents.event_id": fact})  # fmt: skip
        told = {"messaging.batch.message_count": tally.handled or len(said), "baton.facts": len(tally.journal)}
        self._emit(f"{self._service} transaction", own, None, tally.began, ended, attributes=told,
                   links=self._links([*heard.values(), *(headers["traceparent"] for headers in said)]))  # fmt: skip

    def sent(self, facts: Iterable[Mapping[str, str]], began: int) -> None:
        """Tell of facts that the bus has acknowledged: one span in a trace of its own, linked with theirs."""
        taken = [headers["traceparent"] for headers in facts if self.takes(headers["traceparent"])]
        if taken:
            own = f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"
            told = {"messaging.operation.name": "send", "messaging.batch.message_count": len(taken)}
            self._emit(f"{self._service} send", own, None, began, time.time_ns(), kind="CLIENT",
                       links=self._links(taken), attributes=told)  # fmt: skip

    def span(
        self,
        name: str,
        traceparent: str,
        parent: str | None,
        began: int,
        *,
        kind: str,
        error: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        """Tell of one thing that has just ended: a request, a delivery. `traceparent` names the span itself, `parent`
        (16 hex digits) the one before it."""
        if self.takes(traceparent):
            self._emit(name, traceparent, parent, began, time.time_ns(), kind=kind, error=error, attributes=attributes)

    def close(self) -> None:
        """Send what waits, as long as that takes `CLOSE_SECONDS` at most."""
        closing = threading.Thread(target=self._processor.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSE_SECONDS)

    def _emit(
        self,
        name: str,
        traceparent: str,
        parent: str | None,
        began: int,
        ended: int,
        *,
        kind: str = "INTERNAL",
        error: str | None = None,
        links: Sequence[Link] = (),
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        from opentelemetry.sdk.trace import ReadableSpan
        from opentelemetry.trace import SpanKind, Status, StatusCode

        span = ReadableSpan(
            name=name,
            context=_context(traceparent, is_remote=False),
            parent=_context(f"{traceparent[:36]}{parent}-01") if parent else None,
            resource=self._resource,
            attributes=dict(attributes or {}),
            links=links,
            kind=SpanKind[kind],
            status=Status(StatusCode.ERROR, error) if error else Status(StatusCode.UNSET),
            start_time=began,
            end_time=max(began, ended),
            instrumentation_scope=self._scope,
        )
        self._processor.on_end(span)

    @staticmethod
    def _links(traceparents: Iterable[str]) -> list[Link]:
        from opentelemetry.trace import Link

        return [Link(_context(one)) for one in list(traceparents)[:MOST_LINKS]]


def _context(traceparent: str, *, is_remote: bool = True) -> SpanContext:
    from opentelemetry.trace import SpanContext, TraceFlags

    _, trace, span, _ = traceparent.split("-")
    return SpanContext(int(trace, 16), int(span, 16), is_remote, TraceFlags(TraceFlags.SAMPLED))


def _heard(record: Record) -> tuple[str, str | None]:
    """The record's fact and its own place in its trace; none for what is no fact of ours."""
    found = dict(record.headers)
    trace = found.get("traceparent", b"").decode(errors="replace")
    return found.get("ce_id", b"").decode(errors="replace"), trace if is_traceparent(trace) else None


def _parent(headers: Mapping[str, str], heard: Mapping[str, str], spans: Mapping[str, str]) -> str | None:
    """The span a fact follows from: of the fact it was said on, of what a command named, else where its trace began."""
    cause, began = headers["ce_causationid"], headers["ce_traceparent"][36:52]
    if cause in heard:
        return heard[cause][36:52]
    if cause in spans:
        return spans[cause]
    return None if began == headers["traceparent"][36:52] else began


def _about(headers: Mapping[str, str]) -> dict[str, str]:
    """Ids and kinds alone, as in the log."""
    return {
        "messaging.operation.name": "create",
        "cloudevents.event_id": headers["ce_id"],
        "cloudevents.event_source": headers["ce_source"],
        "cloudevents.event_type": headers["ce_type"],
        "cloudevents.event_subject": headers["ce_subject"],
    }
