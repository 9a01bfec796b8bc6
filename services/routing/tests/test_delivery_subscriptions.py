"""What a subscription asks for, what it may be, and what is shown of it."""

from __future__ import annotations

from typing import Any

from services.routing.tests.delivering import Delivering

from tests.world.outside import Outside


async def test_the_secret_is_shown_once(deliver: Delivering) -> None:
    async with Outside() as crm:
        made = await deliver.subscribe(crm.url, headers={"X-Key": "word"})
    assert made["secret"].startswith("whsec_")
    for path in (f"/routing/v1/subscriptions/{made['id']}", "/routing/v1/subscriptions"):
        text = (await deliver.web.get(path)).text
        assert made["secret"] not in text
        assert "word" not in text


async def test_only_the_facts_an_endpoint_asked_for_are_told_it(deliver: Delivering, facts: Any) -> None:
    async with Outside() as crm:
        await deliver.subscribe(f"{crm.url}/held", facts=["lead.held"])
        await deliver.subscribe(f"{crm.url}/big", when="data.score.total > 80.0")
        await deliver.subscribe(f"{crm.url}/none", when="data.contact.website == 'nobody has it'")
        for number, total in enumerate((60.5, 90.5)):
            score = facts.qualified().score.model_copy(update={"total": total})
            await deliver.bench.hear(facts.qualified(score=score), subject=facts.lead_id(number))
        await deliver.bench.hear(facts.qualified(country="BR"), subject=facts.lead_id(9))
        await deliver.send()
    assert sorted((asked.path, asked.json["data"]["lead_id"]) for asked in crm.asked) == [
        ("/big", facts.lead_id(1)),
        ("/held", facts.lead_id(9)),
    ]
    assert len(await deliver.deliveries()) == 2


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "#/url"),
    ({"url": "ftp://crm.example.com/"}, "#/url"),
    ({"url": "https://169.254.169.254/latest"}, "#/url"),
    ({"url": "https://2130706433/"}, "#/url"),
    ({"url": "https://user:pw@crm.example.com/"}, "#/url"),
    ({"url": "https://127.0.0.2/", "facts": []}, "#/facts"),
    ({"url": "https://crm.example.com/", "facts": ["lead.eaten"]}, "#/facts/0"),
    ({"url": "https://crm.example.com/", "when": "data.owner.team =="}, "#/when"),
    ({"url": "https://crm.example.com/", "when": "data.ower.team == 'x'"}, "#/when"),
    ({"url": "https://crm.example.com/", "when": "1 + 1"}, "#/when"),
    ({"url": "https://crm.example.com/", "steps": [{"body": {"a": ["${nobody}"]}}]}, "#/steps/0/body/a/0"),
    ({"url": "https://crm.example.com/", "steps": [{"path": "/${fact.id"}]}, "#/steps/0/path"),
    ({"url": "https://crm.example.com/", "record_id": "id"}, "#/record_id"),
    ({"url": "https://crm.example.com/", "headers": {"a b": "c"}}, "#/headers/a b"),
    ({"url": "https://crm.example.com/", "secret": "mine"}, "#/secret"),
]


async def test_a_subscription_that_cannot_be_is_refused_with_the_place(deliver: Delivering) -> None:
    for body, pointer in REFUSED:
        answer = await deliver.web.post("/routing/v1/subscriptions", json=body)
        assert answer.status_code == 422, (body, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert any(error["pointer"].startswith(pointer) for error in answer.json()["errors"]), answer.text


async def test_a_subscription_that_is_deleted_is_told_nothing_more(deliver: Delivering, facts: Any) -> None:
    async with Outside() as crm:
        made = await deliver.subscribe(crm.url)
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        path = f"/routing/v1/subscriptions/{made['id']}"
        assert (await deliver.web.delete(path)).status_code == 204
        assert await deliver.send() == 0
        for method, way in (("GET", path), ("DELETE", path), ("POST", f"{path}/resume")):
            assert (await deliver.web.request(method, way)).status_code == 404
    assert (crm.asked, await deliver.deliveries()) == ([], [])
    assert (await deliver.web.post("/routing/v1/deliveries/77/replay")).status_code == 404
