"""What sales does: hears who was given a lead, as a CRM does, and tells intake of touches, answers and statuses."""

from __future__ import annotations

import contextlib
import json
import random
import threading
import zlib
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from confluent_kafka import Consumer, KafkaException, TopicPartition

from tests.faults.plant import TOKEN
from tests.faults.reader import consumer, ends

TOPIC = "leads.routing"
AGAIN = 0.1
"""How often what was answered is told once more."""
POLL_SECONDS = 0.1
AT_MOST = 200


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that intake was told: what, about whom, for which turn, and when it said that it had it, if ever."""

    door: str
    lead_id: str
    event_id: str
    round: int
    attempt: int
    respond_by: datetime
    answered_at: datetime | None

    @property
    def was_in_time(self) -> bool:
        """Accepted before the deadline: whatever breaks afterwards, the promise is kept."""
        return self.door == "touches" and self.answered_at is not None and self.answered_at < self.respond_by


def steps(lead_id: str, attempt: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """What is done with a lead in this turn: the door of intake, and what is told there beside whose and when."""
    call = {"channel": "call", "direction": "out", "outcome": "nothing"}
    match zlib.crc32(lead_id.encode()) % 10, attempt:
        case (0 | 1, 0) | (2, 1):
            yield "touches", call
        case 3, 0:
            yield "touches", call
            yield "touches", call | {"channel": "email"}
        case 4, 0:
            yield "touches", call
            yield "statuses", {"status": "accepted"}
        case 5, 0:
            yield "statuses", {"status": "junk"}
        case 6, 0:
            yield "answers", {"question": "problem", "value": "known"}


@dataclass
class Crm:
    """Follows `leads.routing` from its present end until it is told that it is enough."""

    bootstrap: str
    seed: int
    ports: Sequence[int]
    log: Path
    at_rest: Collection[str] = frozenset()
    """Leads of earlier rounds: a replay puts their hand-offs on the topic once more, and a CRM knows them."""
    refused: int = 0
    wrong: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        self._chance, self._known = random.Random(f"crm-{self.seed}"), set[str]()
        self._client = self._follow()
        self._thread = threading.Thread(target=self._work)
        self._thread.start()

    def finish(self) -> None:
        self.over.set()
        self._thread.join()
        self._client.close()

    def _follow(self) -> Consumer:
        client = consumer(self.bootstrap)
        client.assign([TopicPartition(*lane, end) for lane, end in ends(client, [TOPIC]).items()])
        return client

    def _work(self) -> None:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        with httpx.Client(headers=headers, timeout=15) as client, self.log.open("w", buffering=1) as log:
            while not self.over.is_set():
                with contextlib.suppress(KafkaException):  # the broker is away: later
                    records = self._client.consume(AT_MOST, POLL_SECONDS)
                    for door, told in self._react([record for record in records if record.error() is None]).items():
                        self._tell(client, door, told, log)
                        if self._chance.random() < AGAIN:
                            self._tell(client, door, told, log)

    def _react(self, records: Sequence[Any]) -> Mapping[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for record in records:
            headers = {name: value.decode() for name, value in record.headers()}
            if headers["ce_type"] not in ("lead.routed", "lead.reassigned") or headers["ce_id"] in self._known:
                continue
            if headers["ce_subject"] in self.at_rest:
                continue
            self._known.add(headers["ce_id"])
            fact, lead_id = json.loads(record.value()), headers["ce_subject"]
            attempt = fact.get("attempt") or 0
            for number, (door, what) in enumerate(steps(lead_id, attempt)):
                found[door].append(
                    {"fact": fact, "attempt": attempt, "lead_id": lead_id, "event_id": f"{headers['ce_id']}-{number}"}
                    | {"what": what}
                )
        return found

    def _tell(self, client: httpx.Client, door: str, told: Sequence[Mapping[str, Any]], log: Any) -> None:
        now = datetime.now(UTC)
        bodies = [
            {"lead": {"lead_id": one["lead_id"]}, "event_id": one["event_id"], "occurred_at": now.isoformat()}
            | ({"rep": one["fact"]["owner"]["id"]} if door == "touches" else {})
            | one["what"]
            for one in told
        ]
        for one in told:
            self._write_down(door, one, None, log)
        while not self.over.is_set():
            url = f"http://127.0.0.1:{self._chance.choice(self.ports)}/intake/v1/{door}"
            with contextlib.suppress(httpx.TransportError):
                answer = client.post(url, json=bodies)
                if answer.is_success:
                    answered_at = datetime.now(UTC).isoformat()
                    for one, receipt in zip(told, answer.json(), strict=True):
                        if receipt["status"] not in ("accepted", "duplicate"):
                            self.wrong.append(f"{door} about {one['lead_id']} was answered {receipt}")
                        self._write_down(door, one, answered_at, log)
                    return
                if answer.status_code != 503:
                    self.wrong.append(f"{door}: {answer.status_code} {answer.text[:300]}")
            self.refused += 1
            self.over.wait(0.1)

    def _write_down(self, door: str, one: Mapping[str, Any], answered_at: str | None, log: Any) -> None:
        turn = [one["fact"]["round"], one["attempt"], one["fact"]["respond_by"], answered_at]
        log.write(json.dumps([door, one["lead_id"], one["event_id"], *turn]) + "\n")


def told_by(log: Path) -> list[Told]:
    """Read what intake was told, each once, with the time it first said that it had it."""
    found: dict[str, Told] = {}
    for line in log.read_text().splitlines():
        door, lead_id, event_id, round_, attempt, respond_by, answered_at = json.loads(line)
        if event_id not in found or found[event_id].answered_at is None:
            answered = datetime.fromisoformat(answered_at) if answered_at else None
            due = datetime.fromisoformat(respond_by)
            found[event_id] = Told(door, lead_id, event_id, round_, attempt, due, answered)
    return list(found.values())
