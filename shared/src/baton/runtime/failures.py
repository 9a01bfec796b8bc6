"""Three failures, three roads: bad input is parked, not-now waits, a broken invariant stops the process."""

from __future__ import annotations

from baton.runtime.handler import Refusal
from baton.runtime.store.port import NotNow

__all__ = ["LONGEST_PAUSE", "STORE_AWAY", "BrokenInvariant", "Fenced", "NotNow", "OutOfTurn", "Poison", "Refused"]


STORE_AWAY = 75
"""Exit code of a migration (EX_TEMPFAIL of sysexits): the store did not answer; try again."""

LONGEST_PAUSE = 1.0
"""Seconds between two tries to reach a store or a bus that is away. With five, a database that was back within eight
seconds was noticed after twelve, and only then the broker asked (seen under faults); a refused try costs little."""


class Refused(Exception):
    """A command was refused; `refusal` says why and becomes problem details."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.title)
        self.refusal = refusal


class Poison(Exception):
    """One fact (or timer) that cannot be decoded or makes the handler raise. `key` names it."""

    def __init__(self, key: tuple[str, str, str], cause: BaseException) -> None:
        super().__init__(f"{type(cause).__name__} at {'/'.join(key)}")
        self.key = key
        self.cause = cause


class OutOfTurn(Exception):
    """A parked fact cannot be settled yet (or not in this way); says what stands before it."""


class Fenced(Exception):
    """Somebody else has the lane, or has moved its place: nothing was written; read where things stand and go on."""


class BrokenInvariant(Exception):
    """Something the runtime relies on is not so. The process must stop loudly rather than go on."""


class OtherLanes(ValueError):
    """A store or a topic was made with another number of lanes than BATON_PARTITIONS says."""
