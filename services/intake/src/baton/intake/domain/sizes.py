"""How large a fact will be, before there is one: records end at 64 KiB."""

from __future__ import annotations

from typing import Any, Final

import orjson

from baton.intake.domain.posts import LeadIn

MAX_ELEMENT_BYTES: Final = 20 * 1024
"""A fact holds the element and the person it belongs to; believable posts have 1 to 4 KiB."""

MAX_FACT_BYTES: Final = 56 * 1024
"""What a posted lead may come to as a fact by the estimate below, which leaves out a few hundred bytes."""

# What a fact writes around each of these beyond what was posted: absent fields, times, names.
_ACTIVITY, _ANSWER, _NAME = 130, 160, 40


def properties_of(post: LeadIn) -> dict[str, Any]:
    """What was posted under `properties`, with the unknown keys of lead, contact and consent beside it."""
    loose: dict[str, Any] = {**post.contact.unknown, **post.unknown}
    if post.consent is not None and post.consent.unknown:
        loose["consent"] = post.consent.unknown
    return {**loose, **post.properties}


def fits_a_fact(contact: dict[str, Any], properties: dict[str, Any], post: LeadIn, size: int) -> bool:
    """Whether the person with this contact and these properties, and a post of `size` bytes, go into one record."""
    person = len(orjson.dumps([contact, properties], option=orjson.OPT_NON_STR_KEYS))
    around = _ACTIVITY * len(post.activity) + _ANSWER * len(post.answers) + _NAME * (len(contact) + len(properties))
    return person + size + around <= MAX_FACT_BYTES
