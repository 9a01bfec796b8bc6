"""Which lane a subject belongs to. We compute it ourselves: clients' default hashes differ."""

from __future__ import annotations

from zlib import crc32


def lane_of(subject: str, lanes: int) -> int:
    """Return the partition (0 … lanes - 1) of a subject: CRC-32 of its UTF-8 bytes, modulo the number of lanes.

    A lead stays in one lane for ever, so the number of lanes is fixed when the topics are made.
    """
    return crc32(subject.encode()) % lanes
