"""Whom a fact is about: a lead or a rep."""

from __future__ import annotations

from uuid import UUID


def is_lead(subject: str) -> bool:
    """True if the subject is a lead's id and not a rep's: lead ids are UUIDs, and no rep may have such an id."""
    try:
        return len(subject) == 36 and bool(UUID(subject))
    except ValueError:
        return False
