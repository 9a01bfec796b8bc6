"""Keys: what makes two posts the same post, and two mentions the same person."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import orjson

from baton.intake.domain.mail import mailbox_key, normal_address
from baton.intake.domain.posts import LeadReference
from baton.playbook.sources import IdentityKind, Recognition


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


AS_A_RULE: Final = Recognition()
_KINDS: Final[dict[str, IdentityKind]] = {"id": "external_id", "email": "email", "phone": "phone"}

SHORTEST_PHONE = len("+491234567")
"""In E.164: a country code and seven digits. The shortest numbers that ring at one desk have about as many."""


def identities(
    system: str, external_id: str | None, email: str | None, phone: str | None, by: Recognition = AS_A_RULE
) -> tuple[str, ...]:
    """The keys by which a person is recognised, the strongest first, as the playbook has it for the source.

    Where its source is not trusted with them, a telephone number counts only where there is nothing else: people share
    them. A short one never does: `123` is a number one can dial, and many strangers type it.
    """
    keys: dict[IdentityKind, str] = {}
    if external_id is not None and "external_id" in by.kinds:
        keys["external_id"] = external_key(system, external_id)
    if email is not None and "email" in by.kinds:
        keys["email"] = email_key(email)
    counts = phone is not None and len(phone) > SHORTEST_PHONE and "phone" in by.kinds
    if counts and (not keys or by.trusts_phone):
        keys["phone"] = f"phone:{phone}"
    return tuple(keys[kind] for kind in by.kinds if kind in keys)


def kind_of(key: str) -> IdentityKind:
    """Which kind of identity a key is."""
    return _KINDS[key.partition(":")[0]]


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
