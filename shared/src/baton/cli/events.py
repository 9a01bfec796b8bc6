"""`baton events tail`: follow what the services publish, over HTTP, without Kafka."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import orjson

from baton.cli.client import Client
from baton.cli.faults import Exit, Fault
from baton.cli.screen import out

PUBLISHERS = {
    "leads.intake": "intake",
    "leads.scoring": "scoring",
    "leads.routing": "routing",
    "leads.sla": "sla-monitor",
    "leads.roster": "routing",
}
WAIT_SECONDS = 20.0
PAGE = 500

Event = dict[str, Any]
Heard = queue.Queue[Event | Fault]


def follow(client: Client, service: str, after: str | None, wait: float = WAIT_SECONDS) -> Iterator[Event]:
    """A service's facts after the cursor, for ever; None begins with the oldest it keeps."""
    while True:
        for event in page(client, service, after, wait):
            after = event["cursor"]
            yield event


def page(client: Client, service: str, after: str | None, wait: float) -> list[Event]:
    """One page of facts; empty if nothing new came within `wait` seconds."""
    path = f"/{service}/v1/events"
    _, lines = client.lines(path, timeout=wait + 30.0, after=after, wait=wait, limit=PAGE)
    return [orjson.loads(line) for line in lines]


def end_of(client: Client, service: str) -> str | None:
    """The cursor after everything published so far."""
    cursor = None
    while found := page(client, service, cursor, wait=0):
        cursor = found[-1]["cursor"]
        if len(found) < PAGE:
            break
    return cursor


def tail(topics: Sequence[str], from_start: bool, as_json: bool, count: int | None) -> None:
    """Print facts as they come. Raises Fault for an unknown topic, or when a service stops answering."""
    if unknown := [topic for topic in topics if topic not in PUBLISHERS]:
        known = ", ".join(PUBLISHERS)
        raise Fault(f"there is no topic {unknown[0]!r}", f"The topics are {known}.", Exit.USAGE)
    wanted = set(topics or PUBLISHERS)
    services = sorted({PUBLISHERS[topic] for topic in wanted})
    with Client() as client:
        starts = {service: None if from_start else end_of(client, service) for service in services}
        events = (event for event in _together(client, starts) if event["topic"] in wanted)
        for event in islice(events, count):
            out.file.write((orjson.dumps(event).decode() if as_json else in_a_line(event)) + "\n")
            out.file.flush()


def _together(client: Client, starts: dict[str, str | None]) -> Iterator[Event]:
    heard: Heard = queue.Queue(maxsize=10_000)
    for service, after in starts.items():
        threading.Thread(target=_listen, args=(client, service, after, heard), daemon=True).start()
    while True:
        event = heard.get()
        if isinstance(event, Fault):
            raise event
        yield event


def _listen(client: Client, service: str, after: str | None, heard: Heard) -> None:
    try:
        for event in follow(client, service, after):
            heard.put(event)
    except Fault as fault:
        heard.put(fault)


def in_a_line(event: Event) -> str:
    """When, what, about whom, and the few words that matter; never who the person is."""
    data = event["data"]
    words = [word for path in TELLING if (word := _word(data, path))]
    return f"{event['time'][:23]:<23}  {event['type']:<20}  {event['subject']}  {' '.join(words)}".rstrip()


TELLING = (
    "round", "source", "outcome", "temperature", "score.total", "track", "reason", "owner.id", "owner", "rep",
    "status", "promise", "policy", "respond_by", "due_at", "activity.kind", "answer.question",
)  # fmt: skip


def _word(data: dict[str, Any], path: str) -> str | None:
    value: Any = data
    for key in path.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    if value in (None, "", [], {}) or isinstance(value, dict | list):
        return None
    return f"{path.split('.', maxsplit=1)[0]}={value}"
