"""Who a CRM means: the rep that the roster knows by this id there. Whom it does not know keeps the CRM's own id."""

from __future__ import annotations

from collections.abc import Mapping

from baton.intake.domain.posts import Post, StatusIn, TouchIn

Reps = Mapping[tuple[str, str], str]
"""(system, the rep's id there) to the rep's own id."""


def with_reps(post: Post, reps: Reps, system: str) -> Post:
    """The post with our reps' ids in it. The CRM is the one its lead is named by, else `system`."""
    if isinstance(post, StatusIn) and post.owner is not None:
        known = reps.get((_system(post, system), post.owner.strip()))
        return post if known is None else post.model_copy(update={"owner": known})
    if isinstance(post, TouchIn):
        known = reps.get((_system(post, system), post.rep))
        return post if known is None else post.model_copy(update={"rep": known})
    return post


def _system(post: StatusIn | TouchIn, otherwise: str) -> str:
    return post.lead.system or otherwise
