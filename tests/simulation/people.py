"""Those outside: senders of leads, salespeople, CRMs. They post what they post again until they know it is stored."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import orjson

from baton.contracts import TimeOff
from baton.intake.merging import Merge, Unmerge
from baton.intake.reception import Letter
from baton.runtime.failures import NotNow, Refused
from baton.runtime.handler import Command
from baton.runtime.http import Problem
from tests.simulation.clock import ZERO
from tests.simulation.officer import Officer
from tests.simulation.sayings import ANSWERS, COUNTRIES, FORMS, QUESTIONS, REPS, STATUSES, named, word_of
from tests.simulation.store import EPOCH
from tests.simulation.world import Replica, World

_GONE = "SELECT lead_id FROM lead WHERE merged_into IS NOT NULL ORDER BY lead_id"


class Post(NamedTuple):
    """What was sent, to be sent again the same."""

    kind: Any
    body: bytes
    key: str | None
    """Its Idempotency-Key."""
    media: str = "application/json"


@dataclass
class People:
    """Their posts, and what they were told about them."""

    world: World
    officer: Officer
    accepted: dict[str, str] = field(default_factory=dict)
    """Event ids of every receipt that said the element is stored, with the lead's."""
    posts: int = 0
    refused: list[str] = field(default_factory=list)
    _said: list[Post] = field(default_factory=list)
    _leads: list[dict[str, Any]] = field(default_factory=list)
    _calls: set[asyncio.Task[None]] = field(default_factory=set)

    def moved(self, world: World) -> People:
        """The same people in a copy of their world."""
        said, leads = list(self._said), list(self._leads)
        return People(
            world, self.officer.moved(world), dict(self.accepted), self.posts, list(self.refused), said, leads
        )

    def act(self) -> None:
        """Somebody does something."""
        chance = self.world.chance
        posts = (self._new_lead, self._new_lead, self._more, self._more, self._touch, self._touch, self._status)
        others = (self._again, self._command, self._absence, self._merge, self._merge, self._burst, self._erase)
        chance.choice((*posts, self._status, *others))()

    async def settle(self) -> None:
        """Everybody has his answer, and who wanted to be forgotten is."""
        await asyncio.gather(*self._calls)
        await self.officer.insist(lambda: self._door("intake"))

    # -- what they post ---------------------------------------------------------------------------------------------

    def arrive(self, number: int) -> None:
        """So many new leads come in."""
        for _ in range(number):
            self._new_lead()

    def _new_lead(self) -> None:
        chance, number = self.world.chance, len(self._leads)
        lead = {
            "source": "website",
            "external_id": f"person-{number}",
            "is_test": chance.random() < 0.05,
            "contact": {
                "email": f"head.{number}@yard-{number}.example",
                "full_name": f"Head {number}",
                "job_title": chance.choice(("Head of Logistics",) * 7 + ("Student",)),
                "company": f"Yard {number}",
                "country": chance.choice(COUNTRIES),
            },
            "properties": {"employees": chance.choice((420,) * 7 + (5,)), "warehouses": 1},
            "answers": chance.choice(ANSWERS if chance.random() < 0.5 else ANSWERS[:2]),
        }
        self._leads.append(lead)
        said = self._worded(lead)
        self._post("lead", [said] if chance.random() < 0.8 else [said, said])

    def _worded(self, lead: dict[str, Any]) -> dict[str, Any]:
        """The lead as it is posted this time: with words that stand in no other post, and perhaps with consent."""
        more: dict[str, Any] = {
            "contact": lead["contact"] | {"full_name": f"Head {self._word()}", "city": self._word()},
            "properties": lead["properties"] | {"note": self._word()},
            "answers": lead["answers"] | {"remark": self._word()},
            "activity": [{"kind": "download", "what": self._word(), "occurred_at": self.world.clock.now().isoformat()}],
        }
        draw = self.world.chance.random()
        if draw < 0.3:
            ended = {"withdrawn_at": self.world.clock.now().isoformat()} if draw < 0.1 else {}
            more["consent"] = {"purpose": "marketing", "wording": self._word()} | ended
        return lead | more

    def _word(self) -> str:
        """A word that nobody has said before: where it stands, something of this post stands."""
        return word_of(self.world.chance.getrandbits(60))

    def _burst(self) -> None:
        """A platform sends what has piled up, a line each; some of it twice."""
        chance = self.world.chance
        known = chance.sample(self._leads, min(len(self._leads), chance.randint(1, 6)))
        lines = [self._worded(lead) | {"event_id": self._event()} | self._now() for lead in known]
        if lines:
            lines += chance.choices(lines, k=chance.randint(0, 3))
            self._post("lead", lines, media="application/x-ndjson")

    def _more(self) -> None:
        """A known person fills in another form, or answers a question."""
        if not self._leads:
            return
        chance = self.world.chance
        lead = chance.choice(self._leads)
        said = {"event_id": self._event()} | self._now()
        kind = chance.choice(("lead", "answer", "answer", "activity"))
        if kind == "lead":
            more = {"answers": chance.choice(ANSWERS), "activity": [{"kind": "form", "what": "demo"}]}
            self._post("lead", [self._worded(lead) | more | said])
        elif kind == "answer":
            question, value = chance.choice(QUESTIONS)
            answer = {"lead": named(lead), "question": question, "value": value, "said_by": self._word()}
            self._post("answer", [answer | said])
        else:
            form = {"kind": "form", "what": chance.choice(FORMS), "properties": {"page": self._word()}}
            self._post("activity", [{"lead": named(lead)} | form | said])

    def _touch(self) -> None:
        if self._leads:
            chance = self.world.chance
            lead = chance.choice(self._leads)
            touch = {"lead": named(lead), "rep": chance.choice(REPS), "channel": chance.choice(("call", "email"))}
            how = {"direction": "out", "outcome": chance.choice(("reached", "no_answer")), "event_id": self._event()}
            self._post("touch", [touch | how | {"purpose": self._word()} | self._now()])

    def call_in_time(self) -> datetime | None:
        """Somebody is called whose first answer is due next; returns when it will be too late."""
        sql = """SELECT lead_id, owner, due_at FROM obligation
                 WHERE promise = 'first_response' AND state IN ('open', 'at_risk') ORDER BY due_at, lead_id"""
        for lead_id, rep, due_at in self.world.databases["sla-monitor"].rows(sql):
            due = EPOCH + timedelta(microseconds=due_at) - self.world.clocks["sla-monitor"].offset
            if self.world.clock.now() < due:
                touch = {"lead": {"lead_id": lead_id}, "rep": rep, "channel": "call", "direction": "out"}
                now = {"occurred_at": self.world.clock.now().isoformat()}
                self._post("touch", [touch | {"event_id": self._event()} | now])
                return due
        return None

    def _status(self) -> None:
        if self._leads:
            said = self.world.chance.choice(STATUSES)
            lead = {"lead": named(self.world.chance.choice(self._leads)), "event_id": self._event()}
            noted = {"raw": self._word(), "details": {"note": self._word()}}
            self._post("status", [lead | said | noted | self._now()])

    def _again(self) -> None:
        """A sender repeats what it said before: it has not heard, or it is forgetful."""
        if self._said:
            self._call(self._deliver(self.world.chance.choice(self._said)))

    def _event(self) -> str:
        self.posts += 1
        return f"post-{self.posts}"

    def _now(self) -> dict[str, str]:
        ago = timedelta(seconds=self.world.chance.choice((0, 0, 0, 20, 4000)))
        return {"occurred_at": (self.world.clock.now() - ago).isoformat()}

    def _post(self, kind: str, elements: list[dict[str, Any]], media: str = "application/json") -> None:
        key = f"key-{len(self._said)}" if self.world.chance.random() < 0.2 else None
        lines = b"\n".join(map(orjson.dumps, elements))
        self._said.append(Post(kind, orjson.dumps(elements) if media == "application/json" else lines, key, media))
        self._call(self._deliver(self._said[-1]))

    # -- what they are told -----------------------------------------------------------------------------------------

    async def _deliver(self, post: Post) -> None:
        door = self._door("intake").reception
        assert door is not None
        try:
            receipts, _ = await door.native(post.kind, Letter(post.body, post.media, {}), "sender", post.key)
        except NotNow:
            return  # 503, or no answer at all: stored or not, nobody was told so
        except Problem as problem:
            if problem.status != 409:  # the same key is being worked on: they come again
                self.refused.append(f"{post.kind}: {problem.status} {problem.detail}")
            return
        for receipt in receipts:
            if receipt["status"] == "quarantined":
                self._note_quarantine(post, receipt)
            else:
                self.accepted[receipt["event_id"]] = receipt["lead_id"]

    def _note_quarantine(self, post: Post, receipt: dict[str, Any]) -> None:
        is_behind = any(off < ZERO for _, off in self.world.clocks["intake"].jumps)
        is_usual = receipt["cause"] in ("unknown_lead", "erased_lead")
        if not is_usual and not (receipt["cause"] == "in_the_future" and is_behind):
            self.refused.append(f"{post.kind}: {receipt}")

    def _command(self) -> None:
        found = self.world.databases["routing"].rows("SELECT lead_id FROM lead ORDER BY lead_id")
        if not found:
            return
        chance = self.world.chance
        (lead_id,) = chance.choice(found)
        rep = chance.choice(REPS)
        name, body = chance.choice(
            (
                ("claim", {"rep": rep}),
                ("reassign", {"to": rep, "reason": None}),
                ("reassign", {"to": None, "reason": None}),
                ("reject", {"rep": rep, "reason": None}),
            )
        )
        self._call(self._ask(Command(self._event(), lead_id, name, body, "somebody")))

    def _merge(self) -> None:
        """Somebody says that two leads are one person, or that two who are one were two; a form may show it as well."""
        chance = self.world.chance
        known = [row[0] for row in self.world.databases["intake"].rows("SELECT lead_id FROM lead ORDER BY lead_id")]
        gone = [row[0] for row in self.world.databases["intake"].rows(_GONE)]
        if gone and chance.random() < 0.5:
            self._call(self._ask_intake(Unmerge(chance.choice(gone), "somebody")))
        elif len(known) > 1 and (chance.random() < 0.7 or len(self._leads) < 2):
            self._call(self._ask_intake(Merge(*chance.sample(known, 2), by="somebody")))
        elif len(self._leads) > 1:
            one, other = chance.sample(self._leads, 2)
            shown = {"contact": {"email": other["contact"]["email"]}, "event_id": self._event()}
            both = self._worded(one) | shown
            self._post("lead", [both | self._now()])

    async def _ask_intake(self, asked: Merge | Unmerge) -> None:
        door = self._door("intake").reception
        assert door is not None
        try:
            await door.matchmaker.ask(asked)
        except (Refused, NotNow):
            return

    def _erase(self) -> None:
        lead_id = self.officer.choose()
        if lead_id is not None:
            self._call(self.officer.ask(lead_id, self._door("intake")))

    def _absence(self) -> None:
        now, rep = self.world.clock.now(), self.world.chance.choice(REPS)
        off = TimeOff(starts_at=now, ends_at=now + timedelta(hours=5))
        self._call(self._ask(Command(self._event(), rep, "time_off", off, "somebody")))

    async def _ask(self, command: Command) -> None:
        try:
            await self._door("routing").engine.command(command)
        except (Refused, NotNow):
            return

    def _door(self, name: str) -> Replica:
        return self.world.chance.choice(self.world.of(name))

    def _call(self, call: Any) -> None:
        """Whoever is called may fall over meanwhile; then the call has no answer."""
        task = asyncio.create_task(self._watched(call))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _watched(self, call: Any) -> None:
        try:
            await call
        except Exception as problem:  # noqa: BLE001  (a 500 to somebody outside)
            self.world.wrong.append(f"an answer failed: {type(problem).__name__}: {problem}"[:600])
