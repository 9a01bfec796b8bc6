"""Signatures of Standard Webhooks 1.0: HMAC-SHA256 (`whsec_`, v1) and Ed25519 (`whsk_`/`whpk_`, v1a). Pure."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

SYMMETRIC, PRIVATE, PUBLIC = "whsec_", "whsk_", "whpk_"


class KeyUnusable(ValueError):
    """This is no key for signing. The message never has the key in it."""


def signature_header(keys: Sequence[str], message_id: str, timestamp: int, body: bytes) -> str:
    """Return `webhook-signature`: one signature for each key, separated by spaces.

    Signed are the id, the Unix seconds of this attempt and the bytes of the body. Raises KeyUnusable.
    """
    signed = f"{message_id}.{timestamp}.".encode() + body
    return " ".join(_signature(key, signed) for key in keys)


def _signature(key: str, signed: bytes) -> str:
    if key.startswith(PRIVATE):
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        made = Ed25519PrivateKey.from_private_bytes(_seed(key)).sign(signed)
        return "v1a," + base64.b64encode(made).decode()
    if not key.startswith(SYMMETRIC):
        raise KeyUnusable(f"a signing key begins with {SYMMETRIC} or {PRIVATE}")
    secret = _decoded(key.removeprefix(SYMMETRIC))
    if not 24 <= len(secret) <= 64:
        raise KeyUnusable(f"{SYMMETRIC} is followed by 24 to 64 bytes in base64")
    return "v1," + base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()


def _seed(key: str) -> bytes:
    """The private key's 32 bytes; what also carries the public half, as some tools write it, is taken too."""
    seed = _decoded(key.removeprefix(PRIVATE))
    if len(seed) not in (32, 64):
        raise KeyUnusable(f"{PRIVATE} is followed by an Ed25519 key of 32 bytes in base64")
    return seed[:32]


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as fault:
        raise KeyUnusable("a signing key is base64 behind its prefix") from fault


def symmetric_key(chance: bytes) -> str:
    """Return 32 random bytes as a symmetric key, as both sides write it down."""
    return SYMMETRIC + base64.b64encode(chance).decode()


def private_key(chance: bytes) -> str:
    """Return 32 random bytes as a private key."""
    return PRIVATE + base64.b64encode(chance).decode()


def public_key(key: str) -> str:
    """Return the public half of a private key: what the receiver verifies with. Raises KeyUnusable."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public = Ed25519PrivateKey.from_private_bytes(_seed(key)).public_key().public_bytes_raw()
    return PUBLIC + base64.b64encode(public).decode()
