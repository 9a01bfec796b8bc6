"""CloudEvents 1.0 on the wire, binary mode: all that surrounds a fact stands in headers, the value is its data.

Extensions used: partitionkey, sequence, correlation, distributed tracing, recordedtime. No personal data in any header.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from baton.runtime.bus.port import Headers, Record

SCHEMA_VERSION = "0.1"
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
MAX_RECORD_BYTES = 64 * 1024
"""CloudEvents asks intermediaries to forward events up to 64 KiB; larger ones may not arrive anywhere."""


class Undecodable(Exception):
    """The record's headers do not say what it is or whose it is."""


class Envelope(NamedTuple):
    """What the headers say."""

    id: str
    type: str
    subject: str
    source: str
    sequence: int
    at: datetime
    recorded_at: datetime
    playbook: str | None
    trace: str | None
    is_erased: bool = False
    """The person has been erased since: the data tells nothing of him."""


def iso(at: datetime) -> str:
    """Return RFC 3339 in UTC with microseconds and `Z`."""
    in_utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return f"{in_utc.isoformat(timespec='microseconds')[:-6]}Z"


def headers_of(
    *,
    service: str,
    event_id: str,
    type: str,  # noqa: A002  (CloudEvents' name)
    subject: str,
    sequence: int,
    at: datetime,
    now: datetime,
    cause_id: str,
    playbook: str | None,
    trace: str | None,
    heard: Mapping[str, int] | None = None,
) -> dict[str, str]:
    """Return the headers of one fact. The starting trace is kept; the hop's span follows from the event id.

    `heard` is how far each publisher was heard about the subject: what a lost store is rolled forward by (ADR 0008).
    """
    span = event_id.replace("-", "")[:16]
    starting = trace if trace is not None and is_traceparent(trace) else _new_trace(event_id, span)
    headers = {
        "ce_specversion": "1.0",
        "ce_id": event_id,
        "ce_source": f"urn:baton:{service}",
        "ce_type": type,
        "ce_subject": subject,
        "ce_time": iso(at),
        "ce_recordedtime": iso(now),
        "ce_sequence": f"{sequence:010d}",
        "ce_partitionkey": subject,
        "ce_correlationid": subject,
        "ce_causationid": cause_id,
        "ce_dataschema": f"urn:baton:schema:{type}:{SCHEMA_VERSION}",
        "ce_traceparent": starting,
        "traceparent": f"{starting[:36]}{span}-01",
        "content-type": "application/json",
    }
    if heard:
        headers["ce_heard"] = " ".join(f"{source}={last}" for source, last in sorted(heard.items()))
    if playbook is not None:
        headers["ce_playbook"] = playbook
    return headers


def heard_of(headers: Mapping[str, str]) -> dict[str, int]:
    """Return how far the publisher had heard each other about the subject when it said this, the cause included."""
    parts = (part.partition("=") for part in headers.get("ce_heard", "").split())
    return {source: int(last) for source, _, last in parts}


def is_traceparent(text: str) -> bool:
    """True for a W3C trace context header of version 00."""
    return _TRACEPARENT.fullmatch(text) is not None


def _new_trace(event_id: str, span: str) -> str:
    return f"00-{hashlib.sha256(event_id.encode()).hexdigest()[:32]}-{span}-01"


def to_wire(headers: dict[str, str]) -> Headers:
    """Return headers as the bus takes them."""
    return tuple([(name, value.encode()) for name, value in headers.items()])


def read_envelope(record: Record) -> Envelope:
    """Return what the record's headers say. Raises Undecodable."""
    found = dict(record.headers)
    try:
        if b"\x00" in b"".join(found.values()):
            raise Undecodable("NUL in a header")
        return Envelope(
            id=_named(found["ce_id"]),
            type=_named(found["ce_type"]),
            subject=_named(found["ce_subject"]),
            source=_publisher(found["ce_source"]),
            sequence=_sequence(found["ce_sequence"]),
            at=_instant(found["ce_time"]),
            recorded_at=_instant(found["ce_recordedtime"]),
            playbook=found.get("ce_playbook", b"").decode() or None,
            trace=found.get("ce_traceparent", b"").decode() or None,
            is_erased="ce_erased" in found,
        )
    except KeyError as missing:
        raise Undecodable(f"no header {missing.args[0]}") from missing
    except ValueError as problem:
        raise Undecodable(str(problem)) from problem


def _named(name: bytes) -> str:
    if not name:
        raise ValueError("an empty ce_id, ce_type or ce_subject")
    return name.decode()


def _publisher(source: bytes) -> str:
    if not source.startswith(b"urn:baton:"):
        raise ValueError("ce_source is not urn:baton:<service>")
    return source.decode().removeprefix("urn:baton:")


def _sequence(digits: bytes) -> int:
    number = int(digits)
    if not 0 < number < 2**63:
        raise ValueError("ce_sequence is not a number from 1 on")
    return number


def _instant(text: bytes) -> datetime:
    at = datetime.fromisoformat(text.decode())
    if at.tzinfo is None:
        raise ValueError("a time without offset")
    return at if at.tzinfo is UTC else at.astimezone(UTC)


def data_of(body: Any) -> bytes:
    """Return the fact's JSON; absent and null mean the same, so nulls are left out."""
    value: bytes = body.__pydantic_serializer__.to_json(body, exclude_none=True)
    return value
