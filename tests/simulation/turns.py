"""Who goes next: wherever a service waits for its store or the bus, a seeded scheduler decides who goes on."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Turns:
    """The gates in front of every store and bus call. While `is_calm` nobody waits and nothing fails."""

    chance: random.Random
    stop_rate: float = 0.4
    """How often a gate holds somebody up; holding everybody at each would only make steps longer."""
    fault_rate: float = 0.0
    is_calm: bool = False
    waiting: list[tuple[str, asyncio.Future[None]]] = field(default_factory=list)
    """Who waits, by the name of the task: `service:number round`."""
    stalled: str | None = None
    """Tasks whose name begins so get no turn: a process that stands still, or one call of it that takes for ever."""
    faults: Counter[str] = field(default_factory=Counter)
    """How often which fault struck."""

    async def gate(self) -> None:
        """Wait for a turn; here others come in between, and here a process may die."""
        if self.is_calm or self.chance.random() >= self.stop_rate:
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        task = asyncio.current_task()
        assert task is not None
        self.waiting.append((task.get_name(), turn))
        await turn

    def fails(self, what: str, share: float = 1.0) -> bool:
        """True if this fault strikes here; `share` of the seed's rate."""
        if self.is_calm or self.chance.random() >= self.fault_rate * share:
            return False
        self.faults[what] += 1
        return True

    async def release(self) -> None:
        """Let one of those who wait go on, until everybody waits again."""
        self.waiting = [(name, turn) for name, turn in self.waiting if not turn.done()]
        able = [nth for nth, (name, _) in enumerate(self.waiting) if not self.is_stalled(name)]
        if able:
            _, turn = self.waiting.pop(self.chance.choice(able))
            turn.set_result(None)
        await settle()

    def is_stalled(self, name: str) -> bool:
        """True if this one stands still for now."""
        return self.stalled is not None and name.startswith(self.stalled)

    async def calm(self) -> None:
        """No more faults; whoever waits goes on."""
        self.is_calm, self.stalled = True, None
        while self.waiting:
            await self.release()


async def settle() -> None:
    """Let every task run until it waits for a turn, for an item, or is done."""
    loop: Any = asyncio.get_running_loop()
    while loop._ready:  # asyncio has no other way to ask whether anybody can go on
        await asyncio.sleep(0)
