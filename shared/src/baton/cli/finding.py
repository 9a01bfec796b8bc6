"""What `baton doctor` looked at, and whether it is fine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    about: str
    what: str
    fine: bool = True
    hint: str | None = None
