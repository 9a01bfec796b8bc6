"""What a record's headers must say before anybody takes it for a fact."""

from __future__ import annotations

import pytest

from baton.runtime.bus.port import Record
from baton.runtime.envelope import Undecodable, read_envelope

SOUND = {
    "ce_id": b"7f0c",
    "ce_type": b"lead.received",
    "ce_subject": b"0195",
    "ce_source": b"urn:baton:intake",
    "ce_sequence": b"0000000001",
    "ce_time": b"2026-03-01T09:30:00Z",
    "ce_recordedtime": b"2026-03-01T09:30:01Z",
}


def record(headers: dict[str, bytes]) -> Record:
    return Record("leads.intake", 0, 0, "0195", tuple(headers.items()), b"{}")


def test_a_record_with_all_headers_is_read() -> None:
    envelope = read_envelope(record(SOUND))
    assert (envelope.id, envelope.type, envelope.subject, envelope.source) == (
        "7f0c",
        "lead.received",
        "0195",
        "intake",
    )
    assert (envelope.sequence, envelope.playbook, envelope.trace) == (1, None, None)


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("value", [None, b"", b"\x00", b"\xff\xfe"])
def test_a_record_without_one_of_them_or_with_rubbish_in_it_is_no_fact(name: str, value: bytes | None) -> None:
    headers = SOUND | {name: value} if value is not None else {n: v for n, v in SOUND.items() if n != name}
    with pytest.raises(Undecodable):
        read_envelope(record(headers))


@pytest.mark.parametrize(
    ("name", "value"),
    [("ce_sequence", b"0"), ("ce_sequence", b"-1"), ("ce_sequence", b"9" * 30), ("ce_time", b"2026-03-01T09:30:00")],
)
def test_a_sequence_counts_from_one_and_a_time_has_an_offset(name: str, value: bytes) -> None:
    with pytest.raises(Undecodable):
        read_envelope(record(SOUND | {name: value}))
