"""The client: posts leads over several connections, and writes down what was promised it, after the promise."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

import httpx

from tests.faults.leads import new_lead
from tests.faults.plant import TOKEN

LARGEST_BATCH = 60
AGAIN = 0.1
"""How often a batch that was answered is posted once more, as a client does whose own reply got lost."""


@dataclass
class Load:
    """Posts `total` leads, spread over `seconds`, at several replicas of intake; then stops by itself."""

    run: str
    seed: int
    total: int
    seconds: float
    ports: Sequence[int]
    log: Path
    connections: int = 4
    refused: int = 0
    wrong: list[str] = field(default_factory=list)
    """Answers that are neither 2xx nor 503: bad weather is no excuse for them."""
    over: threading.Event = field(default_factory=threading.Event)
    held: threading.Event = field(default_factory=threading.Event)
    """While it is set nothing new is posted."""

    def start(self) -> None:
        self._begun = time.monotonic()
        self._lock, self._next = threading.Lock(), 0
        self._file: TextIO = self.log.open("w", buffering=1)
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(self.connections)]
        for thread in self._threads:
            thread.start()

    def finish(self, patience: float) -> int:
        """Wait for what is under way; return how many leads were offered."""
        give_up = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.0, give_up - time.monotonic()))
        self.over.set()
        for thread in self._threads:
            thread.join()
        self._file.close()
        return self._next

    def _work(self, number: int) -> None:
        chance = random.Random(f"{self.seed}-{number}")
        with httpx.Client(headers={"Authorization": f"Bearer {TOKEN}"}, timeout=15) as client:
            while (numbers := self._take(chance)) and not self.over.is_set():
                self._wait_for(numbers[0])
                leads = [new_lead(self.run, lead) for lead in numbers]
                self._post(client, chance, leads)
                if chance.random() < AGAIN:
                    self._post(client, chance, leads)

    def _take(self, chance: random.Random) -> range:
        with self._lock:
            first = self._next
            self._next = min(self.total, first + chance.randint(1, LARGEST_BATCH))
            return range(first, self._next)

    def _wait_for(self, number: int) -> None:
        self.over.wait(max(0.0, self._begun + self.seconds * number / self.total - time.monotonic()))
        while self.held.is_set() and not self.over.wait(0.2):
            pass

    def _post(self, client: httpx.Client, chance: random.Random, leads: list[dict[str, Any]]) -> None:
        """Post until it is accepted, now here, now there."""
        while not self.over.is_set():
            url = f"http://127.0.0.1:{chance.choice(self.ports)}/intake/v1/leads"
            try:
                answer = client.post(url, json=leads)
            except httpx.TransportError:
                self.refused += 1
            else:
                if answer.is_success:
                    self._write_down(leads, answer.json())
                    return
                self.refused += 1
                if answer.status_code != 503:
                    self.wrong.append(f"{answer.status_code} {answer.text[:300]}")
            self.over.wait(0.2)

    def _write_down(self, leads: list[dict[str, Any]], receipts: list[dict[str, Any]]) -> None:
        lines = (
            [lead["external_id"], receipt["lead_id"], receipt["status"]]
            for lead, receipt in zip(leads, receipts, strict=True)
        )
        with self._lock:
            for line in lines:
                self._file.write(json.dumps(line) + "\n")


def promised(log: Path) -> list[tuple[str, str, str]]:
    """Read the client's log: external id, lead id and status of each element that was answered with 2xx."""
    return [tuple(json.loads(line)) for line in log.read_text().splitlines()]
