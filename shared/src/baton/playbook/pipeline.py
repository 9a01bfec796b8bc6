"""Sales' own stages after acceptance, in disqualify.yaml: what must be known by when, and how long silence is normal.

All of it alerts; nothing here blocks or closes (D3).
"""

from __future__ import annotations

from functools import cached_property

from pydantic import Field

from baton.playbook.definition import LeadPath
from baton.playbook.terms import Id, Label, Span, Strict


class ExitCriterion(Strict):
    """A detail that should be known before the stage is left (D3). `justification.<id>` answers for a missing one."""

    id: Id
    label: Label
    path: LeadPath


class Stage(Strict):
    """One stage of a deal, in the order in which deals pass them."""

    id: Id
    label: Label
    words: tuple[Label, ...] = Field(default=(), description="What CRMs call it, beside its id and label; case aside.")
    exit: tuple[ExitCriterion, ...] = ()
    gone_dark_after: Span | None = Field(default=None, gt=0, description="Silence that is flagged in this stage (D1).")


class Question(Strict):
    """A question sales should be able to answer from this stage on (D8)."""

    id: Id
    label: Label
    path: LeadPath
    by: Id = Field(description="The stage by which it should be known.")


class Effort(Strict):
    """A rough estimate of what a lead costs sales, for the hours an early no has freed (Q9)."""

    hours_a_lead: float = Field(gt=0, le=1000, allow_inf_nan=False, description="For a lead worked to its end.")
    hours_a_touch: float = Field(default=0.0, ge=0, le=100, allow_inf_nan=False)


class Pipeline(Strict):
    """Base of disqualify.yaml: everything about leads that sales already works."""

    stages: tuple[Stage, ...] = ()
    questions: tuple[Question, ...] = ()
    gone_dark_after: Span | None = Field(default=None, gt=0, description="Where no stage says otherwise (D1).")
    retest_after: Span | None = Field(
        default=None, gt=0, description="A lead sales works, of which nothing new was learned for so long, is flagged."
    )
    effort: Effort | None = None

    @cached_property
    def is_watched(self) -> bool:
        """Whether anything is asked of leads that sales works; homework is looked after without being asked for."""
        return bool(self.stages or self.questions or self.gone_dark_after or self.retest_after)

    @cached_property
    def _by_word(self) -> dict[str, int]:
        words: dict[str, int] = {}
        for index, stage in enumerate(self.stages):
            words |= dict.fromkeys(map(str.casefold, (stage.id, stage.label, *stage.words)), index)
        return words

    def place_of(self, word: str) -> int | None:
        """The place in `stages` of what a CRM calls by this word; None for a stage the playbook does not know."""
        return self._by_word.get(word.strip().casefold())
