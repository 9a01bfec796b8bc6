"""Owners are told of a hand-off at once, once, with what they need for the first call (H4, Q10)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiosmtpd.smtp import SMTP
from services.routing.tests.conftest import FixedPlaybook
from services.routing.tests.delivering import Delivering

from baton.contracts import HistoryItem, MustKnow
from baton.playbook import Playbook
from baton.playbook.endpoints import Notice
from baton.playbook.targets import Targets
from baton.routing.deliveries.mailing import PostOffice
from baton.routing.domain.briefing import talking_points
from baton.routing.service import Routing
from baton.routing.settings import RoutingSettings
from baton.runtime.clock import FixedClock
from baton.runtime.testing import Bench
from tests.world.outside import Outside, Says

MAIL = {"id": "owner-mail", "label": "Mail", "by": "mail"}


class Mailbox:
    """What a mail server was given; it answers as it is told to."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.letters: list[EmailMessage] = []
        self.to: list[list[str]] = []

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Any) -> str:  # noqa: N802  (aiosmtpd's name)
        if self.answers:
            return self.answers.pop(0)
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        self.letters.append(message)
        self.to.append(envelope.rcpt_tos)
        return "250 OK"


@pytest.fixture
async def mailbox() -> AsyncIterator[tuple[Mailbox, str]]:
    """A real SMTP server on loopback."""
    box = Mailbox()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(box), "127.0.0.1", 0)
    async with server:
        yield box, f"smtp://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def telling(
    playbook: Playbook, home: Path, clock: FixedClock, notices: list[dict[str, Any]], smtp: str | None = None
) -> AsyncIterator[Delivering]:
    """Routing with these notices."""
    read = tuple(Notice.model_validate_json(orjson.dumps(one)) for one in notices)
    models = playbook.models.model_copy(update={"targets": Targets(notices=read)})
    own = Playbook(models, playbook.roster)
    values: dict[str, Any] = {"home": home, "partitions": 4, "mail_from": "leads@house.example"}
    service = Routing(FixedPlaybook(own), RoutingSettings(**values, smtp_url=smtp))  # type: ignore[arg-type]
    async with Bench.of(service, home, clock, partitions=4) as bench:
        await service.take_playbook(bench.engine, own)
        delivering = await Delivering.on(bench)
        yield delivering
        await delivering.close()


def story(facts: Any) -> Any:
    """A lead with a past, and with something still unknown."""
    return facts.qualified(
        history=[
            HistoryItem(at=facts.at(-1), kind="activity", what="download Slotting guide"),
            HistoryItem(at=facts.at(-2), kind="received", what="first seen through website"),
        ],
        must_know=[
            MustKnow(item="cause", label="What made them look", value="new warehouse"),
            MustKnow(item="budget", label="Budget", missing=True),
        ],
    )


async def test_the_owner_gets_one_mail_with_all_he_needs(
    mailbox: tuple[Mailbox, str], playbook: Playbook, clock: FixedClock, tmp_path: Path, facts: Any
) -> None:
    box, url = mailbox
    notice = {**MAIL, "copy_to": ["boss@house.example"]}
    async with telling(playbook, tmp_path, clock, [notice], url) as deliver:
        await deliver.bench.hear(story(facts), subject=facts.lead)
        await deliver.send()
        [routed] = await deliver.bench.said("lead.routed")
        assert await deliver.bench.said("lead.delivered") == []  # that a person was told is no arrival in a CRM
        assert deliver.counted("delivered", "baton_owner_notices") == 1
        assert deliver.counted("delivered") == 0
    [letter] = box.letters
    owner = routed.body["owner"]
    assert box.to == [[owner["email"], "boss@house.example"]]
    assert (letter["From"], letter["Cc"]) == ("leads@house.example", "boss@house.example")
    assert letter["Subject"] == "New lead: Kim Brandt – Kontor"
    assert letter["Message-ID"] == f"<{routed.id}.owner-mail@baton.invalid>"
    text = letter.get_content()
    for wanted in (
        owner["name"], "First attempt by", owner["zone"], "kim@customer.example", "- Fits", "60 points, warm",
        "What made them look: new warehouse", "Budget: missing", "You downloaded Slotting guide", "Homework",
        facts.lead,
    ):  # fmt: skip
        assert wanted in text, wanted


async def test_a_mail_server_that_is_busy_is_asked_again_with_the_same_message_id(
    mailbox: tuple[Mailbox, str], playbook: Playbook, clock: FixedClock, tmp_path: Path, facts: Any
) -> None:
    box, url = mailbox
    box.answers = ["451 try later", "421 shutting down"]
    async with telling(playbook, tmp_path, clock, [MAIL], url) as deliver:
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        for _ in range(4):
            await deliver.send()
            clock.advance(timedelta(minutes=7))
        assert await deliver.states() == ["delivered"]
    assert len(box.letters) == 1


async def test_a_mail_that_is_refused_for_good_is_given_up_at_once(
    mailbox: tuple[Mailbox, str], playbook: Playbook, clock: FixedClock, tmp_path: Path, facts: Any
) -> None:
    box, url = mailbox
    box.answers = ["554 no such person here"]
    async with telling(playbook, tmp_path, clock, [MAIL], url) as deliver:
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        await deliver.send()
        [one] = await deliver.deliveries()
        assert (one["state"], one["status"], one["tries"]) == ("given_up", 554, 1)
        await deliver.sender.keep_house(deliver.bench.engine)
        found = deliver.routing.registry.get_sample_value
        assert found("baton_deliveries_given_up_total", {"endpoint": "owner-mail"}) == 1


async def test_an_owner_without_an_address_is_told_of_by_an_alarm(
    mailbox: tuple[Mailbox, str], playbook: Playbook, clock: FixedClock, tmp_path: Path, facts: Any
) -> None:
    async with telling(playbook, tmp_path, clock, [MAIL], mailbox[1]) as deliver:
        for rep in ("ada", "bo", "cy"):
            shown = (await deliver.web.get(f"/routing/v1/reps/{rep}")).json()
            await deliver.web.put(f"/routing/v1/reps/{rep}", json={**shown, "email": None})
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        await deliver.send()
        [one] = await deliver.deliveries()
    assert (one["state"], one["error"]) == ("given_up", "the owner has no e-mail address on the roster")


async def test_a_lead_heard_of_twice_is_one_mail_and_a_new_owner_another(
    mailbox: tuple[Mailbox, str], playbook: Playbook, clock: FixedClock, tmp_path: Path, facts: Any
) -> None:
    box, url = mailbox
    async with telling(playbook, tmp_path, clock, [MAIL], url) as deliver:
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        await deliver.bench.publish(facts.qualified(), subject=facts.lead, sequence=1)  # the same record again
        await deliver.bench.settle()
        await deliver.send()
        await deliver.send(deliver.another_sender())
        await deliver.bench.command("reassign", facts.lead, {"to": "cy", "reason": None})
        await deliver.send()
    first, second = box.letters
    assert first["Message-ID"] != second["Message-ID"]
    assert (second["Subject"], box.to[1]) == ("Reassigned to you: Kim Brandt – Kontor", ["cy@house.example"])
    assert "It was with" in second.get_content()


async def test_a_name_that_somebody_typed_cannot_become_a_header(
    mailbox: tuple[Mailbox, str], playbook: Playbook, clock: FixedClock, tmp_path: Path, facts: Any
) -> None:
    box, url = mailbox
    contact = facts.contact().model_copy(update={"full_name": "Kim\r\nBcc: everybody@evil.example\r\n\r\n<b>"})
    async with telling(playbook, tmp_path, clock, [MAIL], url) as deliver:
        await deliver.bench.hear(facts.qualified(contact=contact), subject=facts.lead)
        await deliver.send()
    [letter] = box.letters
    assert letter["Bcc"] is None
    assert all("everybody@evil.example" not in one for one in box.to[0])


async def test_a_channel_is_told_in_slacks_words_and_nobody_can_mention_it(
    playbook: Playbook, clock: FixedClock, tmp_path: Path, facts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATON_OUTBOUND_ALLOW", "http://127.0.0.1")
    async with Outside(lambda _: Says(200, b"ok")) as slack:
        monkeypatch.setenv("NORTH_URL", f"{slack.url}/T0/B0/secret")
        notice = {"id": "north", "label": "North", "by": "slack", "url": {"env": "NORTH_URL"}, "teams": ["north"]}
        async with telling(playbook, tmp_path, clock, [notice]) as deliver:
            contact = facts.contact().model_copy(update={"company": "<!channel> & Sons"})
            await deliver.bench.hear(facts.qualified(contact=contact), subject=facts.lead_id(1))
            await deliver.bench.hear(facts.qualified(postal_code="80331"), subject=facts.lead_id(2))  # to the south
            await deliver.send()
            shown = (await deliver.web.get("/routing/v1/subscriptions/north")).text
            assert "secret" not in shown
    [asked] = slack.asked
    assert asked.path == "/T0/B0/secret"
    assert set(asked.json) == {"text"}
    assert "&lt;!channel&gt; &amp; Sons" in asked.json["text"]
    assert "<" not in asked.json["text"]


async def test_a_plain_webhook_gets_the_notice_in_parts(
    playbook: Playbook, clock: FixedClock, tmp_path: Path, facts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATON_OUTBOUND_ALLOW", "http://127.0.0.1")
    monkeypatch.setenv("PAGER_KEY", "whsec_" + "A" * 43 + "=")
    async with Outside() as pager:
        notice = {"id": "pager", "label": "Pager", "by": "webhook", "url": pager.url, "signing": [{"env": "PAGER_KEY"}]}
        async with telling(playbook, tmp_path, clock, [{**notice, "reps": ["ada", "bo", "cy"]}]) as deliver:
            await deliver.bench.hear(story(facts), subject=facts.lead)
            await deliver.send()
    [asked] = pager.asked
    data = asked.json["data"]
    assert asked.json["type"] == "owner.notice"
    assert (data["lead_id"], data["title"]) == (facts.lead, "New lead: Kim Brandt – Kontor")
    assert data["talking_points"][-1].startswith("Homework")
    assert asked.headers["webhook-signature"].startswith("v1,")


async def test_nobody_is_told_where_nothing_is_set(
    playbook: Playbook, clock: FixedClock, tmp_path: Path, facts: Any
) -> None:
    async with telling(playbook, tmp_path, clock, [MAIL]) as deliver:
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        assert await deliver.send() == 0
        assert await deliver.deliveries() == []


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"history": [{"kind": "activity", "what": "form demo-request", "at": "2026-11-02T09:00:00Z"}]},
        {"must_know": [{"item": "budget", "missing": True}], "contact": {"company": "Kontor"}},
    ],
)
def test_talking_points_ask_cite_and_end_with_the_homework(data: dict[str, Any]) -> None:
    lines = talking_points(data)
    assert 3 <= len(lines) <= 5
    assert "challenges" in " ".join(lines)
    assert "initiatives" in " ".join(lines)
    assert "holds them back" in " ".join(lines)
    assert lines[-1].startswith("Homework")
    assert not re.search(r"\bproblem", " ".join(lines), re.IGNORECASE)
    assert not re.match(r"(can|may|could) (i|we)|we (offer|can|would)|let (me|us)|happy to", lines[0], re.IGNORECASE)


@pytest.mark.parametrize("url", ["mail.example", "http://mail.example", "smtp://", "smtp://:25"])
def test_a_mail_server_that_cannot_be_read_keeps_routing_from_starting(url: str) -> None:
    with pytest.raises(ValueError, match="smtp://"):
        PostOffice.of(url, "a@b")


def test_a_password_in_a_mail_server_is_decoded() -> None:
    office = PostOffice.of("smtps://us%40house:p%2Fw@mail.example", "a@b")
    assert (office.user, office.password, office.port, office.implicit_tls) == ("us@house", "p/w", 465, True)
