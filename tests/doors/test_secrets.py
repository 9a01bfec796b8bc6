"""Neither secrets nor what people typed stand in logs and metrics, whatever was posted and however it failed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.journeys.running import ROOT, SECRETS, SERVICES, Baton, embedded, eventually, signed_like_mautic, up

CANARIES = {
    "wrong token": "baton_wrong-token-canary",
    "basic": "YmFzaWMtY2FuYXJ5OmNhbmFyeQ==",
    "query token": "query-token-canary",
    "idempotency key": "idempotency-canary",
    "cookie": "cookie-canary",
    "e-mail": "canary.person@aviary.example",
    "name": "Canarina Aviary",
    "phone": "+4930901820",
    "in a broken body": "broken-body-canary",
    "in a header": "header-canary",
    "in a path": "path-canary",
    "in a search": "searched.canary@aviary.example",
}


@pytest.fixture(scope="module")
def loud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Baton]:
    """A Baton of its own that logs all it can."""
    folder = tmp_path_factory.mktemp("loud")
    with embedded(folder, ROOT / "deploy/playbook") as baton:
        baton.stop()
        baton.environment["BATON_LOG_LEVEL"] = "debug"
        up(baton, folder)
        yield baton


@pytest.mark.slow
def test_no_secret_and_nothing_personal_gets_into_logs_or_metrics(loud: Baton) -> None:
    statuses = knock_everywhere(loud)
    assert {200, 202, 303, 400, 401, 403, 404, 415, 422} <= set(statuses)
    eventually(lambda: any(fact["type"] == "lead.received" for fact in loud.facts("intake")), "the lead")
    metrics = "".join(loud.ask("GET", f"/{service}/metrics").text for service in SERVICES)
    log = "\n".join(line for line in loud.said("up").splitlines() if line.startswith("{"))
    assert '"level":"debug"' in log  # it was told a lot
    assert "baton_http" in metrics or "baton_intake" in metrics
    wanted = CANARIES | {"our token": loud.token, "secret of a source": SECRETS["BATON_MAUTIC_SECRET"]}
    wanted["signature"] = signed_like_mautic(b"{}")
    found = [name for name, canary in wanted.items() if canary in log or canary in metrics]
    assert found == []


@pytest.mark.slow
def test_the_link_that_logs_in_is_on_the_screen_and_in_no_line_of_the_log(loud: Baton) -> None:
    said = loud.said("up")
    (*_, link) = re.findall(r"http://\S+ticket=\S+", said)
    (ticket,) = parse_qs(urlsplit(link).query)["ticket"]
    path = link.partition(urlsplit(link).netloc)[2]
    assert loud.ask("GET", path, headers={"Authorization": ""}).status_code in {303, 403}
    assert not [line for line in said.splitlines() if line.startswith("{") and ticket in line]


def knock_everywhere(baton: Baton) -> list[int]:
    """Post with every secret there is, rightly and wrongly; the statuses."""
    person = {"email": CANARIES["e-mail"], "full_name": CANARIES["name"], "phone": CANARIES["phone"]}
    lead = {"source": "website", "contact": person, "occurred_at": "2026-11-20T09:00:00Z"}
    broken = {"content": b'{"contact": "' + CANARIES["in a broken body"].encode()}
    ours = {"Sec-Fetch-Site": "same-origin"}
    kind = {"Content-Type": "application/json"}
    search = {"email": CANARIES["in a search"]}
    asked = [
        ("POST", "/intake/v1/leads", {"json": lead, "headers": {"Idempotency-Key": CANARIES["idempotency key"]}}),
        ("POST", "/intake/v1/leads", {"json": {"contact": {"email": 7, "full_name": CANARIES["name"]}}}),
        ("POST", "/intake/v1/leads", {**broken, "headers": kind}),
        ("POST", "/intake/v1/leads", {**broken, "headers": {"Content-Type": CANARIES["in a header"]}}),
        ("POST", "/intake/v1/leads/search", {"json": search}),
        ("POST", "/scoring/v1/preview", {"json": {"contact": person, "surprise": CANARIES["in a broken body"]}}),
        ("GET", f"/routing/v1/reps/{CANARIES['in a path']}", {}),
        ("GET", "/reporting/v1/funnel", {"params": {"source": CANARIES["e-mail"], "from": CANARIES["name"]}}),
        ("POST", "/reporting/login", {"content": f"token={CANARIES['wrong token']}", "headers": ours}),
        ("POST", "/reporting/login", {"content": f"token={baton.token}", "headers": ours}),
        ("GET", "/reporting/login", {"params": {"ticket": CANARIES["query token"]}}),
    ]  # fmt: skip
    for wrong in (f"Bearer {CANARIES['wrong token']}", f"Basic {CANARIES['basic']}"):
        asked.append(("GET", "/intake/v1/quarantine", {"headers": {"Authorization": wrong}}))
    asked.append(("GET", "/reporting/", {"headers": {"Authorization": "", "Cookie": f"baton={CANARIES['cookie']}"}}))
    for source in ("mautic", "website", "google_ads", "typeform", "zapier"):
        for signature in (signed_like_mautic(b"{}"), CANARIES["wrong token"]):
            body = json.dumps(lead).encode() if signature == CANARIES["wrong token"] else b"{}"
            headers = {**kind, "Webhook-Signature": signature, "Authorization": f"Bearer {CANARIES['wrong token']}"}
            query = {"token": CANARIES["query token"]}
            asked.append(("POST", f"/intake/v1/hooks/{source}", {"content": body, "headers": headers, "params": query}))
    return [baton.ask(method, path, **more).status_code for method, path, more in asked]


def test_the_canaries_are_told_apart_from_everything_else() -> None:
    everything = "".join(path.read_text() for path in Path(ROOT / "shared/src").rglob("*.py"))
    assert not [name for name, canary in CANARIES.items() if canary in everything]
