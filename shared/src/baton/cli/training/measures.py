"""How good a score is: discrimination, loss, calibration; and how sure a share is. Pure, exact, without libraries."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import Final

BINS: Final = 10
_TINY: Final = 1e-12
_Z95: Final = NormalDist().inv_cdf(0.975)

Interval = tuple[float, float]


def auc(truths: Sequence[bool], scores: Sequence[float]) -> float:
    """Chance that one that ended well has the higher score of two, ties counting half; 0.5 where there is no pair."""
    good = sum(truths)
    bad = len(truths) - good
    if not good or not bad:
        return 0.5
    return (_rank_sum(truths, scores) - good * (good + 1) / 2) / (good * bad)


def auc_gain(truths: Sequence[bool], ours: Sequence[float], theirs: Sequence[float]) -> Interval:
    """95 % interval of AUC(ours) - AUC(theirs) on the same cases (DeLong, DeLong and Clarke-Pearson 1988)."""
    good = [i for i, truth in enumerate(truths) if truth]
    bad = [i for i, truth in enumerate(truths) if not truth]
    if len(good) < 2 or len(bad) < 2:
        return (-1.0, 1.0)
    first, second = (_placements(good, bad, scores) for scores in (ours, theirs))
    above = [a - b for a, b in zip(first[0], second[0], strict=True)]
    below = [a - b for a, b in zip(first[1], second[1], strict=True)]
    gain = sum(above) / len(above)
    half = _Z95 * math.sqrt(_variance(above) / len(above) + _variance(below) / len(below))
    return (gain - half, gain + half)


def log_loss(truths: Sequence[bool], chances: Sequence[float]) -> float:
    """Mean of -ln of the chance that was given to what happened, in nats."""
    given = [chance if truth else 1 - chance for truth, chance in zip(truths, chances, strict=True)]
    return -math.fsum(math.log(max(chance, _TINY)) for chance in given) / len(given)


def calibration_error(truths: Sequence[bool], chances: Sequence[float]) -> float:
    """Expected calibration error over ten equally large groups by chance: how far what was said is from what came."""
    ordered = sorted(zip(chances, truths, strict=True), key=lambda pair: pair[0])
    total = 0.0
    for number in range(BINS):
        group = ordered[len(ordered) * number // BINS : len(ordered) * (number + 1) // BINS]
        if group:
            total += abs(math.fsum(chance for chance, _ in group) - sum(truth for _, truth in group))
    return total / len(ordered)


def wilson(count: int, of: int) -> Interval:
    """95 % interval of a share (Wilson 1927); everything where nothing was counted."""
    if of == 0:
        return (0.0, 1.0)
    share, z2 = count / of, _Z95 * _Z95
    middle = share + z2 / (2 * of)
    half = _Z95 * math.sqrt(share * (1 - share) / of + z2 / (4 * of * of))
    return (max(0.0, (middle - half) / (1 + z2 / of)), min(1.0, (middle + half) / (1 + z2 / of)))


def difference(count: int, of: int, other_count: int, other_of: int) -> Interval:
    """95 % interval of the difference of two shares (Newcombe 1998, method 10)."""
    if of == 0 or other_of == 0:
        return (-1.0, 1.0)
    p, q = count / of, other_count / other_of
    (low, high), (other_low, other_high) = wilson(count, of), wilson(other_count, other_of)
    return (
        p - q - math.sqrt((p - low) ** 2 + (other_high - q) ** 2),
        p - q + math.sqrt((high - p) ** 2 + (q - other_low) ** 2),
    )


def _ranks(scores: Sequence[float]) -> list[float]:
    """Ranks from 1 on; equal scores share the mean of theirs."""
    order = sorted(range(len(scores)), key=scores.__getitem__)
    ranks = [0.0] * len(scores)
    at = 0
    while at < len(order):
        end = at
        while end + 1 < len(order) and scores[order[end + 1]] == scores[order[at]]:
            end += 1
        for place in order[at : end + 1]:
            ranks[place] = (at + end) / 2 + 1
        at = end + 1
    return ranks


def _rank_sum(truths: Sequence[bool], scores: Sequence[float]) -> float:
    return math.fsum(rank for rank, truth in zip(_ranks(scores), truths, strict=True) if truth)


def _placements(good: list[int], bad: list[int], scores: Sequence[float]) -> tuple[list[float], list[float]]:
    """For each good one the share of bad ones below it, for each bad one the share of good ones above it."""
    overall = _ranks(scores)
    among_good = _ranks([scores[i] for i in good])
    among_bad = _ranks([scores[i] for i in bad])
    above = [(overall[i] - rank) / len(bad) for i, rank in zip(good, among_good, strict=True)]
    below = [1 - (overall[i] - rank) / len(good) for i, rank in zip(bad, among_bad, strict=True)]
    return above, below


def _variance(values: Sequence[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)
