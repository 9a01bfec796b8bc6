"""A draft beside the playbook in force: how it would have judged live facts. It publishes and stores nothing."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Collection, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query

from baton.playbook import Draft, Playbook
from baton.runtime.http import Problem, problems
from baton.scoring.api import Reader
from baton.scoring.domain.judge import Judgement, judge
from baton.scoring.domain.person import Person

if TYPE_CHECKING:
    from baton.scoring.service import Scoring

OUTCOMES = ("same", "qualifies", "no_longer", "otherwise", "other_score")
MOST_KEPT = 500


class Shadow(Draft):
    """The draft, with how often and where it differed since it is in use by this process."""

    counts: Counter[str]
    newest: deque[dict[str, Any]]

    def begin(self) -> None:
        """Count anew."""
        self.counts, self.newest = Counter(), deque(maxlen=MOST_KEPT)

    def judged(self, people: Iterable[Person], live: Playbook, now: datetime) -> list[dict[str, Any]]:
        """What the draft makes of these people. Those who are merged or not known yet are not asked about."""
        draft = self.playbook
        if draft is None:
            return []
        asked = [person for person in people if person.is_known and person.merged_into is None]
        return [{**compared(person, live, draft, now), "draft": draft.version} for person in asked]

    def note(self, found: Iterable[dict[str, Any]]) -> None:
        """Remember it, once what was judged is committed."""
        for one in found:
            self.counts[one["outcome"]] += 1
            if one["outcome"] != "same":
                self.newest.appendleft(one)

    def forget(self, lead_ids: Collection[str]) -> None:
        """Remember nothing of these people."""
        self.newest = deque((one for one in self.newest if one["lead_id"] not in lead_ids), MOST_KEPT)


def compared(person: Person, live: Playbook, draft: Playbook, now: datetime) -> dict[str, Any]:
    """What both make of the person as he is known now, whatever round he is in."""
    was, will = judge(live, person, now), judge(draft, person, now)
    return {
        "lead_id": person.lead_id,
        "judged_at": now,
        "outcome": _outcome(was, will),
        "live_says": _side(was),
        "draft_says": _side(will),
    }


def _side(judgement: Judgement) -> dict[str, Any]:
    rule = judgement.disqualified_by
    said: dict[str, Any] = {"score": judgement.score.total, "temperature": judgement.temperature}
    if rule is not None:
        return {**said, "verdict": "disqualified", "rule": rule.id, "reason": rule.reason}
    if judgement.meets:
        return {**said, "verdict": "qualified"}
    unmet = {"unmet": list(judgement.unmet), "unknown": list(judgement.unknown)}
    return {**said, "verdict": "nurtured", "track": judgement.track.id, **unmet}


def _outcome(was: Judgement, will: Judgement) -> str:
    before, after = _side(was), _side(will)
    if before == after:
        return "same"
    if before["verdict"] != after["verdict"]:
        if after["verdict"] == "qualified":
            return "qualifies"
        return "no_longer" if before["verdict"] == "qualified" else "otherwise"
    worth = ("score", "temperature")
    rest = [{name: value for name, value in side.items() if name not in worth} for side in (before, after)]
    return "other_score" if rest[0] == rest[1] else "otherwise"


def shadow_routes(scoring: Scoring) -> APIRouter:
    """Return the API; it needs the scope `leads:read`."""
    routes = APIRouter(prefix="/scoring")

    @routes.get("/v1/shadow", tags=["playbook"], responses=problems(404))
    async def show_shadow(who: Reader, limit: Annotated[int, Query(ge=1, le=MOST_KEPT)] = 200) -> dict[str, Any]:
        """Where the draft of BATON_SHADOW_PLAYBOOK would have judged otherwise since this process uses it."""
        shadow = scoring.shadow
        if shadow is None:
            raise Problem(404, "No draft", "BATON_SHADOW_PLAYBOOK names no draft to run beside the playbook.")
        return {
            "live": scoring.playbook.version,
            "draft": shadow.playbook.version if shadow.playbook is not None else None,
            "refused": shadow.refused,
            "counts": {outcome: shadow.counts[outcome] for outcome in OUTCOMES},
            "differences": list(shadow.newest)[:limit],
        }

    return routes
