"""The example playbook feeds four CRMs without code."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from services.routing.tests.crms import Crm, Espo, HubSpot, Pipedrive, Salesforce
from services.routing.tests.delivering import Delivering

from baton.contracts import Contact, LeadErased
from tests.world.outside import Outside, Says

ENVIRON = {
    "salesforce": {
        "BATON_SALESFORCE_URL": "",
        "BATON_SALESFORCE_CLIENT_ID": "us",
        "BATON_SALESFORCE_CLIENT_SECRET": "s&cret",
    },
    "hubspot": {"BATON_HUBSPOT_API_URL": "", "BATON_HUBSPOT_TOKEN": "pat"},
    "pipedrive": {"BATON_PIPEDRIVE_URL": "/api", "BATON_PIPEDRIVE_TOKEN": "key"},
    "espocrm": {"BATON_ESPOCRM_URL": "", "BATON_ESPOCRM_KEY": "key"},
}
CRMS: dict[str, Callable[[], Crm]] = {
    "salesforce": Salesforce,
    "hubspot": HubSpot,
    "pipedrive": Pipedrive,
    "espocrm": Espo,
}
OWNERS = {"salesforce": "005000000000001", "hubspot": "77", "pipedrive": "78", "espocrm": "user1"}
NAMES = {"salesforce": "LastName", "hubspot": "lastname", "pipedrive": "title", "espocrm": "lastName"}
OWNER = {"salesforce": "OwnerId", "hubspot": "hubspot_owner_id", "pipedrive": "owner_id", "espocrm": "assignedUserId"}


async def connect(deliver: Delivering, name: str, crm: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set in the environment what the example playbook names, and let every owner be known to the CRM."""
    first = True
    for variable, value in ENVIRON[name].items():
        monkeypatch.setenv(variable, crm.url + value if first else value)
        first = False
    for rep in ("ada", "bo", "cy", "dee", "eli"):
        shown = (await deliver.web.get(f"/routing/v1/reps/{rep}")).json()
        shown["external_ids"] = OWNERS if rep != "cy" else {**OWNERS, name: str(OWNERS[name])[:-1] + "9"}
        assert (await deliver.web.put(f"/routing/v1/reps/{rep}", json=shown)).status_code == 200


def lead_in(crm: Crm, name: str) -> dict[str, Any]:
    leads = [record for record in crm.records.values() if record.get("kind", "leads") == "leads"]
    assert len(leads) == 1, crm.records
    return leads[0]


@pytest.mark.parametrize("name", sorted(CRMS))
async def test_a_crm_gets_the_lead_once_with_its_owner_and_forgets_it_when_told(
    name: str, deliver: Delivering, facts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = CRMS[name]()
    async with Outside(model) as crm:
        await connect(deliver, name, crm, monkeypatch)
        assert (await deliver.endpoint(name))["state"] == "on"
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        await deliver.send()
        assert model.refused == []
        lead = lead_in(model, name)
        assert "Kim Brandt" in str(lead[NAMES[name]])
        assert str(lead[OWNER[name]]) == OWNERS[name]
        [delivered] = await deliver.bench.said("lead.delivered")
        assert delivered.body["endpoint"] == name
        assert delivered.body["record_id"]
        assert delivered.body["system"] == name
        await deliver.bench.command("reassign", facts.lead, {"to": "cy", "reason": None})
        await deliver.send()
        assert model.refused == []
        assert str(lead_in(model, name)[OWNER[name]]).endswith("9")
        at = deliver.bench.clock.now()
        await deliver.bench.hear(LeadErased(requested_at=at, gone_by=at), subject=facts.lead)
        await deliver.send()
        assert model.refused == []
        assert [record for record in model.records.values() if record.get("kind") != "notes"] == []
    assert await deliver.bench.engine.read(lambda tx: _records(tx, deliver)) == 0


def _records(tx: Any, deliver: Delivering) -> int:
    return len(tx.execute(deliver.routing.tables.crm_record.select()).all())


@pytest.mark.parametrize("name", sorted(CRMS))
async def test_a_person_with_nothing_but_a_telephone_and_one_with_too_much_of_everything_are_taken(
    name: str, deliver: Delivering, facts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = CRMS[name]()
    long = dict.fromkeys(("first_name", "last_name", "company", "job_title", "street", "city", "region"), "x" * 300)
    much = Contact(email="a" * 64 + "@" + "b" * 60 + ".example", country="DE", postal_code="20095" + "0" * 40, **long)
    async with Outside(model) as crm:
        await connect(deliver, name, crm, monkeypatch)
        for number, contact in enumerate((Contact(phone="+4930123", country="DE", postal_code="20095"), much)):
            lead = facts.qualified(contact=contact, fields={"country": "DE"})
            await deliver.bench.hear(lead, subject=facts.lead_id(number))
        await deliver.send()
    assert model.refused == []
    assert await deliver.states() == ["delivered", "delivered"]
    if name != "pipedrive":
        names = {str(record[NAMES[name]])[:14] for record in model.records.values()}
        assert names == {"[not provided]", "x" * 14}


async def test_a_person_the_crm_has_already_is_not_made_twice(
    deliver: Delivering, facts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    hubspot, pipedrive = HubSpot(), Pipedrive()
    hubspot.new({"email": "kim@customer.example", "lifecyclestage": "customer"})
    pipedrive.new({"kind": "persons", "name": "Kim", "email": ["kim@customer.example"]})
    async with Outside(hubspot) as one, Outside(pipedrive) as other:
        await connect(deliver, "hubspot", one, monkeypatch)
        await connect(deliver, "pipedrive", other, monkeypatch)
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        await deliver.send()
    assert len(hubspot.records) == 1
    assert [record["kind"] for record in pipedrive.records.values()] == ["persons", "leads", "notes"]


async def test_a_delivery_that_broke_off_goes_on_where_it_was(
    deliver: Delivering, facts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Pipedrive()
    async with Outside(lambda asked: Says(500) if asked.path == "/api/v1/leads" else model(asked)) as crm:
        await connect(deliver, "pipedrive", crm, monkeypatch)
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        await deliver.send()
        crm.answers = model
        await deliver.after(timedelta(minutes=1))
    assert [record["kind"] for record in model.records.values()] == ["persons", "leads", "notes"]


async def test_a_token_is_kept_and_fetched_anew_when_it_is_refused(
    deliver: Delivering, facts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Salesforce()
    async with Outside(model) as crm:
        await connect(deliver, "salesforce", crm, monkeypatch)
        for number in range(3):
            await deliver.bench.hear(facts.qualified(), subject=facts.lead_id(number))
            await deliver.send()
        assert model.tokens == 1
        model.tokens = 7  # the one we have has been taken back
        await deliver.bench.hear(facts.qualified(), subject=facts.lead_id(4))
        await deliver.send()
        assert (model.tokens, len(model.records)) == (8, 4)
        monkeypatch.setenv("BATON_SALESFORCE_CLIENT_SECRET", "wrong")
        model.tokens = 20
        await deliver.bench.hear(facts.qualified(), subject=facts.lead_id(5))
        await deliver.send()
    [one] = await deliver.deliveries(state="pending")
    assert (one["status"], one["error"]) == (400, "no token: 400")


async def test_a_crm_is_off_until_its_url_is_set_and_says_so(deliver: Delivering, facts: Any) -> None:
    await deliver.bench.hear(facts.qualified(), subject=facts.lead)
    assert await deliver.deliveries() == []
    shown = (await deliver.web.get("/routing/v1/subscriptions")).json()["subscriptions"]
    states = {one["id"]: (one["state"], one["reason"]) for one in shown}
    assert states["salesforce"] == ("off", "the environment variable BATON_SALESFORCE_URL is not set or empty")
    assert states["owner-mail"] == ("off", "BATON_SMTP_URL is not set")
    assert {state for state, _ in states.values()} == {"off"}
    assert (await deliver.web.delete("/routing/v1/subscriptions/salesforce")).status_code == 409
