"""What platforms really post beside the plain case, read by the example playbook without a server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from baton.intake.trial import Trial, open_trial

PLAYBOOK = Path(__file__).parents[3] / "deploy" / "playbook"
TIME = "2026-09-21T14:13:15Z"
RECEIVED = 1_790_000_000.0


@pytest.fixture(scope="module")
def trial() -> Trial:
    return open_trial(PLAYBOOK)


def made(trial: Trial, source: str, body: Any) -> list[dict[str, Any]]:
    request = {"method": "POST", "url": f"https://b.example/{source}", "headers": {"Content-Type": "application/json"},
               "body": json.dumps(body).encode(), "received_at": RECEIVED, "secrets": []}  # fmt: skip
    found: list[dict[str, Any]] = trial.read(source, request)["elements"]
    return found


def typeform(title: str, answer: str, **more: Any) -> dict[str, Any]:
    field = {"id": "f1", "ref": "0f6c9a3e-1111-4222-8333-444455556666", "title": title}
    said = [
        {"type": "text", "text": answer, "field": {"id": "f1", "ref": field["ref"]}},
        {"type": "email", "email": "laura@acme.example", "field": {"id": "f2", "ref": "mail"}},
    ]
    response = {"form_id": "f", "token": "t", "submitted_at": TIME, "definition": {"fields": [field]}, "answers": said}
    return {"event_id": "1", "event_type": "form_response", "form_response": {**response, **more}}


@pytest.mark.parametrize(
    ("title", "field"),
    [
        ("What's your first name?", "first_name"),
        ("What is your last name?", "last_name"),
        ("what_is_your_job_title?", "job_title"),
        ("Please enter your company", "company"),
        ("What’s the name of your company?", "company"),
        ("Your city", "city"),
        ("Wie lautet Ihre Telefonnummer?", None),
        ("Wie lautet Ihr Vorname?", "first_name"),
        ("What made you look?", None),
    ],
)
def test_a_question_is_known_by_what_it_asks_for(trial: Trial, title: str, field: str | None) -> None:
    (lead,) = made(trial, "typeform", typeform(title, "Laura"))
    assert {name for name, value in lead["contact"].items() if value == "Laura"} == ({field} if field else set())
    if field is None:
        assert lead["post"]["properties"][title] == "Laura"


def test_what_typeform_calls_its_own_variables_is_nobodys_name(trial: Trial) -> None:
    variables = [{"key": "name", "type": "text", "text": "typeform"}, {"key": "score", "type": "number", "number": 4}]
    (lead,) = made(trial, "typeform", typeform("First name", "Laura", variables=variables))
    assert "full_name" not in lead["contact"]
    assert (lead["post"]["properties"]["variables.name"], lead["post"]["properties"]["variables.score"]) == (
        "typeform",
        4,
    )


def test_mautics_deletion_asks_to_forget_the_contact_beside_others_that_are_taken_in(trial: Trial) -> None:
    core = {"email": {"value": "ann@acme.example"}}
    body = {
        "mautic.lead_post_delete": [{"id": 9, "contact": {"id": None, "fields": []}, "timestamp": TIME}],
        "mautic.lead_post_save_update": [{"contact": {"id": "7", "fields": {"core": core}}, "timestamp": TIME}],
    }
    lead, gone = made(trial, "mautic", body)
    assert (lead["gives"], lead["external_id"], lead["contact"]["email"]) == ("lead", "7", "ann@acme.example")
    assert (gone["gives"], gone["post"]["lead"]) == ("erasure", {"system": "mautic", "id": "9"})


def test_a_lead_of_metas_test_tool_is_a_test(trial: Trial) -> None:
    def fetched(name: str) -> Any:
        fields = [{"name": "full_name", "values": [name]}, {"name": "email", "values": ["test@fb.example"]}]
        document = {"id": "1459", "created_time": "2026-09-21T14:13:12+0000", "field_data": fields}
        (lead,) = trial.fetched("meta-lead-ads", "lead", json.dumps(document).encode(), None, RECEIVED)["elements"]
        return lead["is_test"]

    assert (fetched("<test lead: dummy data for full_name>"), fetched("Lucas Moreau")) == (True, False)


@pytest.mark.parametrize(
    ("kind", "more", "gives"),
    [
        ("object.creation", {"objectTypeId": "0-1"}, ("fetch", "contact")),
        ("object.propertyChange", {"objectTypeId": "0-1", "propertyName": "phone"}, ("fetch", "contact")),
        ("object.propertyChange", {"objectTypeId": "0-3", "propertyName": "dealstage"}, ("fetch", "deal")),
        ("contact.restore", {}, ("fetch", "contact")),
        ("contact.merge", {"primaryObjectId": 1, "mergedObjectIds": [2], "newObjectId": 77}, ("fetch", "contact")),
    ],
)
def test_hubspots_generic_events_name_contacts_and_deals_too(
    trial: Trial, kind: str, more: dict[str, Any], gives: tuple[str, str]
) -> None:
    event = {"eventId": 1, "subscriptionId": 2, "portalId": 3, "appId": 4, "occurredAt": 1_789_999_980_000,
             "subscriptionType": kind, "objectId": 77, **more}  # fmt: skip
    (notice,) = made(trial, "hubspot-subscription", [event])
    assert (notice["gives"], notice["post"]["fetch"], notice["post"]["id"]) == (*gives, "77")


def test_a_status_reported_by_a_generic_event_of_hubspot_is_one(trial: Trial) -> None:
    event = {"eventId": 1, "subscriptionId": 2, "portalId": 3, "appId": 4, "occurredAt": 1_789_999_980_000,
             "subscriptionType": "object.propertyChange", "objectTypeId": "0-1", "objectId": 77,
             "propertyName": "hs_lead_status", "propertyValue": "UNQUALIFIED"}  # fmt: skip
    (status,) = made(trial, "hubspot-subscription", [event])
    assert (status["gives"], status["post"]["status"], status["fault"]) == ("status", "UNQUALIFIED", None)


@pytest.mark.parametrize("wrapped", [("data", "payload"), ("payload",), ()])
def test_salesforces_change_event_is_understood_as_cometd_and_as_the_pub_sub_api_give_it(
    trial: Trial, wrapped: tuple[str, ...]
) -> None:
    header = {"entityName": "Lead", "recordIds": ["00Q1", "00Q2"], "changeType": "UPDATE", "changeOrigin": "",
              "transactionKey": "t", "sequenceNumber": 1, "commitTimestamp": 1_789_999_980_000}  # fmt: skip
    event: dict[str, Any] = {"ChangeEventHeader": header, "Status": "Unqualified"}
    for name in reversed(wrapped):
        event = {name: event, "event": {"replayId": 6}}
    found = made(trial, "salesforce-cdc", event)
    assert [one["post"]["lead"]["id"] for one in found] == ["00Q1", "00Q2"]
    assert {(one["gives"], one["post"]["status"]) for one in found} == {("status", "Unqualified")}


def test_a_lead_that_is_new_in_salesforce_has_no_status_to_report(trial: Trial) -> None:
    header = {"entityName": "Lead", "recordIds": ["00Q1"], "changeType": "CREATE", "changeOrigin": ""}
    assert made(trial, "salesforce-cdc", {"data": {"payload": {"ChangeEventHeader": header, "Status": "New"}}}) == []
