"""One run of the harness: post, break, wait until all is quiet, read everything, judge."""

from __future__ import annotations

import os
import platform
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import confluent_kafka
import psycopg

from tests.faults import reader
from tests.faults.account import audit, left_to_do, read_account
from tests.faults.checks import Found, check_all
from tests.faults.injecting import Injector
from tests.faults.load import Load, promised
from tests.faults.plan import schedule
from tests.faults.plant import Plant, plant
from tests.journeys.running import SERVICES

REPLICAS = {"intake": 2, "scoring": 2, "routing": 2}
SHOWN = 5


@dataclass(frozen=True)
class Wanted:
    """What a run is to be; each can be set as `BATON_FAULTS_<NAME>`."""

    seed: int = 0
    seconds: float = 60.0
    leads: int = 3500
    gap: float = 1.6
    """Seconds between two faults, on average."""
    drain: float = 180.0
    """After so many seconds without faults all must be quiet."""
    lease: float = 3.0
    keep: Path | None = None
    """Where logs and the client's own log stay."""

    @classmethod
    def from_environment(cls, **otherwise: float) -> Wanted:
        def number(name: str, default: float) -> float:
            return float(os.environ.get(f"BATON_FAULTS_{name.upper()}", otherwise.get(name, default)))

        seed = os.environ.get("BATON_FAULTS_SEED")
        keep = os.environ.get("BATON_FAULTS_KEEP")
        return cls(
            seed=int(seed) if seed else random.SystemRandom().randrange(10**6),
            seconds=number("seconds", cls.seconds),
            leads=int(number("leads", cls.leads)),
            gap=number("gap", cls.gap),
            drain=number("drain", cls.drain),
            lease=number("lease", cls.lease),
            keep=Path(keep) if keep else None,
        )


@dataclass
class Verdict:
    """What came of it. `left` is what was not done in time: another thing than lost."""

    wanted: Wanted
    faults: Counter[str] = field(default_factory=Counter)
    counts: dict[str, int] = field(default_factory=dict)
    drained_in: float | None = None
    left: dict[str, int] = field(default_factory=dict)
    wrong: dict[str, list[str]] = field(default_factory=dict)
    gave_up: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def held(self) -> bool:
        return not (self.wrong or self.gave_up or self.left)

    def text(self) -> str:
        done = ", ".join(f"{number} × {kind}" for kind, number in sorted(self.faults.items()))
        counts = ", ".join(f"{number} {what}" for what, number in self.counts.items())
        lines = [f"seed {self.wanted.seed}: {done}", counts, versions()]
        if self.drained_in is None:
            lines.append(f"NOT DRAINED within {self.wanted.drain:.0f} s: {self.left}")
        else:
            lines.append(f"quiet {self.drained_in:.1f} s after the last fault; {self.seconds:.0f} s in all")
        for sentence, cases in self.wrong.items():
            lines.append(f"NOT TRUE: {sentence} ({len(cases)} times)")
            lines += [f"    {case}" for case in cases[:SHOWN]]
        lines += [f"GAVE UP: {last_words}" for last_words in self.gave_up]
        return "\n".join([*lines, "every promise was kept" if self.held else "promises were broken"])


def versions() -> str:
    clients = f"librdkafka {confluent_kafka.libversion()[0]}, psycopg {psycopg.__version__}"
    return f"Python {platform.python_version()}, {clients}"


def run(wanted: Wanted) -> Verdict:
    """Do it all. Raises KafkaUnavailable or PostgresUnavailable where there is nothing to break."""
    started = time.monotonic()
    print(f"BATON_FAULTS_SEED={wanted.seed}: {wanted.leads} leads in {wanted.seconds:.0f} s", flush=True)
    with plant(REPLICAS, wanted.lease, keep=wanted.keep) as found:
        verdict = Verdict(wanted)
        over = threading.Event()
        supervisor = threading.Thread(target=found.supervise, args=(over,))
        supervisor.start()
        try:
            load = _under_fire(found, wanted, verdict)
            _drain(found, verdict)
        finally:
            over.set()
            supervisor.join()
        _judge(found, load, verdict)
        verdict.gave_up = found.gave_up
        verdict.counts["starts given up while a server was down"] = found.could_not_start
    verdict.seconds = time.monotonic() - started
    return verdict


def _under_fire(found: Plant, wanted: Wanted, verdict: Verdict) -> Load:
    faults = schedule(wanted.seed, wanted.seconds, wanted.gap, list(found.replicas), SERVICES, wanted.lease)
    (found.folder / "schedule.txt").write_text("\n".join(map(str, faults)) + "\n")
    ports = [replica.port for replica in found.of("intake")]
    log = found.folder / "promised.jsonl"
    load = Load(f"s{wanted.seed}", wanted.seed, wanted.leads, wanted.seconds, ports, log)
    load.start()
    injector = Injector(found, wanted.seed)
    injector.carry_out(faults)
    injector.heal()
    _tell("faults are over")
    verdict.faults = injector.done
    verdict.counts["leads offered"] = load.finish(wanted.drain)
    verdict.counts["requests refused or cut"] = load.refused
    if injector.failed:
        verdict.wrong["every fault could be made"] = injector.failed
    return load


def _tell(what: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {what}", flush=True)


def _drain(found: Plant, verdict: Verdict) -> None:
    """Wait until there is nothing left to publish, to read or to fire."""
    begun, stores = time.monotonic(), reader.Stores(found.database)
    client = reader.consumer(found.kafka.bootstrap)
    quiet = 0
    while quiet < 3 and time.monotonic() - begun < verdict.wanted.drain:
        verdict.left = _left_to_do(stores, client)
        quiet = 0 if verdict.left else quiet + 1
        time.sleep(0.3)
    _tell(f"left to do: {verdict.left or 'nothing'}")
    client.close()
    if quiet == 3:
        verdict.drained_in = time.monotonic() - begun


def _left_to_do(stores: reader.Stores, client: confluent_kafka.Consumer) -> dict[str, int]:
    try:
        return left_to_do(stores, reader.ends(client), SERVICES)
    except (confluent_kafka.KafkaException, psycopg.OperationalError) as problem:
        return {f"cannot be read: {problem}": 1}


def _judge(found: Plant, load: Load, verdict: Verdict) -> None:
    what = read_account(reader.Stores(found.database), reader.said(found.kafka.bootstrap), promised(load.log))
    weigh(what, load, "" if verdict.drained_in is None else audit(found.environment_of_cli()), verdict)


def weigh(what: Found, load: Load, audited: str, verdict: Verdict) -> None:
    """Judge what was found, and count it."""
    verdict.wrong |= check_all(what, is_quiet=verdict.drained_in is not None)
    if load.wrong:
        verdict.wrong["an answer is 2xx or 503"] = load.wrong
    if audited:
        verdict.wrong["baton audit agrees"] = [audited]
    distinct = what.distinct()
    verdict.counts |= {
        "leads accepted": len({lead_id for _, lead_id, _ in what.promised}),
        "records": len(what.facts),
        "distinct facts": len(distinct),
    }
    types = Counter(fact.type for fact in distinct)
    verdict.counts |= {name: types[name] for name in ("lead.routed", "lead.reassigned", "sla.started", "sla.breached")}
