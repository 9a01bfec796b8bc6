"""The measures of a score against scikit-learn's, and intervals against what is published."""

from __future__ import annotations

import random

import pytest
from sklearn.metrics import log_loss as their_log_loss
from sklearn.metrics import roc_auc_score

from baton.cli.training.measures import auc, auc_gain, calibration_error, difference, log_loss, wilson


def drawn(seed: int, cases: int = 400) -> tuple[list[bool], list[float]]:
    chance = random.Random(seed)
    scores = [round(chance.random(), 2) for _ in range(cases)]  # with ties
    return [chance.random() < score for score in scores], scores


@pytest.mark.parametrize("seed", range(5))
def test_auc_and_log_loss_are_those_of_the_library(seed: int) -> None:
    truths, scores = drawn(seed)
    chances = [min(0.99, max(0.01, score)) for score in scores]
    assert auc(truths, scores) == pytest.approx(roc_auc_score(truths, scores), abs=1e-12)
    assert log_loss(truths, chances) == pytest.approx(their_log_loss(truths, chances), abs=1e-12)


def test_without_a_pair_there_is_nothing_to_tell_apart() -> None:
    assert auc([True, True], [0.1, 0.9]) == 0.5


def test_a_score_that_says_what_comes_is_calibrated_and_one_that_boasts_is_not() -> None:
    truths, scores = drawn(1, 20_000)
    assert calibration_error(truths, scores) < 0.02
    assert calibration_error(truths, [score**3 for score in scores]) > 0.1


def test_the_gain_in_auc_has_an_interval_around_the_difference() -> None:
    truths, scores = drawn(2)
    noise = random.Random(3)
    worse = [score + noise.random() for score in scores]
    low, high = auc_gain(truths, scores, worse)
    assert 0 < low < auc(truths, scores) - auc(truths, worse) < high
    assert auc_gain(truths, scores, scores) == pytest.approx((0.0, 0.0))


def test_intervals_are_those_of_the_papers() -> None:
    # Newcombe 1998, table II: 56/70 against 48/80, method 10; Wilson's of 81/263.
    assert difference(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)
