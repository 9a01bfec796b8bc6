"""The matchmaker: makes two leads one when somebody, or a post, says they are, and two again."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from baton.intake import store_merges
from baton.intake.book import Book
from baton.intake.merging import Answer, Asked, KeepApart, Merge, answer
from baton.intake.metrics import IntakeMetrics
from baton.runtime.engine import Engine
from baton.runtime.failures import Refused
from baton.runtime.handler import Refusal, Reply
from baton.runtime.micro import Unit

AT_A_TIME: Final = 100


class Matchmaker:
    """One merge is one transaction over two leads: between them no other of ours may lock any."""

    def __init__(self, engine: Engine, book: Book, metrics: IntakeMetrics) -> None:
        self._engine = engine
        self._book = book
        self._metrics = metrics
        self._batch = engine.micro_batch(self._work, limit=1)

    def _work(self, unit: Unit, asked: Sequence[Asked]) -> list[Answer]:
        return answer(unit, asked, self._book.rules)

    async def ask(self, asked: Asked) -> Reply:
        """Do what is asked. Raises Refused where it may not be done, NotNow while the store cannot be reached."""
        said = await self._batch.submit(asked)
        if isinstance(said, Refusal):
            raise Refused(said)
        self._metrics.merged(_what(asked), asked.because if isinstance(asked, Merge) else "by_hand")
        return said

    async def merge_due(self) -> int:
        """Merge what posts have shown to be one person, where the playbook wants that; return how many there were.

        The older lead goes on. What cannot be merged is left to people, with the reason.
        """
        rows = await self._engine.read(lambda tx: store_merges.due(tx, AT_A_TIME))
        done = 0
        for row in rows:  # ids begin with the time they were made: the smaller one is the older lead
            with suppress(Refused):
                await self.ask(Merge(loser=row.other, into=row.one, because=row.because))
                done += 1
        return done


def _what(asked: Asked) -> str:
    return "merged" if isinstance(asked, Merge) else "kept_apart" if isinstance(asked, KeepApart) else "unmerged"
