"""Status words: what a CRM says in its own words, in ours (H7). The raw word is always kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_args

from baton.contracts import CrmStatus
from baton.intake.domain.posts import StatusIn
from baton.playbook.sources import Sources, StatusWords

STATUSES: frozenset[str] = frozenset(get_args(CrmStatus))


@dataclass(frozen=True, slots=True)
class Unknown:
    """No table of status words knows the word."""

    detail: str


def translated(post: StatusIn, sources: Sources, source: str) -> StatusIn | Unknown:
    """The status in our words. Looked up in the words of the system that the lead is named by, else of `source`.

    Where neither has a table, a word all tables agree on counts. Reasons are translated where the table lists them, and
    kept as said where it does not.
    """
    tables = _tables(post, sources, source)
    word = post.status.strip()
    status = word.lower() if word.lower() in STATUSES else _agreed(word, tables)
    if status is None:
        return Unknown(f"status is not one of {', '.join(sorted(STATUSES))}, nor a word in the playbook's status_words")
    reasons = {table.reason(post.reason) for table in tables} - {None} if post.reason else set()
    reason = reasons.pop() if len(reasons) == 1 else post.reason
    return post.model_copy(update={"status": status, "raw": post.raw or word, "reason": reason})


def _tables(post: StatusIn, sources: Sources, source: str) -> tuple[StatusWords, ...]:
    known = sources.find(source)
    names = (post.lead.system, known.external_system if known else None, source)
    for name in names:
        table = sources.words(name) if name else None
        if table is not None:
            return (table,)
    return sources.status_words


def _agreed(word: str, tables: Iterable[StatusWords]) -> str | None:
    found: set[str] = {status for table in tables if (status := table.status(word)) is not None}
    return found.pop() if len(found) == 1 else None
