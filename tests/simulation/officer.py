"""Who is asked to forget people. He asks until he is told that it is done, as those who post do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from baton.intake.erasing import Erasing
from baton.runtime.failures import NotNow
from tests.simulation.world import Replica, World

AGAIN = 0.1
"""How often somebody is named who was asked for before: asking again is harmless."""

OF_SEVERAL = 0.5
"""How often it is somebody of whom there are several leads, if there is: that is where more can go wrong."""
_MERGED = "SELECT lead_id FROM lead WHERE merged_into IS NOT NULL AND erased_at IS NULL ORDER BY lead_id"


@dataclass
class Officer:
    """What he has asked for, and what he was told is done."""

    world: World
    asked: list[str] = field(default_factory=list)
    told: set[str] = field(default_factory=set)

    def moved(self, world: World) -> Officer:
        """The same officer in a copy of his world."""
        return Officer(world, list(self.asked), set(self.told))

    def choose(self) -> str | None:
        """Somebody whom intake knows wants to be forgotten."""
        rows = self.world.databases["intake"].rows("SELECT lead_id FROM lead ORDER BY lead_id")
        if not rows:
            return None
        merged = self.world.databases["intake"].rows(_MERGED)
        if merged and self.world.chance.random() < OF_SEVERAL:
            rows = merged
        is_again = self.asked and self.world.chance.random() < AGAIN
        lead_id = self.world.chance.choice(self.asked) if is_again else str(self.world.chance.choice(rows)[0])
        self.asked.append(lead_id)
        return lead_id

    async def ask(self, lead_id: str, door: Replica) -> None:
        """Have this lead erased. Without an answer, or with a 503, nobody knows whether it was."""
        try:
            done = await Erasing(door.engine).erase(lead_id)
        except NotNow:
            return
        assert done is not None, f"intake has never heard of {lead_id}"
        self.told.add(lead_id)

    async def insist(self, door: Callable[[], Replica]) -> None:
        """Ask again for all of whom he was not told."""
        for lead_id in dict.fromkeys(self.asked):
            if lead_id not in self.told:
                await self.ask(lead_id, door())
