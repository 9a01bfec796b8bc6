"""`baton sources try` and `verify`, as typed: what is told, what is found wrong, and the exit codes."""

from __future__ import annotations

import base64
import hmac
import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner, Result

from baton.cli.faults import Fault
from baton.cli.main import app

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "deploy/playbook"
GIVEN = os.environ.get("BATON_FIXTURES")
SECRET = "my-secret"
BODY: dict[str, Any] = {"event_type": "form_response", "form_response": {"token": "t7", "form_id": "f", "answers": [
    {"type": "email", "email": "ann@example.com", "field": {"id": "a", "ref": "email"}},
    {"type": "text", "text": "Fjällström", "field": {"id": "b", "ref": "company"}}]}}  # fmt: skip


def baton(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["sources", *arguments, "--playbook", str(EXAMPLE)])


def fault_of(done: Result) -> Fault:
    assert isinstance(done.exception, Fault), done.exception
    return done.exception


def record(folder: Path, name: str = "typeform-1", body: Any = BODY, **changes: Any) -> None:
    raw = json.dumps(body).encode()
    mac = base64.b64encode(hmac.digest(SECRET.encode(), raw, "sha256")).decode()
    contact = {"email": "ann@example.com", "company": "Fjällström"}
    meta = {
        "body_file": f"{name}.json",
        "method": "POST",
        "url": "https://leads.example.net/x",
        "headers": {"Content-Type": "application/json", "Typeform-Signature": f"sha256={mac}"},
        "received_at": 1790000000,
        "secret": SECRET,
        "expected": {"lead_count": 1, "leads": [{"event": "anything", "contact": contact, "form": {"id": "f"}}]},
        **changes,
    }
    (folder / f"{name}.json").write_bytes(raw)
    (folder / f"{name}.meta.json").write_text(json.dumps(meta))


def test_a_recorded_request_that_is_as_expected_is_fine(tmp_path: Path) -> None:
    record(tmp_path)
    done = baton("verify", str(tmp_path))
    assert (done.exit_code, done.exception) == (0, None)
    assert "ok     typeform-1: the signature held" in done.output


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"secret": "another"}, "the signature did not hold"),
        ({"expected": {"lead_count": 2}}, "2 expected, 1 made"),
        (
            {"expected": {"leads": [{"contact": {"email": "bo@example.com"}}]}},
            "contact.email: 'bo@example.com' expected",
        ),
        ({"expected": {"leads": [{"contact": {"city": "Umeå"}}]}}, "contact.city: 'Umeå' expected, None made"),
        ({"expected": {"leads": [{"external_id": "9"}]}}, "external_id: '9' expected"),
        ({"expected": {"leads": [{"occurred_at": "2026-01-01T00:00:00Z"}]}}, "occurred_at"),
        ({"expected": {"leads": [{"is_test": True}]}}, "is_test"),
        ({"expected": {"leads": [{"custom": {"size": "11-50"}}]}}, "custom.size: '11-50' is nowhere"),
        ({"handshake": {"request": "GET https://x/y?challengeCode=1", "response": {"status": 200}}}, "handshake"),
        ({"source_id": "nobody"}, "no source of the playbook"),
    ],
)
def test_whatever_is_not_as_expected_is_told_and_ends_with_1(tmp_path: Path, changes: Any, told: str) -> None:
    record(tmp_path, **changes)
    done = baton("verify", str(tmp_path))
    assert "WRONG  typeform-1" in done.output
    assert told in done.output
    assert fault_of(done).code == 1


def test_a_body_that_would_be_quarantined_is_wrong_even_if_nothing_else_is_expected(tmp_path: Path) -> None:
    record(tmp_path, body={"form_response": {"token": "t"}}, expected={"leads": [{}]})
    assert "no_identity" in baton("verify", str(tmp_path)).output


def test_a_folder_without_recordings_is_wrong_usage(tmp_path: Path) -> None:
    assert fault_of(baton("verify", str(tmp_path))).code == 2
    (tmp_path / "typeform-1.meta.json").write_text('{"body_file": "gone.json"}')
    assert fault_of(baton("verify", str(tmp_path))).code == 2


def test_trying_a_body_tells_every_field_where_it_came_from_and_what_was_left(tmp_path: Path) -> None:
    file = tmp_path / "body.json"
    file.write_text(json.dumps({**BODY, "something": "else"}))
    done = baton("try", "typeform", str(file))
    assert (done.exit_code, done.exception) == (0, None)
    for told in ("ann@example.com  ← form_response.answers[type=email].email", "Fjällström  ← company", "taken in"):
        assert told in done.output
    assert "something = else" in done.output


def test_trying_a_body_says_why_it_would_be_quarantined(tmp_path: Path) -> None:
    file = tmp_path / "body.json"
    file.write_text('{"form_response": {"token": "t"}}')
    done = baton("try", "typeform", str(file))
    assert "→ quarantined, no_identity" in done.output
    assert fault_of(done).code == 1
    file.write_text("{")
    done = baton("try", "typeform", str(file))
    assert "quarantined as a whole: not JSON" in done.output
    assert fault_of(baton("try", "nobody", str(file))).code == 2
    assert fault_of(baton("try", "typeform", str(tmp_path / "gone"))).code == 2


def test_a_form_is_tried_as_a_form(tmp_path: Path) -> None:
    file = tmp_path / "body.txt"
    file.write_bytes(b"oid=1&email=a%40example.com&00N5=x")
    done = baton("try", "salesforce-web2lead", str(file))
    assert "properties.00N5" in done.output


def test_a_playbook_that_is_not_valid_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "sources.yaml").write_text(yaml.safe_dump({"sources": [{"id": "x"}]}))
    done = CliRunner().invoke(app, ["sources", "verify", str(tmp_path), "--playbook", str(tmp_path)])
    assert "is not valid" in fault_of(done).message


@pytest.mark.skipif(not GIVEN, reason="no recorded requests: BATON_FIXTURES is not set")
def test_the_recorded_requests_of_all_platforms_are_as_expected() -> None:
    done = baton("verify", str(Path(str(GIVEN)) / "inbound"))
    assert done.exception is None, done.output


def test_what_no_mapping_takes_beside_others_is_shown_as_put_aside(tmp_path: Path) -> None:
    person = {"contact": {"id": 7, "fields": {"core": {"email": {"value": "jo@pier.example"}}}}}
    file = tmp_path / "body.json"
    file.write_text(json.dumps({"mautic.lead_post_save_new": [person], "mautic.of_next_year": [{"who": 7}]}))
    done = baton("try", "mautic", str(file))
    assert "1. lead by the mapping contact_new" in done.output
    assert "2. by no mapping\n   not used: who = 7\n   → quarantined, unmapped" in done.output
    assert "would be quarantined" in str(fault_of(done))
