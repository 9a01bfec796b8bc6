"""From cases to a learned score, judged on the newest of them, with all that was found out on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from baton.cli.training.cases import Case, outcomes, split
from baton.cli.training.fitting import fit
from baton.cli.training.leaks import leaks
from baton.cli.training.measures import auc, auc_gain, calibration_error, log_loss
from baton.cli.training.tables import Line, StageLine, criteria
from baton.playbook import Playbook
from baton.playbook.learned import HeldOut, Learned, predict

FEWEST = 200
"""Cases below which nothing is learned: with fewer, chance looks like a pattern."""
FEWEST_OF_EACH = 30


class TooFew(Exception):
    """There is not enough to learn from; says why."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What `baton train` tells."""

    learned: Learned
    refused: Mapping[str, str]
    """Fields that were not learned from, and why."""
    suspect_columns: Mapping[str, str]
    """Columns of the file that no lead should be judged by, and why; whether or not the mapping takes them."""
    of_no_use: Sequence[str]
    criteria: Sequence[Line]
    undecided: int = 0
    stages: Sequence[StageLine] = field(default_factory=tuple)


def learn(
    playbook: Playbook, cases: Sequence[Case], label: str, outcome: str, trusted: frozenset[str], as_it_was: bool
) -> Findings:
    """Learn from the older cases, judge on the newer. `as_it_was`: the cases hold only what was known at the time.

    Raises TooFew.
    """
    _enough(cases)
    parted = split(cases)
    older, truths = parted.older, outcomes(parted.older)
    refused = {} if as_it_was else leaks([case.view for case in older], truths)
    refused = {name: why for name, why in refused.items() if name not in trusted}
    suspects = {} if as_it_was else leaks([case.columns for case in older], truths)
    fields = [
        one for one in playbook.definition.fields if one.name not in refused and not one.source.startswith("decision.")
    ]
    try:
        fitted = fit(fields, older)
    except ValueError as fault:
        raise TooFew(str(fault)) from fault
    draft = Learned(
        label=label, outcome=outcome, cases=len(older), intercept=fitted.intercept, fields=fitted.fields,
        held_out=HeldOut(
            since=parted.since, cases=0, positives=0, auc=0, log_loss=0, calibration_error=0, rules_auc=0,
            better_by=(0, 0),
        ),
    )  # fmt: skip
    learned = draft.model_copy(update={"held_out": _judged(draft, parted.newer, parted.since)})
    lines = criteria(playbook.definition.criteria, cases)
    return Findings(learned, refused, suspects, fitted.of_no_use, lines)


def _judged(learned: Learned, newer: Sequence[Case], since: str) -> HeldOut:
    truths = outcomes(newer)
    chances = [predict(learned, case.view).probability for case in newer]
    rules = [case.rules for case in newer]
    gain = auc_gain(truths, chances, rules)
    return HeldOut(
        since=since,
        cases=len(newer),
        positives=sum(truths),
        auc=round(auc(truths, chances), 4),
        log_loss=round(log_loss(truths, chances), 4),
        calibration_error=round(calibration_error(truths, chances), 4),
        rules_auc=round(auc(truths, rules), 4),
        better_by=(round(gain[0], 4), round(gain[1], 4)),
    )


def _enough(cases: Sequence[Case]) -> None:
    good = sum(outcomes(cases))
    if len(cases) < FEWEST:
        raise TooFew(f"{len(cases)} cases have an end; {FEWEST} are the fewest to learn from")
    if min(good, len(cases) - good) < FEWEST_OF_EACH:
        raise TooFew(f"{good} of {len(cases)} ended well; there must be {FEWEST_OF_EACH} of either kind")
