"""Whom a fact or a command is about: a lead, a rep, or an account."""

from __future__ import annotations

from typing import Final
from uuid import UUID

ACCOUNT: Final = "account:"
"""Before the id of an account. No rep can have such an id, and no lead has."""


def is_lead(subject: str) -> bool:
    """True if the subject is a lead's id and not a rep's: lead ids are UUIDs, and no rep may have such an id."""
    try:
        return len(subject) == 36 and bool(UUID(subject))
    except ValueError:
        return False


def is_account(subject: str) -> bool:
    """True if the subject is an account."""
    return subject.startswith(ACCOUNT)
