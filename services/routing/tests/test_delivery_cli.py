"""`baton deliveries` lists and replays, over HTTP as everywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import uvicorn
from services.routing.tests.delivering import Delivering
from typer.testing import CliRunner

from baton.cli.main import app
from baton.runtime.http import ensure_admin_token
from baton.runtime.http.app import create_app
from tests.world.outside import Outside, Says


@pytest.fixture
async def served(deliver: Delivering, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Delivering]:
    """Routing, reachable by HTTP on loopback."""
    config = uvicorn.Config(create_app(deliver.bench.engine), port=0, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    monkeypatch.setenv("BATON_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("BATON_TOKEN", ensure_admin_token(deliver.bench.engine.settings.home))
    yield deliver
    server.should_exit = True
    await serving


async def baton(*words: str) -> tuple[int, str]:
    done = await asyncio.to_thread(CliRunner().invoke, app, ["deliveries", *words])
    return done.exit_code, " ".join(done.output.split())


async def test_deliveries_are_listed_and_told_again_from_a_shell(served: Delivering, facts: Any) -> None:
    assert await baton() == (0, "nothing was to be delivered")
    async with Outside(lambda _: Says(410, b"moved away")) as crm:
        made = await served.subscribe(crm.url)
        await served.bench.hear(facts.qualified(), subject=facts.lead)
        await served.send()
        [one] = await served.deliveries()
        _, said = await baton("--endpoint", made["id"], "--state", "pending", "--lead", facts.lead)
        assert said.startswith(f"{one['id']} {made['id']} {facts.lead} lead.routed pending after 1 tries")
        assert said.endswith("410 moved away")
        assert (await baton("--state", "delivered"))[1] == "nothing was to be delivered"
        code, said = await baton("--endpoints")
        assert f"{made['id']} disabled (gone), 1 wait; 410 moved away" in said
        crm.answers = lambda _: Says()
        assert await baton("--endpoint", made["id"], "--resume") == (0, f"{made['id']}: on, 1 wait")
        await served.send()
        assert await baton("--replay", str(one["id"])) == (0, f"{one['id']}: {made['id']} is told again")
        await served.send()
        since = (served.bench.clock.now() - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%S")
        code, said = await baton("--endpoint", made["id"], "--replay-since", since)
        assert (code, said) == (0, f"{made['id']}: 1 facts are told anew")
        await served.send()
        assert len(crm.asked) == 4


async def test_what_cannot_be_asked_for_is_said_and_ends_with_an_error(served: Delivering) -> None:
    for words in (("--resume",), ("--replay-since", "2026-11-01"), ("--replay", "1", "--resume"), ("--replay", "77")):
        code, _ = await baton(*words)
        assert code != 0, words
