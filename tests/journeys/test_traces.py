"""One trace from the webhook to the CRM: what a collector is sent by a running Baton, over the embedded set-up."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from baton.runtime.settings import Settings
from baton.runtime.traces import CannotTrace, Traces, open_traces
from tests.journeys.running import ROOT, SERVICES, Baton, embedded, eventually, free_port, signed_like_mautic
from tests.journeys.test_webhook_delivery import crm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

PERSON = "ines.duarte"
SENDERS = "4bf92f3577b34da6a3ce929d0e0e4736"


@dataclass(frozen=True)
class Span:
    """As the collector reads it; ids in hex."""

    service: str
    name: str
    trace: str
    id: str
    parent: str
    kind: int
    links: tuple[tuple[str, str], ...]


@dataclass
class Collector:
    """An OTLP receiver over HTTP that keeps what it is sent."""

    url: str
    bodies: list[bytes] = field(default_factory=list)

    def spans(self) -> list[Span]:
        return [span for body in list(self.bodies) for span in _spans(body)]

    def of(self, trace: str) -> list[Span]:
        return [span for span in self.spans() if span.trace == trace]


def _spans(body: bytes) -> Iterator[Span]:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        named = {one.key: one.value.string_value for one in resource.resource.attributes}
        for scope in resource.scope_spans:
            for span in scope.spans:
                links = tuple((link.trace_id.hex(), link.span_id.hex()) for link in span.links)
                ids = (span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex())
                yield Span(named["service.name"].removeprefix("baton-"), span.name, *ids, span.kind, links)


@contextmanager
def collector() -> Iterator[Collector]:
    found = Collector(f"http://127.0.0.1:{free_port()}/v1/traces")

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", int(found.url.split(":")[2].split("/")[0])), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Baton, Collector]]:
    """A Baton that traces, with a CRM that takes what it is told."""
    folder, port = tmp_path_factory.mktemp("traced"), free_port()
    settings = {"BATON_OUTBOUND_ALLOW": "http://127.0.0.1"}
    with (
        collector() as sent,
        crm(port, []),
        embedded(folder, ROOT / "deploy/playbook", BATON_TRACE_ENDPOINT=sent.url, **settings) as baton,
    ):
        baton.post("/routing/v1/subscriptions", {"url": f"http://127.0.0.1:{port}/leads"})
        yield baton, sent


def hooked(baton: Baton, number: int, **more: str) -> str:
    """Mautic posts somebody; returns the lead's id once the CRM was told of it."""
    values = {"firstname": "Ines", "lastname": "Duarte", "company": f"Quay {number}", "position": "Head of Operations"}
    values |= {"country": "Portugal", "employees": "800", "cause": "event", "problem": "known", "horizon": "3_months"}
    values |= {"will_talk": "yes", "product": "slotting", "email": f"{PERSON}-{number}@quay-{number}.example"}
    core = {name: {"type": "text", "value": value} for name, value in values.items()}
    contact = {"id": number, "points": 0, "fields": {"core": core, "social": [], "personal": []}, "tags": [[]]}
    event = {"contact": contact, "timestamp": datetime.now(UTC).isoformat(timespec="seconds")}
    body = json.dumps({"mautic.lead_post_save_new": [event]}).encode()
    headers = {"Content-Type": "application/json", "Webhook-Signature": signed_like_mautic(body), **more}
    assert httpx.post(baton.url("/intake/v1/hooks/mautic"), content=body, headers=headers, timeout=30).is_success
    asked = {"email": values["email"]}
    lead_id = str(baton.post("/intake/v1/leads/search", asked)["leads"][0]["lead_id"])
    baton.await_fact("routing", "lead.delivered", lead_id)
    return lead_id


def trace_of(baton: Baton, lead_id: str) -> str:
    """The trace that the lead's facts name, which is one."""
    traces = {
        fact["traceparent"].split("-")[1]
        for service, types in (("intake", {"lead.received"}), ("routing", {"lead.routed", "lead.delivered"}))
        for fact in baton.facts(service, lead_id)
        if fact["type"] in types
    }
    assert len(traces) == 1
    return str(traces.pop())


def told(sent: Collector, trace: str) -> list[Span]:
    """The spans of a trace, once all five services and the delivery have told theirs."""

    def look() -> list[Span] | None:
        found = sent.of(trace)
        names = {span.name for span in found}
        return found if {span.service for span in found} == set(SERVICES) and set(NAMES) <= names else None

    return eventually(look, f"a whole trace {trace}")


NAMES = (
    "POST /intake/v1/hooks/{source}",
    "intake lead.received",
    "scoring lead.qualified",
    "routing lead.routed",
    "routing deliver lead.routed",
    "routing lead.delivered",
    "sla-monitor sla.started",
    "reporting hears",
)


def test_one_trace_leads_from_the_webhook_to_the_crm_through_all_five_services(
    traced: tuple[Baton, Collector],
) -> None:
    baton, sent = traced
    lead_id = hooked(baton, 1)
    spans = told(sent, trace_of(baton, lead_id))
    by_id = {span.id: span for span in spans}
    assert len(by_id) == len(spans)
    assert [span.name for span in spans if not span.parent] == [NAMES[0]]
    assert all(span.parent in by_id for span in spans if span.parent)
    upwards = [next(span for span in spans if span.name == "routing lead.delivered")]
    while upwards[-1].parent:
        upwards.append(by_id[upwards[-1].parent])
    assert [span.name for span in reversed(upwards)] == [*NAMES[:6]]


def test_a_transaction_is_linked_with_the_facts_in_it_and_they_with_it(traced: tuple[Baton, Collector]) -> None:
    baton, sent = traced
    spans = told(sent, trace_of(baton, hooked(baton, 2)))
    everything = {(span.trace, span.id): span for span in sent.spans()}
    for service in SERVICES:
        own = next(span for span in spans if span.service == service and span.links)
        (batch,) = own.links
        transaction = eventually(lambda batch=batch: {(s.trace, s.id): s for s in sent.spans()}.get(batch), "its batch")
        assert transaction.name == f"{service} transaction"
        assert {(own.trace, own.id), (own.trace, own.parent)} & set(transaction.links)
    assert any(span.name == "intake send" and span.links for span in everything.values())


def test_the_sender_s_trace_goes_on(traced: tuple[Baton, Collector]) -> None:
    baton, sent = traced
    lead_id = hooked(baton, 3, traceparent=f"00-{SENDERS}-00f067aa0ba902b7-01")
    assert trace_of(baton, lead_id) == SENDERS
    (door,) = [span for span in told(sent, SENDERS) if span.name == NAMES[0]]
    assert door.parent == "00f067aa0ba902b7"


def test_no_span_tells_who_anybody_is(traced: tuple[Baton, Collector]) -> None:
    baton, sent = traced
    told(sent, trace_of(baton, hooked(baton, 4)))
    assert not [body for body in sent.bodies if PERSON.encode() in body or b"Duarte" in body or b"Quay" in body]


def test_without_the_setting_nothing_of_opentelemetry_s_sdk_is_loaded() -> None:
    script = (
        "import sys; from baton.runtime.run import build_service, installed_services; "
        "from baton.runtime.settings import Settings; from baton.runtime import engine, traces; "
        "[build_service(name, Settings()) for name in installed_services()]; "
        "assert traces.open_traces(Settings(), 'intake') is None; "
        "print(*[name for name in sys.modules if name.startswith(('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_where_it_is_asked_for_and_not_installed_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with pytest.raises(CannotTrace, match="is not installed"):
        open_traces(Settings(trace_endpoint="http://127.0.0.1:9/v1/traces"), "intake")


@pytest.mark.parametrize(("ratio", "taken"), [(0.0, 0), (0.25, 250), (1.0, 1000)])
def test_of_traces_a_share_is_sent_the_same_in_every_service(ratio: float, taken: int) -> None:
    traces = [Traces(service, "http://127.0.0.1:9/v1/traces", ratio) for service in ("intake", "routing")]
    some = [f"00-{hashlib.sha256(str(n).encode()).hexdigest()[:32]}-00f067aa0ba902b7-01" for n in range(1000)]
    chosen = [[one for one in some if each.takes(one)] for each in traces]
    assert chosen[0] == chosen[1]
    assert abs(len(chosen[0]) - taken) < 50
    for each in traces:
        each.close()
