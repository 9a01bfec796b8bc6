"""A front desk: the real service on a real store behind its real HTTP, with a playbook a test may change."""

from __future__ import annotations

import base64
import hashlib
import hmac
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import yaml
from sqlalchemy import select

from baton.intake.service import Intake, build
from baton.intake.settings import IntakeSettings
from baton.runtime.bus.embedded import EmbeddedBus
from baton.runtime.clock import FixedClock
from baton.runtime.engine import Engine
from baton.runtime.http.app import create_app
from baton.runtime.migrate import migrate_now
from baton.runtime.store import open_store

EXAMPLE = Path(__file__).parents[3] / "deploy" / "playbook"
NOW = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
SECRETS = {
    "BATON_MAUTIC_SECRET": "first-mautic-secret",
    "BATON_HUBSPOT_SECRET": "the-hubspot-secret",
    "SHOP_TOKEN": "new-shop-token",
    "OLD_SHOP_TOKEN": "old-shop-token",
}
SCOPES = {
    "map": ["intake:write"],
    "rep": ["sales:write"],
    "reader": ["leads:read"],
    "boss": ["admin"],
}
HUBSPOT_URL = "http://127.0.0.1:8000/intake/v1/hooks/hubspot-workflow"

SHOP = {
    "id": "shop",
    "label": "A shop's contact form",
    "system": "crm",
    "body": "form",
    "default_region": "GB",
    "signature": {"scheme": "token", "secrets": [{"env": "SHOP_TOKEN"}, {"env": "OLD_SHOP_TOKEN"}]},
    "mapping": [
        {
            "id": "enquiry",
            "external_id": "contact.id",
            "contact": {"email": "contact.email", "phone": "contact.phone", "full_name": "contact.name"},
            "properties": {"interests": {"path": "interest", "many": True}},
        }
    ],
}
FEED = {
    "id": "feed",
    "label": "Several kinds of things in one body",
    "signature": {"scheme": "token", "header": "X-Feed-Token", "secrets": [{"env": "SHOP_TOKEN"}]},
    "mapping": [
        {"id": "people", "each": "people[]", "when": "element.kind == 'person'", "contact": {"email": "mail"}},
        {
            "id": "views",
            "each": "views[]",
            "gives": "activity",
            "lead": {"email": "who"},
            "occurred_at": {"path": "at", "time": "ms"},
            "fields": {"kind": {"const": "page_view"}, "what": "page"},
        },
        {
            "id": "deals",
            "each": "deals[]",
            "gives": "status",
            "lead": {"system": {"const": "salesforce"}, "id": "contact"},
            "occurred_at": "at",
            "fields": {"status": "stage", "value": "amount", "currency": {"const": "EUR"}},
        },
    ],
}


def sign_mautic(body: bytes, secret: str = SECRETS["BATON_MAUTIC_SECRET"]) -> str:
    return base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()


def sign_hubspot(body: bytes, at: datetime = NOW, url: str = HUBSPOT_URL) -> dict[str, str]:
    secret = SECRETS["BATON_HUBSPOT_SECRET"]
    millis = str(int(at.timestamp() * 1000))
    signed = b"POST" + url.encode() + body + millis.encode()
    mac = base64.b64encode(hmac.digest(secret.encode(), signed, "sha256")).decode()
    return {"X-HubSpot-Signature-v3": mac, "X-HubSpot-Request-Timestamp": millis}


class Desk:
    """What a test does: post, look at what was said, change the playbook."""

    def __init__(
        self, engine: Engine, service: Intake, client: httpx.AsyncClient, playbook: Path, clock: FixedClock
    ) -> None:
        self.engine = engine
        self.service = service
        self.client = client
        self.playbook = playbook
        self.clock = clock

    async def post(
        self, path: str, body: Any = None, *, who: str | None = "map", raw: bytes | None = None, **headers: str
    ) -> httpx.Response:
        content = orjson.dumps(body) if raw is None else raw
        sent = {
            "Content-Type": "application/json",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        if who is not None:
            sent["Authorization"] = f"Bearer token-of-{who}"
        return await self.client.post(f"/intake/v1/{path}", content=content, headers=sent)

    async def lines(self, path: str, *lines: bytes, **headers: str) -> httpx.Response:
        return await self.post(path, raw=b"\n".join(lines), Content_Type="application/x-ndjson", **headers)

    async def get(self, path: str, who: str = "boss") -> Any:
        answer = await self.client.get(f"/intake/v1/{path}", headers={"Authorization": f"Bearer token-of-{who}"})
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def mautic(self, body: Any, **headers: str) -> httpx.Response:
        raw = body if isinstance(body, bytes) else orjson.dumps(body)
        sent = {"Webhook_Signature": sign_mautic(raw), **headers}
        return await self.post("hooks/mautic", raw=raw, who=None, **sent)

    async def feed(self, body: Any) -> dict[str, Any]:
        answer = await self.post("hooks/feed", body, who=None, X_Feed_Token=SECRETS["SHOP_TOKEN"])
        assert answer.status_code == 200, answer.text
        summary: dict[str, Any] = answer.json()
        return summary

    async def said(self, *types: str) -> list[dict[str, Any]]:
        """Every fact in the journal, in order, as {type, subject, id, **body}."""
        journal = self.service.metadata.tables["journal"]
        rows = await self.engine.read(lambda tx: tx.execute(select(journal).order_by(journal.c.id)).all())
        facts = [
            {"type": r.type, "subject": r.subject, "id": r.event_id, "sequence": r.sequence, **orjson.loads(r.value)}
            for r in rows
        ]
        return [fact for fact in facts if not types or fact["type"] in types]

    async def rows(self, table: str) -> list[Any]:
        found = self.service.metadata.tables[table]
        return list(await self.engine.read(lambda tx: tx.execute(select(found)).all()))

    async def elements(self) -> dict[str, int]:
        ledger = await self.get("ledger", who="reader")
        counts: dict[str, int] = ledger["counts"]["elements"]
        assert counts["received"] == counts["accepted"] + counts["duplicate"] + counts["quarantined"]
        return counts

    def change_sources(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Edit sources.yaml, and have the service look at it now."""
        file = self.playbook / "sources.yaml"
        sources = yaml.safe_load(file.read_text())
        change(sources)
        file.write_text(yaml.safe_dump(sources))
        assert self.service.book.poll(), self.service.book.refused

    def metric(self, name: str, **labels: str) -> float:
        return self.service.registry.get_sample_value(name, labels) or 0.0


def prepare(home: Path) -> tuple[Path, Path]:
    """A playbook with two more sources, and API tokens."""
    playbook = home / "playbook"
    shutil.copytree(EXAMPLE, playbook)
    sources = yaml.safe_load((playbook / "sources.yaml").read_text())
    sources["sources"] += [SHOP, FEED]
    (playbook / "sources.yaml").write_text(yaml.safe_dump(sources))
    tokens = [
        {"name": name, "sha256": hashlib.sha256(f"token-of-{name}".encode()).hexdigest(), "scopes": scopes}
        for name, scopes in SCOPES.items()
    ]
    (home / "tokens.yaml").write_text(yaml.safe_dump(tokens))
    return playbook, home / "tokens.yaml"


OpenDesk = Callable[..., AbstractAsyncContextManager[Desk]]


@pytest.fixture
def open_desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OpenDesk:
    """Opens a front desk; on the Postgres database at `url` where given. Two may share one database."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    playbook, tokens = prepare(tmp_path)

    @asynccontextmanager
    async def opened(url: str | None = None, name: str = "desk", **settings: Any) -> AsyncIterator[Desk]:
        home = tmp_path / name
        own = IntakeSettings(home=home, database_url=url, playbook=playbook, tokens=tokens, partitions=4, **settings)
        await migrate_now("intake", own.store_url("intake"))
        clock, service = FixedClock(NOW), build(own)
        bus = EmbeddedBus(home / "bus.db")
        engine = Engine(service, own, open_store(own.store_url("intake")), bus, clock, alone=url is None)
        app = create_app(engine)
        await engine.start()
        transport = httpx.ASGITransport(app)
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                yield Desk(engine, service, client, playbook, clock)
        finally:
            await engine.stop()
            await bus.close()

    return opened


@pytest.fixture
async def desk(open_desk: OpenDesk) -> AsyncIterator[Desk]:
    """A front desk on SQLite."""
    async with open_desk() as opened:
        yield opened
