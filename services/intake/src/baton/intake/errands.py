"""What follows from an errand's beginning and end. Pure: the calls are made by `fetching`, as a job."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from baton.contracts import LeadDelivered
from baton.intake.domain.errands import Errand, Farewell, Fetched, Later, Refused, Waiting
from baton.intake.domain.keys import digest
from baton.intake.domain.person import Person
from baton.runtime.handler import Decision, Heard, Job, JobDone, Reply

FETCH: Final = "fetch"
ERASE: Final = "erase"
LINK: Final = "link"
PATIENCE: Final = timedelta(days=3)
"""How long a platform that answers `later` is asked again; HubSpot's own workflows try as long."""


def known_outside(person: Person, told: Heard | JobDone) -> Decision[Person]:
    """The CRM that took the lead has said what it calls it: the lead is known by that as soon as this is committed.

    By a job: who posts locks identities before leads, and this holds the lead already.
    """
    if isinstance(told, JobDone):
        if told.failed:
            raise RuntimeError(f"by which record a CRM knows the lead could not be written down: {told.failed}")
        return Decision(person)
    taken = told.body
    if not isinstance(taken, LeadDelivered) or taken.record_id is None:
        return Decision(person)
    system = taken.system or taken.endpoint
    payload = {"lead_id": person.lead_id, "system": system, "id": taken.record_id}
    return Decision(person, jobs=(Job(LINK, digest(system, taken.record_id), payload),))


def set_out(state: Waiting, errand: Errand, now: datetime) -> Decision[Waiting]:
    """The errand is run as soon as this is committed. One that was waiting for its next try is run now."""
    payload = {"source": errand.source, "thing": errand.thing, "id": errand.id, "since": now.isoformat(), "tries": 0}
    return Decision(state, jobs=(Job(FETCH, "", payload),), reply=Reply())


def say_farewell(state: Waiting, farewell: Farewell) -> Decision[Waiting]:
    """The person is erased as soon as this is committed, by a job: looking for what tells of somebody takes a while."""
    return Decision(state, jobs=(Job(ERASE, "", {"lead": dict(farewell.lead)}),), reply=Reply())


def come_back(state: Waiting, done: JobDone, now: datetime) -> Decision[Waiting]:
    """What follows from how an errand went. The notices know why they still wait, or that they do so in vain."""
    if done.kind == ERASE:
        if done.failed:
            raise RuntimeError(f"a person whom a platform wants forgotten could not be: {done.failed}")
        return Decision(state)
    match done.result:
        case Later() as later if now < _since(later) + PATIENCE:
            again = Job(FETCH, "", dict(later.payload), now + timedelta(seconds=later.seconds))
            return Decision(replace(state, cause="awaiting_fetch", detail=later.why), jobs=(again,))
        case Later() as later:
            return Decision(replace(state, cause="not_fetched", detail=f"given up after three days: {later.why}"))
        case Refused() as refused:
            return Decision(replace(state, cause="not_fetched", detail=refused.why))
        case Fetched():
            return Decision(state)
    return Decision(replace(state, cause="not_fetched", detail=f"given up: {done.failed}"))


def _since(later: Later) -> datetime:
    return datetime.fromisoformat(later.payload["since"])
