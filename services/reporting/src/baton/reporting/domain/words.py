"""A fact in words: what happened, and why. These are the lines of a lead's journey."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from baton.contracts import Fact
from baton.reporting.domain import decision_words, intake_words
from baton.reporting.domain.phrases import Line

_TELL: dict[str, Callable[[Any], Line]] = {**intake_words.TELL, **decision_words.TELL}


def line_of(fact: Fact) -> Line:
    """Return the line that tells `fact`."""
    tell = _TELL.get(fact.type)
    return tell(fact) if tell is not None else Line(fact.type)
