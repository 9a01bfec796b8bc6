"""Routing with its sender, an administrator at its API, and servers of others on loopback, one step at a time."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import httpx
import pytest
from standardwebhooks.webhooks import Webhook

from baton.routing.deliveries.calling import Caller
from baton.routing.deliveries.sender import Sender
from baton.routing.service import Routing
from baton.runtime.http import ensure_admin_token
from baton.runtime.http.app import create_app
from baton.runtime.outbound.client import Outbound
from baton.runtime.testing import Bench
from tests.world.outside import Asked


class Delivering:
    """What a test does: let facts come in, let time pass, let what is due be sent; look at what arrived."""

    def __init__(self, bench: Bench, web: httpx.AsyncClient, outbound: Outbound) -> None:
        self.bench = bench
        self.web = web
        self.outbound = outbound
        routing = bench.engine.service
        assert isinstance(routing, Routing)
        self.routing = routing
        self.sender = self.another_sender()

    @classmethod
    async def on(cls, bench: Bench) -> Delivering:
        """Return it, on an open bench. To be closed."""
        token = ensure_admin_token(bench.engine.settings.home)
        transport = httpx.ASGITransport(create_app(bench.engine))
        headers = {"Authorization": f"Bearer {token}"}
        web = httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)
        return cls(bench, web, Outbound.of(bench.engine.settings))

    async def close(self) -> None:
        await self.sender.stop()
        await self.outbound.close()
        await self.web.aclose()

    def another_sender(self, environ: dict[str, str] | None = None) -> Sender:
        """The sender of a process that has just been started."""
        caller = Caller(self.outbound, os.environ if environ is None else environ, self.bench.clock)
        return Sender(self.routing, caller, self.routing._post_office, 30)

    async def send(self, sender: Sender | None = None) -> int:
        """Send everything that is due, and what becomes due by that; return how many tries there were."""
        sender, tries = sender or self.sender, 0
        while True:
            begun, is_busy = await sender.once(self.bench.engine), bool(sender._under_way)
            tries += begun
            await sender.finished()
            if not begun and not is_busy:
                return tries

    async def after(self, by: timedelta) -> int:
        """Let time pass, then send what is due."""
        self.bench.clock.advance(by)
        return await self.send()

    async def subscribe(self, url: str, **more: Any) -> dict[str, Any]:
        """Make a subscription; returns what the API answers."""
        answer = await self.web.post("/routing/v1/subscriptions", json={"url": url, **more})
        assert answer.status_code == 201, answer.text
        said: dict[str, Any] = answer.json()
        return said

    async def deliveries(self, **asked: Any) -> list[dict[str, Any]]:
        """Everything on its way or settled, oldest first."""
        answer = await self.web.get("/routing/v1/deliveries", params=asked)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["deliveries"]
        return found[::-1]

    async def states(self, **asked: Any) -> list[str]:
        return [one["state"] for one in await self.deliveries(**asked)]

    async def endpoint(self, name: str) -> dict[str, Any]:
        answer = await self.web.get(f"/routing/v1/subscriptions/{name}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def counted(self, outcome: str, metric: str = "baton_webhook_deliveries") -> float:
        value = self.routing.registry.get_sample_value(f"{metric}_total", {"outcome": outcome})
        assert value is not None
        return value


def verified(asked: Asked, secret: str, deliver: Delivering, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The body, if the reference library verifies it at the bench's present; else it raises."""
    import standardwebhooks.webhooks as reference

    class Present(reference.datetime):  # type: ignore[name-defined,misc]
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return deliver.bench.clock.now()

    monkeypatch.setattr(reference, "datetime", Present)
    return Webhook(secret).verify(asked.body, dict(asked.headers))
