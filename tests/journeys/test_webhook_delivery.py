"""A CRM that was away while Baton was killed gets every lead all the same, once."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.journeys import running
from tests.journeys.people import somebody
from tests.journeys.running import ROOT, embedded, eventually, free_port, up


@contextmanager
def crm(port: int, told: list[dict[str, Any]]) -> Iterator[None]:
    """A CRM that writes down what it is told."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            told.append({"id": self.headers["webhook-id"], **json.loads(body)})
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def test_leads_routed_while_the_crm_was_away_arrive_after_a_kill(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(running.SECRETS, "BATON_OUTBOUND_ALLOW", "http://127.0.0.1")
    port = free_port()
    told: list[dict[str, Any]] = []
    with embedded(tmp_path, ROOT / "deploy/playbook") as baton:
        url = f"http://127.0.0.1:{port}/leads"
        made = baton.post("/routing/v1/subscriptions", {"url": url})
        receipts = baton.post("/intake/v1/leads", [somebody() for _ in range(20)])
        leads = {receipt["lead_id"] for receipt in receipts}
        for lead in leads:
            baton.await_fact("routing", "lead.routed", lead)
        baton.kill()
        with crm(port, told):
            up(baton, tmp_path)
            baton.post(f"/routing/v1/subscriptions/{made['id']}/resume", None)
            eventually(lambda: leads <= {one["data"]["lead_id"] for one in told}, "all leads at the CRM", 90)
            for lead in leads:
                assert baton.await_fact("routing", "lead.delivered", lead)["endpoint"] == made["id"]
        seen = Counter(one["id"] for one in told)
        assert len(seen) == 20
        assert baton.get("/routing/v1/deliveries", state="pending")["deliveries"] == []
        listed = baton.cli("deliveries", "--endpoint", made["id"]).stdout
        assert listed.count("delivered after") == 20
