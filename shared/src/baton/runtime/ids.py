"""Ids: time-ordered ones for leads, and ids that follow from causes, so that a decision made again has the same id."""

from __future__ import annotations

import os
from datetime import datetime
from hashlib import sha1
from uuid import UUID

NAMESPACE = UUID("6f1f7d0e-5a0c-5b7e-9d6f-b0a7c0de1ead")
_SPACE = NAMESPACE.bytes


def uuid7(now: datetime, chance: bytes | None = None) -> str:
    """Return a UUIDv7 (RFC 9562 §5.7) of `now`; `chance` are its 10 random bytes, from the system by default."""
    noise = chance if chance is not None else os.urandom(10)
    raw = int(now.timestamp() * 1000).to_bytes(6, "big") + noise
    value = int.from_bytes(raw, "big")
    value = (value & ~(0xF << 76)) | (0x7 << 76)
    value = (value & ~(0x3 << 62)) | (0x2 << 62)
    return str(UUID(int=value))


def event_id(*parts: str | int) -> str:
    """Return the UUIDv5 (RFC 9562 §5.5) that follows from `parts`: publisher, cause, type and position."""
    name = "\x1f".join(map(str, parts)).encode()
    # As uuid.uuid5 has it, without making and formatting an object: a third of the time, and every fact needs some.
    value = sha1(_SPACE + name, usedforsecurity=False).hexdigest()
    variant = "89ab"[int(value[16], 16) & 3]
    return f"{value[:8]}-{value[8:12]}-5{value[13:16]}-{variant}{value[17:20]}-{value[20:32]}"
