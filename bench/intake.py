"""What intake takes in: single leads beside an endpoint that stores nothing, and batches."""

from __future__ import annotations

import time
from collections.abc import Iterator

from bench import client, leads
from bench.table import Row, paired, single
from bench.watch import Quiet
from bench.world import TOKEN, World

CONNECTIONS = 32
BATCH = 200


async def measure(world: World, pairs: int, seconds: float) -> list[Row]:
    """Return requests a second one by one, and leads a second in batches with the time the outbox took to drain."""
    bare = await world.start_endpoint()
    intake = world.ports["intake"]
    await _singles(intake, "/intake/v1/leads", TOKEN, "warm", 1.0)
    await _singles(bare, "/leads", "", "warm", 1.0)
    found = []
    for number in range(pairs):
        ours = await _singles(intake, "/intake/v1/leads", TOKEN, f"one-{number}", seconds)
        found.append((ours, await _singles(bare, "/leads", "", f"one-{number}", seconds)))
    rows = [
        paired("intake, one lead a request, durable", "requests/s", "≥ 50 % of an endpoint that stores nothing", found)
    ]
    world.stop("endpoint")
    return rows + await _batches(world, intake, pairs)


async def _singles(port: int, path: str, token: str, run: str, seconds: float) -> float:
    # Made beforehand: the generator shares two cores with what it measures.
    made = [client.request_of(path, leads.body(f"{run}-{port}"), token) for _ in range(round(6000 * seconds))]
    until = time.monotonic() + seconds

    def requests() -> Iterator[bytes]:
        for request in made:
            if time.monotonic() >= until:
                return
            yield request

    load = await client.send(port, requests(), CONNECTIONS)
    if load.refused:
        raise RuntimeError(f"{load.refused} requests to {path} were refused")
    return load.answered / load.seconds


async def _batches(world: World, port: int, pairs: int) -> list[Row]:
    outbox = Quiet(world, {"intake": True}, "leads.")
    await outbox.wait()
    taken, drained = [], []
    for number in range(pairs):
        count = 60
        made = [client.request_of("/intake/v1/leads", leads.body(f"many-{number}", BATCH), TOKEN) for _ in range(count)]
        started = time.monotonic()
        load = await client.send(port, iter(made), 4)
        taken.append(load.answered * BATCH / load.seconds)
        drained.append(await outbox.wait() - started)
    await outbox.close()
    return [
        single(f"intake, batches of {BATCH}, accepted", "leads/s", "≥ 8000", taken),
        single(f"intake, {count * BATCH} leads accepted and published after", "s", None, drained),
    ]
