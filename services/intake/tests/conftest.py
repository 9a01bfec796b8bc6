"""A front desk: the real service on a real store behind its real HTTP, with a playbook a test may change."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import yaml
from fastapi import FastAPI
from services.intake.tests.posting import FEED, NOW, SCOPES, SECRETS, SHOP, sign_mautic
from sqlalchemy import select

from baton.intake.book import Book
from baton.intake.service import Intake
from baton.intake.settings import IntakeSettings
from baton.playbook import Playbook, Watch, load
from baton.runtime.bus.embedded import EmbeddedBus
from baton.runtime.clock import FixedClock
from baton.runtime.engine import Engine
from baton.runtime.http.app import create_app
from baton.runtime.migrate import migrate_now
from baton.runtime.store import open_store

EXAMPLE = Path(__file__).parents[3] / "deploy" / "playbook"


class Desk:
    """What a test does: post, look at what was said, change the playbook."""

    def __init__(
        self,
        app: FastAPI,
        engine: Engine,
        service: Intake,
        client: httpx.AsyncClient,
        playbook: Path,
        clock: FixedClock,
    ) -> None:
        self.app = app
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
        encoded = {name.encode(): value.encode("latin-1") for name, value in sent.items()}
        return await self.client.post(f"/intake/v1/{path}", content=content, headers=encoded)

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


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> Playbook:
    """The desks' playbook, loaded once."""
    return load(prepare(tmp_path_factory.mktemp("book"))[0])


@pytest.fixture
def open_desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, book: Playbook) -> OpenDesk:
    """Opens a front desk; on the Postgres database at `url` where given. Two may share one database."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    return desks(tmp_path, book)


def desks(tmp_path: Path, book: Playbook) -> OpenDesk:
    """What opens front desks in this directory."""
    playbook, tokens = prepare(tmp_path)

    @asynccontextmanager
    async def opened(url: str | None = None, name: str = "desk", **settings: Any) -> AsyncIterator[Desk]:
        home = tmp_path / name
        own = IntakeSettings(home=home, database_url=url, playbook=playbook, tokens=tokens, partitions=4, **settings)
        await migrate_now("intake", own.store_url("intake"))
        clock = FixedClock(NOW)
        service = Intake(own, Book(Watch(playbook, book), os.environ))
        bus = EmbeddedBus(home / "bus.db")
        engine = Engine(service, own, open_store(own.store_url("intake")), bus, clock, alone=url is None)
        app = create_app(engine)
        await engine.start()
        transport = httpx.ASGITransport(app)
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                yield Desk(app, engine, service, client, playbook, clock)
        finally:
            await engine.stop()
            await bus.close()

    return opened


@pytest.fixture
async def desk(open_desk: OpenDesk) -> AsyncIterator[Desk]:
    """A front desk on SQLite."""
    async with open_desk() as opened:
        yield opened
