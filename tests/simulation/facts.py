"""What was said, read from the bus itself."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import orjson

from baton.runtime.bus.port import Record
from tests.simulation.world import SERVICES, World


@dataclass
class Fact:
    """A record of the bus at its first occurrence."""

    record: Record
    id: str
    type: str
    source: str
    sequence: int
    written_at: datetime

    @cached_property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = orjson.loads(self.record.value)
        return found


def facts_of(world: World) -> list[Fact]:
    """Every fact on the bus once, in the order of its lane."""
    seen: set[str] = set()
    facts = []
    for place in sorted(world.bus.log):
        for record, at in zip(world.bus.log[place], world.bus.written_at[place], strict=True):
            headers = {name: value.decode() for name, value in record.headers}
            if headers["ce_id"] not in seen:
                seen.add(headers["ce_id"])
                source = headers["ce_source"].removeprefix("urn:baton:")
                facts.append(
                    Fact(record, headers["ce_id"], headers["ce_type"], source, int(headers["ce_sequence"]), at)
                )
    return facts


def digest_of(world: World) -> str:
    """One hash over all that was said and all that was read: what a replay must give again, byte by byte."""
    found = hashlib.sha256()
    for name in SERVICES:
        for row in world.databases[name].rows("SELECT * FROM journal ORDER BY id"):
            found.update(repr(row).encode())
        for row in world.databases[name].rows("SELECT * FROM place ORDER BY topic, lane"):
            found.update(repr(row).encode())
    for place in sorted(world.bus.log):
        found.update(repr((place, [(record.offset, record.key) for record in world.bus.log[place]])).encode())
    return found.hexdigest()
