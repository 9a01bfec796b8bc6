"""`baton send`: leads come in at a steady rate, and those that get an owner are worked."""

from __future__ import annotations

import heapq
import random
import re
import secrets
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count as numbers

from baton.cli.client import Client
from baton.cli.demo.people import person
from baton.cli.demo.story import Step, activity, arrival, follow_up
from baton.cli.events import end_of, page
from baton.cli.faults import Exit, Fault
from baton.cli.screen import err, out

SPAN = re.compile(r"(\d+)([smh])")
SECONDS = {"s": 1, "m": 60, "h": 3600}
LISTEN_EVERY = 1.0
MOST_AT_ONCE = 200
COMES_BACK = 0.15
"""Of the people do something more a little later."""
LAST_STEPS = 30.0
"""After the last lead, owners go on for so long."""


def send(rate: float, count: int | None, duration: str | None, seed: int | None) -> None:
    """Send until the count, the time or Ctrl-C ends it; then say what was sent."""
    with Client() as client:
        demo = _Demo(client, random.Random(seed), "demo" if seed is None else f"demo-{seed}")  # noqa: S311
        if seed is None:
            demo.run += f"-{secrets.token_hex(3)}"
        try:
            demo.play(rate, count, _seconds(duration) if duration else None)
        except KeyboardInterrupt:
            err.print("stopping")
    sent = ", ".join(f"{number:,} {what}" for what, number in demo.sent.items()) or "nothing"
    out.print(f"sent: {sent}", markup=False)


@dataclass
class _Demo:
    client: Client
    chance: random.Random
    run: str
    sent: Counter[str] = field(default_factory=Counter)
    _due: list[tuple[float, int, Step]] = field(default_factory=list)
    _order: numbers[int] = field(default_factory=numbers)
    _cursor: str | None = None
    _worked: set[tuple[str, str]] = field(default_factory=set)

    def play(self, rate: float, count: int | None, duration: float | None) -> None:
        self._cursor = end_of(self.client, "routing")
        begun = time.monotonic()
        listened, posted = begun, 0
        while not _is_over(posted, time.monotonic() - begun, count, duration):
            owed = int((time.monotonic() - begun) * rate) + 1 - posted
            posted += self._arrive(min(owed, MOST_AT_ONCE, (count or posted + owed) - posted))
            if time.monotonic() - listened >= LISTEN_EVERY:
                listened = time.monotonic()
                self._listen()
            self._work()
            time.sleep(min(0.2, 1 / rate))
        self._finish(LAST_STEPS)

    def _arrive(self, wanted: int) -> int:
        if wanted <= 0:
            return 0
        now = datetime.now(UTC)
        first = self.sent["leads"]
        leads = [arrival(self.chance, person(self.chance, first + i), self.run, now) for i in range(wanted)]
        for receipt in self.client.post("/intake/v1/leads", leads):
            if receipt.get("lead_id") and self.chance.random() < COMES_BACK:
                body = {"lead": {"lead_id": receipt["lead_id"]}, **activity(self.chance, now)}
                self._plan(Step(self.chance.uniform(5, 60), "/intake/v1/activities", body))
        self.sent["leads"] += wanted
        return wanted

    def _listen(self) -> None:
        """Owners hear of their leads the way a CRM would."""
        while found := page(self.client, "routing", self._cursor, wait=0):
            self._cursor = found[-1]["cursor"]
            for event in found:
                if event["type"] in ("lead.routed", "lead.reassigned"):
                    self._give(event["subject"], event["data"]["owner"]["id"])

    def _give(self, lead_id: str, owner: str) -> None:
        # Facts may repeat; an owner works a lead once.
        if (lead_id, owner) in self._worked:
            return
        self._worked.add((lead_id, owner))
        for step in follow_up(self.chance, lead_id, owner):
            self._plan(step)

    def _plan(self, step: Step) -> None:
        heapq.heappush(self._due, (time.monotonic() + step.after, next(self._order), step))

    def _work(self) -> None:
        while self._due and self._due[0][0] <= time.monotonic():
            step = heapq.heappop(self._due)[2]
            body = {**step.body, "occurred_at": step.body.get("occurred_at") or datetime.now(UTC).isoformat()}
            self.client.post(step.path, body)
            self.sent[step.path.rpartition("/")[2]] += 1

    def _finish(self, seconds: float) -> None:
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            self._listen()
            self._work()
            if not self._due:
                return
            time.sleep(min(LISTEN_EVERY, max(0.0, self._due[0][0] - time.monotonic())))


def _is_over(posted: int, elapsed: float, count: int | None, duration: float | None) -> bool:
    return (count is not None and posted >= count) or (duration is not None and elapsed >= duration)


def _seconds(text: str) -> float:
    found = SPAN.findall(text)
    if not found or "".join(number + unit for number, unit in found) != text:
        raise Fault(f"--for {text}: not a length of time", "Write it like 90s, 10m or 1h30m.", Exit.USAGE)
    return float(sum(int(number) * SECONDS[unit] for number, unit in found))
