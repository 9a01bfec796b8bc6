"""All five services in this process, on SQLite and the embedded bus, and every route they answer."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from baton.runtime.bus.port import open_bus
from baton.runtime.clock import Clock
from baton.runtime.engine import Engine
from baton.runtime.http.access import Requires
from baton.runtime.http.app import combine, create_app
from baton.runtime.http.describe import needs_of
from baton.runtime.migrate import migrate_now
from baton.runtime.run import build_service, installed_services
from baton.runtime.settings import Settings
from baton.runtime.store import open_store

SCOPES = ("intake:write", "leads:read", "sales:write", "metrics", "admin")
AFAR = ("203.0.113.9", 4711)
"""A peer that is not this machine."""
VALUES = {
    "lead_id": "01936b2e-7d7e-7c4b-9a52-3a1f6e5b8c11",
    "account_id": "5b0f3c8a-7f0e-5d3e-9a55-0c8f1de0a7b1",
    "rep_id": "maja",
    "parked_id": "1",
}


@dataclass(frozen=True)
class Route:
    """One method of one path, and who may call it."""

    service: str
    method: str
    path: str
    needs: Requires | None
    is_page: bool

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    @property
    def url(self) -> str:
        """The path with something in every gap."""
        parts = [
            VALUES.get(part[1:-1].partition(":")[0], "x") if part.startswith("{") else part
            for part in self.path.split("/")
        ]
        return "/".join(parts)


@dataclass
class House:
    """The five applications, one client from afar without a token, and the tokens there are."""

    apps: dict[str, FastAPI]
    engines: dict[str, Engine]
    client: httpx.AsyncClient
    home: Path

    def routes(self) -> Iterator[Route]:
        """Every method of every path of all services, static files aside."""
        for service, app in self.apps.items():
            for route in iter_route_contexts(app.routes):
                needs = needs_of(route)
                assert len(needs) < 2, f"{route.path} asks for scopes twice"
                for method in sorted((route.methods or set()) - {"HEAD"}):
                    is_page = not route.include_in_schema
                    yield Route(service, method, str(route.path), needs[0] if needs else None, is_page)

    def mounts(self) -> set[str]:
        """Paths under which something else answers than a route."""
        return {
            str(route.path)
            for app in self.apps.values()
            for route in iter_route_contexts(app.routes)
            if route.methods is None
        }


def token_with(*scopes: str) -> str:
    """The secret of the token that has just these scopes."""
    return "token-" + "+".join(sorted(scopes)).replace(":", ".")


def bearer(*scopes: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token_with(*scopes)}"}


def _tokens(path: Path) -> Path:
    wanted = [(), *((scope,) for scope in SCOPES), *(tuple(s for s in SCOPES[:-1] if s != one) for one in SCOPES[:-1])]
    wanted.append(("leads:read", "metrics"))
    entries = []
    for scopes in dict.fromkeys(wanted):
        secret = token_with(*scopes)
        digest = hashlib.sha256(secret.encode()).hexdigest()
        entries.append(f"- {{name: {secret!r}, sha256: {digest}, scopes: [{', '.join(map(repr, scopes))}]}}\n")
    path.write_text("".join(entries))
    return path


@contextlib.asynccontextmanager
async def open_house(home: Path) -> AsyncIterator[House]:
    """Start all five, and stop them."""
    settings = Settings(home=home, partitions=2, tokens=_tokens(home / "tokens.yaml"))
    bus, clock = open_bus(settings), Clock()
    engines = {}
    for name in installed_services():
        await migrate_now(name, settings.store_url(name))
        service = build_service(name, settings)
        engines[name] = Engine(service, settings, open_store(settings.store_url(name)), bus, clock, alone=True)
    apps = {name: create_app(engine) for name, engine in engines.items()}
    transport = httpx.ASGITransport(app=combine(apps), client=AFAR)
    try:
        for engine in engines.values():
            await engine.start()
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost:8000", timeout=30) as client:
            yield House(apps, engines, client, home)
    finally:
        for engine in engines.values():
            await engine.stop()
        await bus.close()
