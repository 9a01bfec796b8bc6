"""What platforms only name is fetched afterwards: once, at their pace, and not forgotten, whatever happens between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from services.intake.tests.platform import Platform, Said, platform
from services.intake.tests.posting import SECRETS

TOKEN = "a-token-of-the-ads"


@pytest.fixture
def ads() -> Iterator[Platform]:
    with platform() as kept:
        yield kept


def source(url: str, **fetch: Any) -> dict[str, Any]:
    """A platform whose notices name answers to a form, of which the questions stand elsewhere."""
    return {
        "id": "ads",
        "label": "Lead ads",
        "signature": {"scheme": "token", "secrets": [{"env": "SHOP_TOKEN"}]},
        "fetch": {
            "base_url": url,
            "auth": {"header": "Authorization", "secrets": [{"env": "ADS_TOKEN"}]},
            "headers": {"Api-Version": "7"},
            "timeout_seconds": 0.5,
            "busy": {"path": "error.code", "values": [4, 17]},
            "things": [
                {
                    "id": "answer",
                    "path": "/v1/answers/{id}",
                    "query": {"fields": "id,data"},
                    "beside": {
                        "path": "/v1/forms/{id}",
                        "id": "form",
                        "after": "form:",
                        "rows": "questions[]",
                        "into": "data[]",
                        "by": "number",
                    },
                }
            ],
            **fetch,
        },
        "mapping": [
            {
                "id": "ours",
                "each": "events[]",
                "when": "element.app == 'baton'",
                "gives": "nothing",
                "reason": "echo",
            },
            {
                "id": "notice",
                "each": "events[]",
                "when": "has(element.answer)",
                "gives": "fetch",
                "fetch": "answer",
                "external_id": "answer",
                "dedupe": ["event"],
            },
            {
                "id": "person",
                "of": "answer",
                "external_id": "id",
                "dedupe": ["id", "changed"],
                "contact": {"email": "data[kind=EMAIL].text", "full_name": "data[kind=NAME].text"},
            },
        ],
    }


def answer(id_: str = "a1", email: str = "ann@example.com", **more: Any) -> dict[str, Any]:
    data = [{"number": 1, "text": email}, {"number": 2, "text": "Ann Example"}]
    return {"id": id_, "form": "urn:form:77", "data": data, **more}


FORM = {"questions": [{"number": 1, "kind": "EMAIL"}, {"number": 2, "kind": "NAME"}]}


@pytest.fixture
async def counter(desk: Any, ads: Platform, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A desk that takes the platform's notices."""
    monkeypatch.setenv("ADS_TOKEN", TOKEN)
    ads.says("/v1/forms/77", FORM)
    desk.change_sources(lambda sources: sources["sources"].append(source(ads.url)))
    desk.service.metrics.playbook(desk.service.book.version, desk.service.book.sources)
    return desk


async def tell(desk: Any, *events: Any) -> dict[str, Any]:
    answered = await desk.post("hooks/ads?token=" + SECRETS["SHOP_TOKEN"], {"events": list(events)}, who=None)
    assert answered.status_code == 200, answered.text
    summary: dict[str, Any] = answered.json()
    return summary


def event(number: int, of: str = "a1", **more: Any) -> dict[str, Any]:
    return {"event": number, "answer": of, "app": "form", **more}


async def until(desk: Any, is_so: Callable[[dict[str, int]], bool]) -> dict[str, int]:
    """The ledger once it is so; it balances all the time."""
    async with asyncio.timeout(15):
        while not is_so(counts := await desk.elements()):
            await asyncio.sleep(0.05)
    return counts


async def in_quarantine(desk: Any) -> list[tuple[str, str]]:
    return [(item["cause"], item["detail"]) for item in (await desk.get("quarantine"))["items"]]


async def settled(desk: Any, cause: str) -> str:
    """The detail once something is in quarantine for this cause."""
    async with asyncio.timeout(15):
        while not (found := [detail for why, detail in await in_quarantine(desk) if why == cause]):
            await asyncio.sleep(0.05)
    return found[0]


async def told(desk: Any, beginning: str) -> None:
    """Waits until a notice says how its errand went."""
    async with asyncio.timeout(15):
        while not any(detail.startswith(beginning) for _, detail in await in_quarantine(desk)):
            await asyncio.sleep(0.05)


async def test_a_notice_waits_in_quarantine_and_becomes_a_lead_once_fetched(counter: Any, ads: Platform) -> None:
    ads.says("/v1/answers/a1", answer())
    summary = await tell(counter, event(1))
    assert summary["quarantined"] == 1
    counts = await until(counter, lambda counts: counts["quarantined"] == 0)
    assert counts == {"received": 1, "accepted": 1, "duplicate": 0, "quarantined": 0}
    (fact,) = await counter.said()
    assert (fact["type"], fact["external_id"]) == ("lead.received", "a1")
    assert (fact["contact"]["email"], fact["contact"]["full_name"]) == ("ann@example.com", "Ann Example")
    asked, form = ads.asked
    assert (asked.path, asked.query, form.path) == ("/v1/answers/a1", {"fields": "id,data"}, "/v1/forms/77")
    assert asked.headers["authorization"] == f"Bearer {TOKEN}"
    assert asked.headers["api-version"] == "7"
    doors = [row.door for row in await counter.rows("raw")]
    assert doors == ["hook", "fetch:answer"]
    assert counter.metric("baton_fetches_total", source="ads", outcome="fetched") == 1


async def test_the_second_document_is_fetched_once_for_many(counter: Any, ads: Platform) -> None:
    for name in ("a1", "a2", "a3"):
        ads.says(f"/v1/answers/{name}", answer(name, f"{name}@example.com"))
    await tell(counter, event(1), event(2, "a2"))
    await until(counter, lambda counts: counts["accepted"] == 2)
    await tell(counter, event(3, "a3"))
    await until(counter, lambda counts: counts["accepted"] == 3)
    assert sum(asked.path == "/v1/forms/77" for asked in ads.asked) <= 2
    assert len(await counter.said("lead.received")) == 3


async def test_many_notices_of_one_thing_are_one_call_and_one_lead(counter: Any, ads: Platform) -> None:
    ads.says("/v1/answers/a1", answer())
    await tell(counter, *(event(number) for number in range(20)))
    counts = await until(counter, lambda counts: counts["quarantined"] == 0)
    assert counts == {"received": 20, "accepted": 1, "duplicate": 19, "quarantined": 0}
    assert sum(asked.path == "/v1/answers/a1" for asked in ads.asked) == 1
    again = await tell(counter, event(3), event(4))
    assert again["duplicate"] == 2  # told before: not fetched again
    assert sum(asked.path == "/v1/answers/a1" for asked in ads.asked) == 1


async def test_a_thing_that_has_changed_since_is_fetched_and_counted_again(counter: Any, ads: Platform) -> None:
    ads.says("/v1/answers/a1", answer(changed=1), answer(changed=2, email="new@example.com"))
    await tell(counter, event(1))
    await until(counter, lambda counts: counts["accepted"] == 1)
    await tell(counter, event(2))
    await until(counter, lambda counts: counts["accepted"] == 2)
    assert [fact["type"] for fact in await counter.said()] == ["lead.received", "lead.updated"]


async def test_a_partly_bad_batch_is_taken_in_part(counter: Any, ads: Platform) -> None:
    ads.says("/v1/answers/a1", answer())
    bad = [event(2, "../../admin"), event(3, ".."), event(4, "a b"), event(5, {"no": 1}), event(6, "x" * 300)]
    summary = await tell(counter, event(1), *bad, event(7, app="baton"), "not an event")
    assert (summary["quarantined"], summary["ignored"]) == (6, 1)
    await until(counter, lambda counts: counts["accepted"] == 1)
    assert {cause for cause, _ in await in_quarantine(counter)} == {"unmapped"}
    assert {asked.path for asked in ads.asked} == {"/v1/answers/a1", "/v1/forms/77"}


async def test_an_echo_comes_to_nothing_and_is_counted_apart(counter: Any, ads: Platform) -> None:
    summary = await tell(counter, event(1, app="baton"))
    assert summary == {
        "status": "ignored", "lead_id": None, "event_id": None,
        "accepted": 0, "duplicate": 0, "quarantined": 0, "ignored": 1,
    }  # fmt: skip
    assert await counter.elements() == {"received": 0, "accepted": 0, "duplicate": 0, "quarantined": 0}
    assert (await counter.get("ledger", who="reader"))["counts"]["ignored"] == 1
    assert counter.metric("baton_intake_ignored_total", source="ads", reason="echo") == 1
    assert ads.asked == []


@pytest.mark.parametrize(
    "trouble",
    [
        Said(500, {}),
        Said(503, {}, {"Retry-After": "1"}),
        Said(400, {"error": {"code": 17}}),
        Said(hangs=True),
        Said(200, b"<html>try later</html>"),
    ],
    ids=["500", "503", "busy", "hangs", "html"],
)
async def test_what_cannot_be_had_now_is_tried_again(counter: Any, ads: Platform, trouble: Said) -> None:
    ads.says("/v1/answers/a1", trouble, trouble, answer())
    await tell(counter, event(1))
    await told(counter, "the platform ")
    assert await counter.said() == []
    counter.clock.advance(timedelta(seconds=20))
    async with asyncio.timeout(15):
        while counter.metric("baton_fetches_total", source="ads", outcome="again") < 2:
            await asyncio.sleep(0.05)
    await asyncio.sleep(0.3)  # until that is written
    counter.clock.advance(timedelta(seconds=20))
    await until(counter, lambda counts: counts["accepted"] == 1)
    assert counter.metric("baton_fetches_total", source="ads", outcome="again") == 2


async def test_a_platform_that_asks_for_a_pause_is_left_alone_for_all_its_notices(counter: Any, ads: Platform) -> None:
    ads.says("/v1/answers/a1", Said(429, {}, {"Retry-After": "120"}), answer())
    ads.says("/v1/answers/a2", answer("a2", "bo@example.com"))
    await tell(counter, event(1))
    await told(counter, "the platform answered 429")
    await tell(counter, event(2, "a2"))
    await told(counter, "waiting for its turn")
    counter.clock.advance(timedelta(seconds=100))
    await asyncio.sleep(0.6)
    assert len(ads.asked) == 1
    counter.clock.advance(timedelta(seconds=60))
    await until(counter, lambda counts: counts["accepted"] == 2)


@pytest.mark.parametrize(
    ("answered", "why"),
    [
        (Said(401, {}), "401: the token is not accepted"),
        (Said(403, {}), "403: the token may not read this"),
        (Said(404, {}), "404: there is no such thing"),
        (Said(302, {}, {"Location": "http://169.254.169.254/"}), "302: it sends us elsewhere"),
        (Said(400, {"error": {"code": 100}}), "400"),
    ],
    ids=["401", "403", "404", "302", "400"],
)
async def test_what_the_platform_will_not_give_waits_for_people_and_can_be_replayed(
    counter: Any, ads: Platform, answered: Said, why: str
) -> None:
    ads.says("/v1/answers/a1", answered, answer())
    await tell(counter, event(1))
    assert why in await settled(counter, "not_fetched")
    assert len(ads.asked) == 1
    assert (await counter.elements())["quarantined"] == 1
    replayed = await counter.post("quarantine/replay?source=ads", who="boss")
    assert replayed.json()["replayed"] == 1
    counts = await until(counter, lambda counts: counts["accepted"] == 1)
    assert counts["quarantined"] == 0


async def test_what_is_still_not_to_be_had_after_three_days_waits_for_people(counter: Any, ads: Platform) -> None:
    ads.says("/v1/answers/a1", Said(503, {}))
    await tell(counter, event(1))
    await told(counter, "the platform answered 503")
    counter.clock.advance(timedelta(days=3, seconds=1))
    assert await settled(counter, "not_fetched") == "given up after three days: the platform answered 503"


async def test_without_a_token_nothing_is_asked_and_nothing_lost(
    counter: Any, ads: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ADS_TOKEN")
    ads.says("/v1/answers/a1", answer())
    await tell(counter, event(1))
    await told(counter, "no token is set")
    assert ads.asked == []
    monkeypatch.setenv("ADS_TOKEN", TOKEN)
    counter.clock.advance(timedelta(seconds=61))
    await until(counter, lambda counts: counts["accepted"] == 1)


async def test_what_was_fetched_and_cannot_be_mapped_is_replayed_from_what_was_kept(
    counter: Any, ads: Platform
) -> None:
    ads.says("/v1/answers/a1", {"id": "a1", "data": "x" * 30_000}, Said(404))

    def picks_it_all(sources: dict[str, Any]) -> None:
        sources["sources"][-1]["mapping"][-1]["properties"] = {"all": "data"}

    counter.change_sources(picks_it_all)
    await tell(counter, event(1))
    await settled(counter, "too_large")

    def mended(sources: dict[str, Any]) -> None:
        del sources["sources"][-1]["mapping"][-1]["properties"]

    counter.change_sources(mended)
    (item,) = (await counter.get("quarantine"))["items"]
    assert (await counter.post(f"quarantine/{item['id']}/replay", who="boss")).json()["status"] == "accepted"
    assert len(ads.asked) == 1
    assert (await counter.elements())["quarantined"] == 0


async def test_a_private_address_is_called_only_where_the_playbook_or_a_setting_names_it(
    counter: Any, ads: Platform
) -> None:
    def named(sources: dict[str, Any]) -> None:
        sources["sources"][-1]["fetch"]["base_url"] = ads.url.replace("127.0.0.1", "localhost.localdomain")

    counter.change_sources(named)
    await tell(counter, event(1))
    await asyncio.sleep(0.3)
    assert ads.asked == []


async def test_a_source_is_called_no_faster_than_its_playbook_says(counter: Any, ads: Platform) -> None:
    def slow(sources: dict[str, Any]) -> None:
        sources["sources"][-1]["fetch"]["per_second"] = 0.01

    counter.change_sources(slow)
    for name in ("a1", "a2"):
        ads.says(f"/v1/answers/{name}", answer(name, f"{name}@example.com"))
    await tell(counter, event(1), event(2, "a2"))
    await until(counter, lambda counts: counts["accepted"] == 1)
    await told(counter, "waiting for its turn")
    counter.clock.advance(timedelta(seconds=101))
    await until(counter, lambda counts: counts["accepted"] == 2)


async def test_two_replicas_share_the_pace_as_they_share_the_lanes(open_desk: Any, postgres: Any) -> None:
    url = postgres.new_database()
    async with open_desk(url, "one") as one, open_desk(url, "two") as two:
        fetchers = [desk.service._fetcher for desk in (one, two)]
        give_up = time.monotonic() + 120
        while not (one.engine.lanes.held and two.engine.lanes.held) or sum(each.share for each in fetchers) != 1:
            assert time.monotonic() < give_up, [sorted(desk.engine.lanes.held) for desk in (one, two)]
            await asyncio.sleep(0.1)
        assert all(0 < each.share < 1 for each in fetchers)


async def test_whoever_is_stopped_between_notice_and_fetch_finishes_it_after_a_restart(
    open_desk: Any, ads: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADS_TOKEN", TOKEN)
    ads.says("/v1/forms/77", FORM)
    ads.says("/v1/answers/a1", Said(hangs=True), answer())
    async with open_desk() as first:
        first.change_sources(lambda sources: sources["sources"].append(source(ads.url, timeout_seconds=60)))
        await tell(first, event(1))
        async with asyncio.timeout(15):
            while not ads.asked:
                await asyncio.sleep(0.02)
        assert [cause for cause, _ in await in_quarantine(first)] == ["awaiting_fetch"]
    async with open_desk() as second:
        second.change_sources(lambda sources: sources["sources"][-1].update(label="Ads"))
        await asyncio.sleep(0.5)
        second.clock.advance(timedelta(seconds=61))
        await until(second, lambda counts: counts["accepted"] == 1)
        assert len(await second.said()) == 1


async def test_a_fetch_taken_in_by_a_process_that_died_before_saying_so_counts_once(
    counter: Any, ads: Platform
) -> None:
    ads.says("/v1/answers/a1", answer())
    await tell(counter, event(1))
    await until(counter, lambda counts: counts["accepted"] == 1)
    async with asyncio.timeout(15):
        while (job := (await counter.rows("timer"))[0]).due_at is not None:
            await asyncio.sleep(0.05)
    payload = {"source": "ads", "thing": "answer", "id": "a1", "since": "2026-09-21T14:13:20+00:00", "tries": 0}
    calls = len(ads.asked)
    await counter.service.fetch(payload)  # as if the answer had never been written
    assert len(ads.asked) == calls
    assert job.payload is None  # nothing of it is kept once it is done
    assert await counter.elements() == {"received": 1, "accepted": 1, "duplicate": 0, "quarantined": 0}
