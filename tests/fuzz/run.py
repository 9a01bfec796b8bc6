"""Mutated requests through every parser, signature check and mapping, offline: nothing raises, nothing takes long."""

from __future__ import annotations

import gc
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import orjson

from baton.intake.book import rules_of
from baton.intake.domain.elements import Element
from baton.intake.domain.envelopes import Envelope, envelope_of
from baton.intake.domain.handshakes import linkedin, meta
from baton.intake.domain.keys import canonical
from baton.intake.domain.reading import read_hook
from baton.intake.domain.redirects import place_after
from baton.intake.domain.signatures import Knock, is_genuine
from baton.playbook import load
from baton.playbook.bodies import BodyFault
from baton.playbook.mapping import Mapper
from baton.playbook.opening import open_body
from tests.fuzz.mutating import Odd, mutated
from tests.fuzz.requests import NOW, genuine

PLAYBOOK: Final = Path(__file__).parents[2] / "deploy" / "playbook"
MOST_SECONDS: Final = 0.05
SECRETS: Final = (b"a secret that nobody guesses", b"another one")


@dataclass
class Result:
    """How far it came, the slowest request in seconds, and what went wrong: which request, and what became of it."""

    seed: int
    done: int = 0
    slowest: float = 0.0
    slowest_request: str = ""
    taken: int = 0
    put_aside: int = 0
    wrong: list[str] = field(default_factory=list)


class Fuzz:
    """The example playbook's doors, without a network and a store."""

    def __init__(self, seed: int, clock: Callable[[], float] = time.thread_time) -> None:
        self._seed = seed
        self._clock = clock
        self._rules = rules_of(load(PLAYBOOK))
        self._mappers = {one.id: Mapper(one) for one in self._rules.sources.sources if one.signature is not None}
        self._beginnings = [odd for odd in genuine() if odd.source in self._mappers]
        for odd in self._beginnings:
            self._through(odd)  # what is compiled and loaded once is nobody's fault
        gc.collect()
        gc.freeze()

    def request(self, number: int) -> Odd:
        """The request with this number; the same for the same seed."""
        chance = Random(f"{self._seed}:{number}")
        odd = mutated(chance.choice(self._beginnings), chance)
        # Now and then by the door of another platform.
        return odd if chance.random() < 0.9 else Odd(
            chance.choice(list(self._mappers)), odd.method, odd.url, odd.headers, odd.body
        )  # fmt: skip

    def run(self, first: int, seconds: float, most: int) -> Iterator[Result]:
        """Go on from a number, until so many are done or so much processor time is spent; tells now and then."""
        result = Result(self._seed, first)
        until = time.process_time() + seconds
        while result.done < most and time.process_time() < until:
            self.one(result.done, result)
            result.done += 1
            if result.done % 5000 == 0:
                yield result
        yield result

    def one(self, number: int, result: Result) -> None:
        """Put one request through everything."""
        odd = self.request(number)
        spent = 0.0
        try:
            spent, elements = self._timed(odd)
            if spent > MOST_SECONDS:
                spent = min(spent, *(self._timed(odd)[0] for _ in range(2)))  # a busy machine is slow once
        except Exception as fault:  # noqa: BLE001  (whatever it is, it was not expected)
            result.wrong.append(f"{number} {odd.source}: {type(fault).__name__}: {fault}"[:500])
            return
        if spent > result.slowest:
            result.slowest, result.slowest_request = spent, f"{number} {odd.source}, {len(odd.body):,} bytes"
        result.taken += sum(element.fault is None for element in elements)
        result.put_aside += sum(element.fault is not None for element in elements)
        if spent > MOST_SECONDS:
            result.wrong.append(f"{number} {odd.source}: {spent * 1000:.0f} ms")

    def _timed(self, odd: Odd) -> tuple[float, list[Element]]:
        start = self._clock()
        elements = self._through(odd)
        return self._clock() - start, elements

    def _through(self, odd: Odd) -> list[Element]:
        mapper = self._mappers[odd.source]
        source = mapper.source
        assert source.signature is not None
        query = urlsplit(odd.url).query
        pairs = dict(parse_qsl(query, max_num_fields=100_000))
        meta(pairs, SECRETS)
        linkedin(pairs, SECRETS)
        envelope = envelope_of(source, odd.method, query, odd.headers.get("content-type"), odd.body)
        if envelope is None:
            return []
        knock = Knock(odd.method, odd.url, odd.headers, envelope.signed)
        assert not is_genuine(knock, source.signature, SECRETS, NOW), "genuine without the secret"
        elements = read_hook(envelope.body, envelope.content_type, mapper, self._rules, NOW)
        self._place(mapper, envelope)
        for element in elements:
            canonical(element.form).decode()  # what the store is given
            orjson.dumps(element.contact)
        return elements

    @staticmethod
    def _place(mapper: Mapper, envelope: Envelope) -> None:
        if mapper.source.redirect is not None:
            with suppress(BodyFault):
                place_after(
                    mapper.source.redirect,
                    open_body(envelope.body, envelope.content_type, mapper.source),
                    is_taken_in=True,
                )


def resumed(file: Path, seed: int) -> int:
    """Where an earlier run with this seed stopped; 0 where there was none."""
    with suppress(OSError, ValueError, KeyError):
        earlier = json.loads(file.read_bytes())
        if earlier["seed"] == seed and not earlier["wrong"]:
            return int(earlier["done"])
    return 0
