"""What follows from a try: done, tried again later, given up, or the endpoint called no more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection

from baton.playbook.endpoints import HAND_OVERS
from baton.routing import store_deliveries as store
from baton.routing.deliveries.outcome import Outcome
from baton.routing.deliveries.receivers import Receiver
from baton.routing.domain.schedule import next_try, rest
from baton.routing.tables import Tables
from baton.runtime.observe import log

Ending = Literal["taken", "given_up"]
"""What somebody else must hear of: a hand-over that a system took is still to be said."""

SAID_WITHIN = timedelta(seconds=10)


def settle(
    tx: Connection, tables: Tables, receiver: Receiver, claimed: store.Claimed, outcome: Outcome, now: datetime
) -> Ending | None:
    """Write what became of a try; return what is to be told of it."""
    if outcome.verdict == "delivered":
        return _delivered(tx, tables, receiver, claimed, outcome, now)
    seen = {"status": outcome.status, "error": outcome.error}
    outlet = store.find_outlet(tx, tables, claimed.endpoint)
    if outcome.verdict == "gone":
        if store.settle(tx, tables, claimed, due_at=now, **seen):
            _disable(tx, tables, claimed, "gone", outcome, now)
        return None
    pause = next_try(claimed.tries, f"{claimed.endpoint}:{claimed.event_id}", outcome.wish)
    if pause is not None and not outcome.is_final:
        store.settle(tx, tables, claimed, due_at=now + pause, **seen)
    elif outcome.is_final or _has_taken_others(outlet.last_success_at if outlet else None, claimed):
        store.settle(tx, tables, claimed, state="given_up", due_at=None, settled_at=now, **seen)
        log.error("delivery_given_up", endpoint=claimed.endpoint, delivery=claimed.id, tries=claimed.tries)
        return "given_up"
    elif store.settle(tx, tables, claimed, due_at=now, **seen):
        _disable(tx, tables, claimed, "dead", outcome, now)
        return None
    _rest(tx, tables, claimed, outcome, (outlet.failures if outlet else 0) + 1, now)
    return None


def _delivered(
    tx: Connection, tables: Tables, receiver: Receiver, claimed: store.Claimed, outcome: Outcome, now: datetime
) -> Ending | None:
    is_taken = claimed.type in HAND_OVERS and not receiver.is_notice
    done = store.settle(
        tx,
        tables,
        claimed,
        state="taken" if is_taken else "delivered",
        due_at=now + SAID_WITHIN if is_taken else None,
        settled_at=now,
        status=outcome.status,
        error=None,
    )
    store.put_outlet(tx, tables, claimed.endpoint, failures=0, paused_until=None, last_success_at=now, last_error=None)
    if done and claimed.type == store.ERASED:
        store.forget_record(tx, tables, claimed.lead_id, claimed.endpoint)
    return "taken" if done and is_taken else None


def _has_taken_others(last_success_at: datetime | None, claimed: store.Claimed) -> bool:
    """Whether the endpoint was well while this one failed: then it is this one, else it is the endpoint."""
    return last_success_at is not None and last_success_at >= claimed.made_at


def _disable(tx: Connection, tables: Tables, claimed: store.Claimed, why: str, outcome: Outcome, now: datetime) -> None:
    store.put_outlet(tx, tables, claimed.endpoint, disabled=why, since=now, last_error=outcome.error)
    log.error("endpoint_disabled", endpoint=claimed.endpoint, reason=why)


def _rest(
    tx: Connection, tables: Tables, claimed: store.Claimed, outcome: Outcome, failures: int, now: datetime
) -> None:
    values: dict[str, object] = {"last_error": outcome.error}
    if outcome.concerns_all:
        values |= {"failures": failures, "paused_until": now + rest(failures, outcome.wish)}
    store.put_outlet(tx, tables, claimed.endpoint, **values)
