"""disqualify.yaml: the one list of reason codes (D6) and the rules that close a lead early (Q9, F8)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from baton.playbook.pipeline import Pipeline
from baton.playbook.terms import Cel, Id, Label, Strict

Use = Literal["disqualify", "recycle", "unreachable", "junk", "lost"]
Closes = Literal["junk", "unfit", "open"]


class Reason(Strict):
    """A reason code. `for` says with which outcomes people may use it."""

    code: Id
    label: Label
    uses: tuple[Use, ...] = Field(alias="for", min_length=1)
    needs_date: bool = Field(default=False, description="Such as wrong time: asks when to look again.")


class DisqualifyRule(Strict):
    """`closes`: junk stays closed unless reopened by hand (H7), unfit is closed, open is judged again on every fact."""

    id: Id
    label: Label
    when: Cel
    reason: Id
    closes: Closes = "open"
    yes_if: Label | None = Field(default=None, description="What would make it a yes, said with every no (Q9).")


class Disqualify(Pipeline):
    """Rules in order; the first that is true decides. Beside them what is watched while sales works a lead."""

    reasons: tuple[Reason, ...] = Field(min_length=1)
    rules: tuple[DisqualifyRule, ...] = ()

    def reason(self, code: str) -> Reason:
        """The reason with this code. Raises KeyError."""
        return {reason.code: reason for reason in self.reasons}[code]

    def codes(self, use: Use) -> tuple[str, ...]:
        """The codes allowed with an outcome, in the playbook's order: what a refusal lists."""
        return tuple(reason.code for reason in self.reasons if use in reason.uses)
