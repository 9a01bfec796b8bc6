"""Keys: what makes two posts the same post, and two mentions the same person."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson

from baton.intake.domain.mail import mailbox_key, normal_address
from baton.intake.domain.posts import LeadReference


def canonical(element: Any) -> bytes:
    """The element as JSON without blanks, its keys in order."""
    return orjson.dumps(element, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)


def fingerprint(element: Any) -> str:
    """SHA-256 of the element's canonical JSON: order of keys and layout do not count."""
    return hashlib.sha256(canonical(element)).hexdigest()


def digest(*parts: str) -> str:
    """A short name for a key of any length, without the personal data in it."""
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def digest_bytes(*parts: bytes) -> str:
    """The SHA-256 of parts that may be large, each marked off from the next."""
    sha = hashlib.sha256()
    for part in parts:
        sha.update(len(part).to_bytes(8, "big") + part)
    return sha.hexdigest()


SHORTEST_PHONE = len("+491234567")
"""In E.164: a country code and seven digits. The shortest numbers that ring at one desk have about as many."""


def identities(system: str, external_id: str | None, email: str | None, phone: str | None) -> tuple[str, ...]:
    """The keys by which a person is recognised, the strongest first.

    (system, external id), then the address. A telephone number counts only where there is neither: people share them.
    Nor does a short one: `123` is a number one can dial, and many strangers type it.
    """
    keys = []
    if external_id is not None:
        keys.append(external_key(system, external_id))
    if email is not None:
        keys.append(email_key(email))
    if not keys and phone is not None and len(phone) > SHORTEST_PHONE:
        keys.append(f"phone:{phone}")
    return tuple(keys)


def external_key(system: str, external_id: str) -> str:
    """The identity key of a person's id at a system."""
    return f"id:{system.casefold()}:{external_id}"


def email_key(email: str) -> str:
    """The identity key of a normal address."""
    return f"email:{mailbox_key(email)}"


def reference_key(lead: LeadReference) -> str | None:
    """The identity key a reference names; None for a lead id, and for an e-mail that is no address."""
    if lead.system is not None and lead.id is not None:
        return external_key(lead.system, lead.id)
    if lead.email is not None:
        address = normal_address(lead.email)
        return email_key(address) if address else None
    return None
