"""What types cannot say of sla.yaml: names that lead somewhere, and people who can be told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from baton.playbook.endpoints import Notice
from baton.playbook.positions import Document, Loc, twice
from baton.playbook.problems import Problem
from baton.playbook.sla import Policy
from baton.playbook.whose import PROSPECT, WORDS

if TYPE_CHECKING:
    from baton.playbook.checks import Context

ROLES = ("owner", "manager", "team")


def check_sla(context: Context) -> Iterator[Problem]:
    """Errors and warnings of the policies."""
    document, playbook = context.documents["sla"], context.playbook
    yield from twice(document, "policies", playbook.sla.policies)
    for index, policy in enumerate(playbook.sla.policies):
        at: Loc = ("policies", index)
        if policy.calendar == PROSPECT and playbook.models.calendars.prospects is None:
            why = "calendars.yaml does not say when prospects may be reached: give it `prospects`"
            yield document.problem((*at, "calendar"), why)
        if policy.calendar not in (*WORDS, *playbook.calendar_ids):
            known = ", ".join((*WORDS, *playbook.calendar_ids))
            yield document.problem((*at, "calendar"), f"there is no calendar {policy.calendar!r}; there are {known}")
        if policy.first_contact is not None and policy.first_contact < policy.first_attempt:
            yield document.problem((*at, "first_contact"), "contact cannot be due before the first attempt")
        if policy.stop is not None:
            yield from context.reason("sla", (*at, "stop", "reason"), policy.stop.reason, "recycle", "unreachable")
            if policy.stop.touches is None and policy.stop.after is None:
                yield document.problem((*at, "stop"), "a stop rule counts touches or time: give touches or after")
        yield from _chain(document, at, policy, playbook.targets.notices)
        if policy.after_work is not None:
            after = policy.after_work
            yield from context.reason("sla", (*at, "after_work", "reason"), after.reason, after.then)


def _chain(document: Document, at: Loc, policy: Policy, notices: Iterable[Notice]) -> Iterator[Problem]:
    """An unknown receiver is an error; one that no notice speaks for gets the fact only, which is a warning."""
    told = [notice for notice in notices if "sla.escalated" in notice.facts]
    for index, step in enumerate(policy.escalate):
        where: Loc = (*at, "escalate", index, "to")
        if step.to in ROLES:
            if not any(step.to in notice.steps for notice in told):
                why = f"no notice in targets.yaml speaks for the {step.to}: sla.escalated is said, and nobody is told"
                yield document.problem(where, why, severity="warning")
        elif step.to not in {notice.id for notice in told}:
            known = ", ".join((*ROLES, *(notice.id for notice in told)))
            yield document.problem(where, f"nobody is called {step.to!r}; there are {known}")
