"""Signed webhooks: delivered once in order, tried again for three days, given up aloud, done again when asked."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from services.routing.tests.delivering import Delivering
from standardwebhooks.webhooks import Webhook

from baton.contracts import LeadErased
from baton.routing.domain.schedule import TRIES_AFTER, next_try
from baton.routing.domain.signing import KeyUnusable, private_key, public_key, signature_header
from baton.runtime.testing import Bench, types_of
from tests.world.outside import Asked, Outside, Says

ALL = ["lead.routed", "lead.reassigned", "lead.held", "lead.recycled"]


def down(_: Asked) -> Says:
    return Says(500, b"not today")


def verified(asked: Asked, secret: str, deliver: Delivering, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The body, if the reference library verifies it at the bench's present."""
    import standardwebhooks.webhooks as reference

    class Present(reference.datetime):  # type: ignore[name-defined,misc]
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return deliver.bench.clock.now()

    monkeypatch.setattr(reference, "datetime", Present)
    return Webhook(secret).verify(asked.body, dict(asked.headers))


async def test_a_hand_over_arrives_signed_and_is_said_to_have_arrived(
    deliver: Delivering, facts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Outside(lambda _: Says(204)) as crm:
        made = await deliver.subscribe(f"{crm.url}/leads", label="Our CRM")
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        assert await deliver.send() == 1
    [asked], [routed] = crm.asked, await deliver.bench.said("lead.routed")
    body = verified(asked, made["secret"], deliver, monkeypatch)
    assert (asked.method, asked.path, asked.headers["webhook-id"]) == ("POST", "/leads", routed.id)
    assert body["type"] == "lead.routed"
    assert body["data"] == {"lead_id": facts.lead, "event_id": routed.id, "sequence": 1, **routed.body}
    [delivered] = await deliver.bench.said("lead.delivered")
    assert (delivered.subject, delivered.body["endpoint"], delivered.body["label"]) == (
        facts.lead,
        made["id"],
        "Our CRM",
    )
    assert (delivered.body["delivered"], delivered.body["delivered_id"], delivered.body["round"]) == (
        "lead.routed",
        routed.id,
        1,
    )
    assert await deliver.states() == ["delivered"]
    assert deliver.counted("delivered") == 1
    assert await deliver.send() == 0


async def test_the_secret_is_shown_once(deliver: Delivering) -> None:
    async with Outside() as crm:
        made = await deliver.subscribe(crm.url, headers={"X-Key": "word"})
    assert made["secret"].startswith("whsec_")
    for path in (f"/routing/v1/subscriptions/{made['id']}", "/routing/v1/subscriptions"):
        text = (await deliver.web.get(path)).text
        assert made["secret"] not in text
        assert "word" not in text


async def test_ed25519_is_verified_with_the_public_key_alone(deliver: Delivering, facts: Any) -> None:
    async with Outside() as crm:
        made = await deliver.subscribe(crm.url, signing="v1a")
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        await deliver.send()
    assert "secret" not in made
    [asked] = crm.asked
    version, _, signature = asked.headers["webhook-signature"].partition(",")
    signed = f"{asked.headers['webhook-id']}.{asked.headers['webhook-timestamp']}.".encode() + asked.body
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(made["public_key"].removeprefix("whpk_")))
    key.verify(base64.b64decode(signature), signed)  # raises if it is not so
    assert version == "v1a"


async def test_while_a_key_is_rotated_both_sign_and_then_the_new_one_alone(
    deliver: Delivering, facts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Outside() as crm:
        made = await deliver.subscribe(crm.url)
        path = f"/routing/v1/subscriptions/{made['id']}/rotate"
        fresh = (await deliver.web.post(path, json={"keep_old_hours": 1})).json()
        await deliver.bench.hear(facts.qualified(), subject=facts.lead_id(1))
        await deliver.send()
        await deliver.after(timedelta(hours=2))
        await deliver.bench.hear(facts.qualified(hours=2), subject=facts.lead_id(2))
        await deliver.send()
    both, alone = crm.asked
    assert len(both.headers["webhook-signature"].split()) == 2
    assert len(alone.headers["webhook-signature"].split()) == 1
    verified(alone, fresh["secret"], deliver, monkeypatch)
    deliver.bench.clock.jump_to(facts.at(0))
    for secret in (made["secret"], fresh["secret"]):
        verified(both, secret, deliver, monkeypatch)


FIXTURES = Path(os.environ.get("BATON_FIXTURES", "/nowhere")) / "outbound"


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="BATON_FIXTURES is not set")
@pytest.mark.parametrize("number", [1, 2])
def test_recorded_requests_are_signed_the_same(number: int) -> None:
    meta = json.loads((FIXTURES / f"out-standard-webhooks-{number}.meta.json").read_text())
    body = (FIXTURES / f"out-standard-webhooks-{number}.json").read_bytes()
    headers = meta["headers"]
    made = signature_header(meta["secret"], headers["webhook-id"], int(headers["webhook-timestamp"]), body)
    assert made == headers["webhook-signature"]


@pytest.mark.parametrize("key", ["", "secret", "whsec_", "whsec_c2hvcnQ=", "whsec_???", "whsk_c2hvcnQ=", "whpk_AAAA"])
def test_what_is_no_key_signs_nothing_and_is_not_told(key: str) -> None:
    with pytest.raises(KeyUnusable) as refused:
        signature_header([key], "id", 1, b"")
    assert not key.partition("_")[2] or key.partition("_")[2] not in str(refused.value)


def test_a_private_key_may_carry_its_public_half() -> None:
    seed = os.urandom(32)
    long = (
        "whsk_"
        + base64.b64encode(seed + Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()).decode()
    )
    assert public_key(long) == public_key(private_key(seed))


async def test_it_is_tried_ten_times_over_three_days_and_then_the_endpoint_is_dead(
    deliver: Delivering, facts: Any
) -> None:
    async with Outside(down) as crm:
        made = await deliver.subscribe(crm.url)
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        begun, times = deliver.bench.clock.now(), []
        while (state := await deliver.endpoint(made["id"]))["state"] == "on":
            [one] = await deliver.deliveries()
            due = max(
                datetime.fromisoformat(one["due_at"]), datetime.fromisoformat(state["paused_until"] or one["due_at"])
            )
            deliver.bench.clock.move_to(max(due, deliver.bench.clock.now()))
            assert await deliver.send() == 1
            times.append(deliver.bench.clock.now() - begun)
        assert len(times) == len(crm.asked) == 10
        assert {asked.headers["webhook-id"] for asked in crm.asked} == {one["event_id"]}
        pauses = [after - before for before, after in itertools.pairwise(times)]
        for pause, wanted in zip(pauses, TRIES_AFTER[1:], strict=True):
            assert wanted <= pause <= wanted * 1.2
        assert len({round(pause / wanted, 6) for pause, wanted in zip(pauses, TRIES_AFTER[1:], strict=True)}) > 5
        assert (state["reason"], state["waiting"], state["last_error"]) == ("dead", 1, "500 not today")
        assert await deliver.after(timedelta(days=9)) == 0
        crm.answers = lambda _: Says()
        assert (await deliver.web.post(f"/routing/v1/subscriptions/{made['id']}/resume")).json()["state"] == "on"
        assert await deliver.send() == 1
    assert await deliver.states() == ["delivered"]
    assert deliver.counted("rejected") == 10


async def test_one_that_nobody_takes_is_given_up_and_its_endpoint_goes_on(deliver: Delivering, facts: Any) -> None:
    bad = facts.lead_id(1)
    async with Outside(lambda asked: Says(422 if bad.encode() in asked.body else 200)) as crm:
        await deliver.subscribe(crm.url)
        await deliver.bench.hear(facts.qualified(), subject=bad)
        await deliver.bench.hear(facts.qualified(), subject=facts.lead_id(2))
        for _ in range(12):
            await deliver.send()
            await deliver.after(timedelta(hours=30))
    assert sorted(await deliver.states()) == ["delivered", "given_up"]
    [given_up] = await deliver.deliveries(state="given_up")
    assert (given_up["lead_id"], given_up["tries"], given_up["status"], given_up["due_at"]) == (bad, 10, 422, None)
    assert len(crm.asked) == 11


async def test_a_dead_endpoint_is_shown_to_whoever_watches(deliver: Delivering, facts: Any) -> None:
    async with Outside(lambda _: Says(410)) as crm:
        made = await deliver.subscribe(crm.url)
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        await deliver.send()
    deliver.bench.clock.advance(timedelta(hours=1))
    await deliver.sender.keep_house(deliver.bench.engine)
    found = deliver.routing.registry.get_sample_value
    assert found("baton_endpoint_disabled", {"endpoint": made["id"]}) == 1
    assert found("baton_deliveries_waiting", {"endpoint": made["id"]}) == 1
    assert found("baton_delivery_age_seconds", {"endpoint": made["id"]}) == 3600


async def test_410_ends_it_and_what_is_said_meanwhile_waits(deliver: Delivering, facts: Any) -> None:
    async with Outside(lambda _: Says(410)) as crm:
        made = await deliver.subscribe(crm.url)
        for number in range(3):
            await deliver.bench.hear(facts.qualified(), subject=facts.lead_id(number))
            await deliver.send()
        assert len(crm.asked) == 1
        assert (await deliver.endpoint(made["id"]))["reason"] == "gone"
        assert await deliver.after(timedelta(days=4)) == 0
        crm.answers = lambda _: Says()
        [first, *_] = await deliver.deliveries()
        again = await deliver.web.post(f"/routing/v1/deliveries/{first['id']}/replay")
        assert again.status_code == 202
        assert await deliver.send() == 3
    assert await deliver.states() == ["delivered"] * 3


async def test_whoever_is_overwhelmed_is_left_alone_as_long_as_he_asks(deliver: Delivering, facts: Any) -> None:
    async with Outside(lambda _: Says(429, headers={"Retry-After": "600"})) as crm:
        made = await deliver.subscribe(crm.url)
        for number in range(5):
            await deliver.bench.hear(facts.qualified(), subject=facts.lead_id(number))
        await deliver.send()
        begun = len(crm.asked)
        assert begun <= 4  # as many as are told at once
        assert await deliver.after(timedelta(seconds=590)) == 0
        assert (await deliver.endpoint(made["id"]))["paused_until"] is not None
        crm.answers = lambda _: Says()
        assert await deliver.after(timedelta(seconds=20)) == 5
    assert deliver.counted("throttled") == begun
    assert await deliver.states() == ["delivered"] * 5


async def test_retry_after_may_be_a_date(deliver: Delivering, facts: Any) -> None:
    until = format_datetime(deliver.bench.clock.now() + timedelta(minutes=40), usegmt=True)
    async with Outside(lambda _: Says(503, headers={"Retry-After": until})) as crm:
        await deliver.subscribe(crm.url)
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        await deliver.send()
        assert await deliver.after(timedelta(minutes=39)) == 0
        assert await deliver.after(timedelta(minutes=2)) == 1
    assert len(crm.asked) == 2


async def test_a_redirect_is_a_failure_and_is_not_followed(deliver: Delivering, facts: Any) -> None:
    async with Outside() as elsewhere, Outside(lambda _: Says(307, headers={"location": elsewhere.url})) as crm:
        await deliver.subscribe(crm.url)
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        await deliver.send()
    assert (len(crm.asked), len(elsewhere.asked)) == (1, 0)
    [one] = await deliver.deliveries()
    assert (one["state"], one["status"]) == ("pending", 307)


async def test_facts_about_a_lead_arrive_in_order_and_other_leads_do_not_wait(deliver: Delivering, facts: Any) -> None:
    stuck = facts.lead_id(1)
    async with Outside(lambda asked: Says(409 if stuck.encode() in asked.body else 200)) as crm:
        await deliver.subscribe(crm.url, facts=ALL)
        for lead in (stuck, facts.lead_id(2)):
            await deliver.bench.hear(facts.qualified(), subject=lead)
            await deliver.bench.command("reassign", lead, {"to": "cy", "reason": None})
            await deliver.bench.hear(facts.status(1, "recycle", reason="wrong_time"), subject=lead)
        await deliver.send()
        assert [asked.json["type"] for asked in crm.asked if stuck.encode() in asked.body] == ["lead.routed"]
        crm.answers = lambda _: Says()
        await deliver.after(timedelta(hours=1))
    for lead in (stuck, facts.lead_id(2)):
        told = [asked.json for asked in crm.asked if lead.encode() in asked.body and asked.json["data"]["sequence"]]
        types = list(dict.fromkeys(body["type"] for body in told))
        assert types == ["lead.routed", "lead.reassigned", "lead.recycled"]
        sequences = [body["data"]["sequence"] for body in told]
        assert sequences == sorted(sequences)


async def test_a_slow_receiver_keeps_nobody_else_waiting(deliver: Delivering, facts: Any) -> None:
    release = asyncio.Event()

    async def slowly(_: Asked) -> Says:
        await release.wait()
        return Says()

    async with Outside(slowly) as slow, Outside() as quick:
        await deliver.subscribe(slow.url, at_once=2)
        await deliver.subscribe(quick.url)
        for number in range(6):
            await deliver.bench.hear(facts.qualified(), subject=facts.lead_id(number))
        engine = deliver.bench.engine
        while len(quick.asked) < 6 or len(slow.asked) < 2:
            await deliver.sender.once(engine)
            await asyncio.sleep(0.01)
        for _ in range(3):
            await deliver.sender.once(engine)
            await asyncio.sleep(0.01)
        assert len(slow.asked) == 2
        release.set()
        await deliver.send()
        assert len(slow.asked) == 6


async def test_a_process_that_dies_before_it_sends_loses_nothing(deliver: Delivering, facts: Any) -> None:
    async with Outside() as crm:
        await deliver.subscribe(crm.url)
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)  # committed, and never sent by this process
        assert await deliver.send(deliver.another_sender()) == 1
    assert len(crm.asked) == 1


async def test_a_process_that_dies_while_it_sends_is_followed_by_one_that_sends_it_again(
    deliver: Delivering, facts: Any
) -> None:
    stays = asyncio.Event()

    async def never(_: Asked) -> Says:
        await stays.wait()
        return Says()

    async with Outside(never) as crm:
        await deliver.subscribe(crm.url)
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        await deliver.sender.once(deliver.bench.engine)
        while not crm.asked:
            await asyncio.sleep(0.01)
        await deliver.sender.stop()
        crm.answers = lambda _: Says()
        heir = deliver.another_sender()
        assert await deliver.send(heir) == 0  # the claim of the dead is still respected
        deliver.bench.clock.advance(timedelta(seconds=50))
        assert await deliver.send(heir) == 1
    assert [asked.headers["webhook-id"] for asked in crm.asked] == [crm.asked[0].headers["webhook-id"]] * 2
    assert len(await deliver.bench.said("lead.delivered")) == 1


async def test_what_was_taken_is_said_by_whoever_comes_after(
    deliver: Delivering, facts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Outside() as crm:
        await deliver.subscribe(crm.url)
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)

        async def dies(*_: Any) -> None:
            raise asyncio.CancelledError

        monkeypatch.setattr(deliver.sender, "_say_taken", dies)
        await deliver.send()
        assert await deliver.bench.said("lead.delivered") == []
        heir = deliver.another_sender()
        deliver.bench.clock.advance(timedelta(seconds=11))
        for _ in range(2):
            await deliver.send(heir)
    assert len(crm.asked) == 1
    assert types_of(await deliver.bench.said("lead.delivered")) == ["lead.delivered"]


async def test_two_senders_never_try_the_same_delivery_at_once(deliver: Delivering, facts: Any) -> None:
    async with Outside() as crm:
        await deliver.subscribe(crm.url, at_once=32)
        for number in range(40):
            await deliver.bench.hear(facts.qualified(), subject=facts.lead_id(number))
        other = deliver.another_sender()
        await asyncio.gather(*(deliver.send(one) for one in (deliver.sender, other)))
        await deliver.send()
    ids = [asked.headers["webhook-id"] for asked in crm.asked]
    assert len(ids) == len(set(ids)) == 40


async def test_a_sender_whose_lane_has_gone_sends_nothing(deliver: Delivering, facts: Any) -> None:
    async with Outside() as crm:
        await deliver.subscribe(crm.url)
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        lane = deliver.routing.metadata.tables["lane"]
        await deliver.bench.engine.store.write(lambda tx: tx.execute(lane.update().values(epoch=lane.c.epoch + 1)))
        assert await deliver.send() == 0
    assert crm.asked == []


async def test_everything_since_a_time_is_told_anew_in_its_order(deliver: Delivering, facts: Any) -> None:
    async with Outside() as crm:
        made = await deliver.subscribe(crm.url)
        for number in range(4):
            await deliver.bench.hear(facts.qualified(hours=number), subject=facts.lead_id(number))
            await deliver.after(timedelta(hours=1))
        crm.asked.clear()
        path = f"/routing/v1/subscriptions/{made['id']}/replay"
        answer = await deliver.web.post(path, json={"since": facts.at(1.5).isoformat()})
        assert (answer.status_code, answer.json()["deliveries"]) == (202, 2)
        await deliver.send()
        told = [asked.json["data"]["lead_id"] for asked in crm.asked]
        assert told == [facts.lead_id(2), facts.lead_id(3)]
        late = await deliver.subscribe(crm.url, label="late")  # an endpoint made later can be told what came before it
        crm.asked.clear()
        await deliver.web.post(
            f"/routing/v1/subscriptions/{late['id']}/replay", json={"since": facts.at(-1).isoformat()}
        )
        await deliver.send()
        assert len(crm.asked) == 4
    assert len(await deliver.bench.said("lead.delivered")) == 8


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


async def test_what_a_name_resolves_to_by_then_is_judged_by_then(deliver: Delivering, facts: Any) -> None:
    """The subscription was fine when it was made; its name leads inside when it is called."""
    answers = [["93.184.216.34"], ["10.0.0.1"]]

    async def names(host: str, port: int) -> list[str]:
        return answers.pop(0) if len(answers) > 1 else answers[0]

    deliver.outbound._resolve = names
    await names("", 0)
    await deliver.subscribe("https://unknown.invalid/")
    await deliver.bench.hear(facts.qualified(), subject=facts.lead)
    await deliver.send()
    [one] = await deliver.deliveries()
    assert (one["state"], one["error"]) == ("pending", "unknown.invalid is inside a network: its address is not public")
    assert deliver.counted("broken") == 1


async def test_what_is_older_than_the_memory_is_forgotten_once_it_is_settled(deliver: Delivering, facts: Any) -> None:
    async with Outside(lambda asked: Says(200 if facts.lead.encode() in asked.body else 410)) as crm:
        await deliver.subscribe(crm.url)
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        await deliver.send()
        await deliver.bench.hear(facts.qualified(), subject=facts.lead_id(2))
        await deliver.send()
    deliver.bench.clock.advance(timedelta(days=31))
    await deliver.sender.keep_house(deliver.bench.engine)
    assert await deliver.states() == ["pending"]


async def test_deliveries_are_written_with_the_fact_on_both_stores(
    bench: Bench, facts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver = await Delivering.on(bench)
    try:
        await deliver.subscribe("https://crm.invalid/")
        await bench.hear(facts.qualified(), subject=facts.lead)
        [one] = await deliver.deliveries()
        assert (one["state"], one["type"], one["tries"]) == ("pending", "lead.routed", 0)
        assert await deliver.send() == 1
        [one] = await deliver.deliveries()
        assert (one["tries"], one["error"]) == (1, "crm.invalid cannot be resolved")
        replayed = await deliver.web.post(
            f"/routing/v1/subscriptions/{one['endpoint']}/replay", json={"since": facts.at(-1).isoformat()}
        )
        assert replayed.json()["deliveries"] == 1
        assert (await deliver.deliveries())[0]["tries"] == 0
    finally:
        await deliver.close()


def test_a_wish_is_obeyed_up_to_three_days() -> None:
    assert next_try(1, "x", timedelta(hours=1)) == timedelta(hours=1)
    assert next_try(1, "x", timedelta(days=30)) == timedelta(days=3)
    assert next_try(10, "x") is None


async def test_who_is_erased_is_wiped_from_deliveries_and_endpoints_are_told(deliver: Delivering, facts: Any) -> None:
    async with Outside(lambda _: Says(503, b"kim@customer.example is busy")) as crm:
        await deliver.subscribe(crm.url)
        told = await deliver.subscribe(f"{crm.url}/forget", facts=["lead.erased"])
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        await deliver.send()
        assert "kim@customer.example" in str(await deliver.deliveries())
        at = deliver.bench.clock.now()
        await deliver.bench.hear(LeadErased(requested_at=at, gone_by=at + timedelta(days=30)), subject=facts.lead)
        [one] = await deliver.deliveries()
        assert (one["type"], one["endpoint"], one["error"]) == ("lead.erased", told["id"], None)
        crm.answers = lambda _: Says()
        crm.asked.clear()
        await deliver.after(timedelta(hours=1))
    [asked] = crm.asked
    assert (asked.path, asked.json["type"], asked.json["data"]["lead_id"]) == ("/forget", "lead.erased", facts.lead)
    assert b"kim" not in asked.body
    assert await deliver.bench.said("lead.delivered") == []
