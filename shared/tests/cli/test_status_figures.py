"""What `baton status` reckons from metrics that were read twice."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from baton.cli.client import SERVICES
from baton.cli.faults import Exit, Fault
from baton.cli.status.figures import bucket_growth, growth, quantile
from baton.cli.status.look import Seen
from baton.cli.status.summary import status_of

ROOT = Path(__file__).resolve().parents[3]
INF = math.inf


def test_growth_adds_up_the_series_that_are_meant() -> None:
    before = {"c_total": [({"to": "a"}, 5.0), ({"to": "b"}, 1.0)]}
    after = {"c_total": [({"to": "a"}, 7.0), ({"to": "b"}, 1.0), ({"to": "c"}, 4.0)]}
    assert growth(before, after, "c_total") == 6.0
    assert growth(before, after, "c_total", to="c") == 4.0
    assert growth(before, after, "elsewhere_total") == 0.0


def test_a_counter_that_fell_began_anew() -> None:
    before = {"c_total": [({"to": "a"}, 500.0), ({"to": "b"}, 1.0)]}
    after = {"c_total": [({"to": "a"}, 3.0), ({"to": "b"}, 2.0)]}
    assert growth(before, after, "c_total") == 4.0


def test_buckets_tell_of_what_was_observed_between_two_readings() -> None:
    before = {"h_bucket": [({"le": "0.1"}, 10.0), ({"le": "1.0"}, 10.0), ({"le": "+Inf"}, 11.0)]}
    after = {"h_bucket": [({"le": "0.1"}, 12.0), ({"le": "1.0"}, 20.0), ({"le": "+Inf"}, 21.0)]}
    assert bucket_growth(before, after, "h") == [(0.1, 2.0), (1.0, 10.0), (INF, 10.0)]


@pytest.mark.parametrize(
    ("buckets", "share", "value"),
    [
        ([(0.1, 10), (0.2, 20), (INF, 20)], 0.5, 0.1),
        ([(0.1, 10), (0.2, 20), (INF, 20)], 0.75, 0.15),
        ([(0.1, 0), (0.2, 4), (INF, 4)], 0.5, 0.15),
        ([(0.1, 0), (0.2, 4), (INF, 8)], 0.99, 0.2),
        ([(0.1, 0), (INF, 0)], 0.5, None),
        ([], 0.5, None),
    ],
)
def test_a_quantile_is_linear_within_its_bucket(
    buckets: list[tuple[float, float]], share: float, value: float | None
) -> None:
    assert quantile(buckets, share) == (None if value is None else pytest.approx(value))


def test_what_is_not_known_is_not_shown_as_nothing() -> None:
    silent = {name: Seen(1.0, fault=Fault("no answer", code=Exit.UNREACHABLE)) for name in SERVICES}
    found = status_of(silent, silent, None)
    assert set(found.per_second.values()) == {None}
    assert (found.handoff, found.held, found.obligations, found.webhooks, found.fates) == (None,) * 5
    assert not any(one.answers or one.is_ready or one.consumer_lag is not None for one in found.services.values())


def test_there_is_no_rate_after_a_round_in_which_the_service_was_silent() -> None:
    silent = {name: Seen(1.0, fault=Fault("no answer", code=Exit.UNREACHABLE)) for name in SERVICES}
    back = {name: Seen(2.0, is_ready=True, metrics={}) for name in SERVICES}
    assert set(status_of(silent, back, None).per_second.values()) == {None}
    later = {name: Seen(3.0, is_ready=True, metrics={}) for name in SERVICES}
    assert set(status_of(back, later, None).per_second.values()) == {0.0}


def test_every_metric_that_is_read_exists() -> None:
    read = set(re.findall(r'"(baton_\w+)"', (ROOT / "shared/src/baton/cli/status/summary.py").read_text()))
    there = set(re.findall(r"`(baton_\w+)`", (ROOT / "docs/metrics.md").read_text()))
    assert len(read) > 8
    assert read <= there
