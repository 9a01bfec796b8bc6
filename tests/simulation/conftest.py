"""Quiet, and a past."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog

from tests.simulation.beginnings import BEGINNINGS, beginning


@pytest.fixture(scope="module", autouse=True)
def peaceful_past() -> Iterator[None]:
    """What went before is made by sound code, and not on anybody's time; nothing is logged of a million troubles."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for number in range(BEGINNINGS):
        beginning(number)
    yield
    structlog.reset_defaults()
