"""The kiosk's application over a real engine and store."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from shared.tests.runtime_http.kiosk import Kiosk

from baton.runtime.bus.embedded import EmbeddedBus
from baton.runtime.clock import FixedClock
from baton.runtime.engine import Engine
from baton.runtime.http import ensure_admin_token
from baton.runtime.http.app import create_app
from baton.runtime.settings import Settings
from baton.runtime.store import open_store
from baton.runtime.store.port import sqlite_engine

START = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
Open = Callable[..., AbstractAsyncContextManager[tuple[httpx.AsyncClient, Engine]]]


def token_entry(secret: str, *scopes: str) -> str:
    """One entry of a tokens file."""
    digest = hashlib.sha256(secret.encode()).hexdigest()
    return f"- {{name: {secret}, sha256: {digest}, scopes: [{', '.join(repr(s) for s in scopes)}]}}\n"


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(START)


@pytest.fixture
def open_kiosk(tmp_path: Path, clock: FixedClock) -> Open:
    """Return what opens a kiosk with further settings; the client comes from `peer`, without a token."""

    @asynccontextmanager
    async def opened(peer: str = "127.0.0.1", **more: Any) -> AsyncIterator[tuple[httpx.AsyncClient, Engine]]:
        settings = Settings(home=tmp_path, partitions=2, **more)
        kiosk = Kiosk()
        database = sqlite_engine(tmp_path / "kiosk.db")
        kiosk.metadata.create_all(database)
        database.dispose()
        store, bus = open_store(settings.store_url("kiosk")), EmbeddedBus(tmp_path / "bus.db")
        engine = Engine(kiosk, settings, store, bus, clock, alone=True)
        await engine.start()
        transport = httpx.ASGITransport(app=create_app(engine), client=(peer, 4711))
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000") as client:
                yield client, engine
        finally:
            await engine.stop()
            await bus.close()

    return opened


@pytest.fixture
def admin(tmp_path: Path) -> dict[str, str]:
    """Headers of the embedded set-up's admin."""
    return {"Authorization": f"Bearer {ensure_admin_token(tmp_path)}"}


@pytest.fixture
async def client(open_kiosk: Open, admin: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the admin's token."""
    async with open_kiosk() as (client, _):
        client.headers.update(admin)
        yield client
