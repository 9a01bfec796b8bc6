"""The facts Baton's services tell each other, and what CRMs consume. Data only: no behaviour, pydantic only.

`TOPICS` says which types stand on which topic; `FACTS` finds a class by its type.
"""

from __future__ import annotations

from baton.contracts.fact import INTAKE, ROSTER, ROUTING, SCORING, SLA, Decided, Fact, Instant, Json, Part
from baton.contracts.intake import (
    CrmStatus,
    LeadAnswered,
    LeadEngaged,
    LeadErased,
    LeadMerged,
    LeadReceived,
    LeadStatusReported,
    LeadTouched,
    LeadUpdated,
)
from baton.contracts.people import (
    Activity,
    Answer,
    Consent,
    Contact,
    DefinitionRef,
    HistoryItem,
    MustKnow,
    Owner,
    Reason,
    Rep,
    RuleRef,
    Score,
    TimeOff,
)
from baton.contracts.routing import (
    Candidate,
    HeldReason,
    LeadDelivered,
    LeadHeld,
    LeadReassigned,
    LeadRecycled,
    LeadRouted,
    NearMiss,
    ReassignReason,
    RepChanged,
    Trace,
)
from baton.contracts.scoring import LeadDisqualified, LeadNurtured, LeadQualified, LeadScored, Outcome, Temperature
from baton.contracts.sla import Promise, SlaBreached, SlaMet, SlaStarted, SlaStopped, SlaWaived, SlaWarned

_ALL: tuple[type[Fact], ...] = (
    LeadReceived,
    LeadUpdated,
    LeadEngaged,
    LeadTouched,
    LeadAnswered,
    LeadStatusReported,
    LeadErased,
    LeadMerged,
    LeadScored,
    LeadQualified,
    LeadNurtured,
    LeadDisqualified,
    LeadRouted,
    LeadReassigned,
    LeadHeld,
    LeadRecycled,
    LeadDelivered,
    SlaStarted,
    SlaWarned,
    SlaMet,
    SlaBreached,
    SlaWaived,
    SlaStopped,
    RepChanged,
)

FACTS: dict[str, type[Fact]] = {fact.type: fact for fact in _ALL}
TOPICS: dict[str, dict[str, type[Fact]]] = {
    topic: {fact.type: fact for fact in _ALL if fact.topic == topic}
    for topic in (INTAKE, SCORING, ROUTING, SLA, ROSTER)
}

__all__ = [
    "FACTS",
    "INTAKE",
    "ROSTER",
    "ROUTING",
    "SCORING",
    "SLA",
    "TOPICS",
    "Activity",
    "Answer",
    "Candidate",
    "Consent",
    "Contact",
    "CrmStatus",
    "Decided",
    "DefinitionRef",
    "Fact",
    "HeldReason",
    "HistoryItem",
    "Instant",
    "Json",
    "LeadAnswered",
    "LeadDelivered",
    "LeadDisqualified",
    "LeadEngaged",
    "LeadErased",
    "LeadHeld",
    "LeadMerged",
    "LeadNurtured",
    "LeadQualified",
    "LeadReassigned",
    "LeadReceived",
    "LeadRecycled",
    "LeadRouted",
    "LeadScored",
    "LeadStatusReported",
    "LeadTouched",
    "LeadUpdated",
    "MustKnow",
    "NearMiss",
    "Outcome",
    "Owner",
    "Part",
    "Promise",
    "Reason",
    "ReassignReason",
    "Rep",
    "RepChanged",
    "RuleRef",
    "Score",
    "SlaBreached",
    "SlaMet",
    "SlaStarted",
    "SlaStopped",
    "SlaWaived",
    "SlaWarned",
    "Temperature",
    "TimeOff",
    "Trace",
]
