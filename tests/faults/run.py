"""One run of the harness: post, break, wait until all is quiet, read everything, judge; and again, for a long run."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from tests.faults import reader
from tests.faults.account import audit, read_account
from tests.faults.brake import brake
from tests.faults.checks import Found, fates_of, owners_of
from tests.faults.crm import Crm, told_by
from tests.faults.drain import drain
from tests.faults.injecting import Injector
from tests.faults.load import Load, promised
from tests.faults.plan import schedule
from tests.faults.plant import Plant, plant
from tests.faults.rest import Rest
from tests.faults.verdict import Verdict, Wanted, weigh
from tests.journeys.running import SERVICES

AUDITED = 4
"""One round of so many is audited, from the first on; and the last."""
REPLICAS = {"intake": 2, "scoring": 2, "routing": 2}


def run(wanted: Wanted) -> Verdict:
    """Do it all. Raises KafkaUnavailable or PostgresUnavailable where there is nothing to break."""
    started, enough = time.monotonic(), threading.Event()
    print(f"BATON_FAULTS_SEED={wanted.seed}: {wanted.leads} leads in {wanted.seconds:.0f} s", flush=True)
    total = Verdict(wanted)
    with _ended_politely(wanted, enough), plant(REPLICAS, wanted.lease, keep=wanted.keep) as found:
        with _supervised(found):
            rest = Rest()
            while total.held and not _is_finished(total) and not enough.is_set():
                total.add(_round(found, wanted, total.rounds + 1, rest, enough))
                total.gave_up, total.seconds = found.gave_up, time.monotonic() - started
                total.write()
                if wanted.rounds > 1:
                    _tell(f"round {total.rounds} of {wanted.rounds} is judged\n{total.text()}")
        total.counts["starts given up while a server was down"] = found.could_not_start
    if not total.rounds:
        total.left = {"rounds that were ended before they began": 1}
    total.seconds, total.is_finished = time.monotonic() - started, _is_finished(total)
    total.write()
    return total


def _is_finished(total: Verdict) -> bool:
    wanted = total.wanted
    return total.rounds == wanted.rounds or 0 < wanted.enough <= total.counts["leads accepted"]


@contextlib.contextmanager
def _ended_politely(wanted: Wanted, enough: threading.Event) -> Iterator[None]:
    """Time that is up, and a signal, end the round under way: it is drained and judged, and that is the result."""
    timer = threading.Timer(wanted.minutes * 60, enough.set)
    timer.daemon = True
    before = {}
    if wanted.minutes:
        timer.start()
    if wanted.rounds > 1:
        before = {number: signal.signal(number, lambda *_: enough.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        timer.cancel()
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _supervised(found: Plant) -> Iterator[None]:
    over = threading.Event()
    supervisor = threading.Thread(target=found.supervise, args=(over,))
    supervisor.start()
    try:
        yield
    finally:
        over.set()
        supervisor.join()


def _round(found: Plant, wanted: Wanted, number: int, rest: Rest, enough: threading.Event) -> Verdict:
    verdict = Verdict(wanted)
    load = _under_fire(found, verdict, number, rest, enough)
    _drain(found, verdict)
    stores = reader.Stores(found.database)
    what = read_account(stores, reader.said(found.kafka.bootstrap, rest.ends), promised(load.log), rest)
    what.told, what.touches = told_by(found.folder / f"told-{number}.jsonl"), touches(stores)
    is_quiet = verdict.drained_in is not None
    # It goes through all leads there ever were, so that in a long run it would take longer and longer.
    is_audited = is_quiet and (number % AUDITED == 1 or number == wanted.rounds or enough.is_set())
    weigh(what, load, audit(found.environment_of_cli()) if is_audited else "", verdict)
    if is_quiet and number < wanted.rounds:
        _lay_to_rest(what, found)
    return verdict


def _under_fire(found: Plant, verdict: Verdict, number: int, rest: Rest, enough: threading.Event) -> Load:
    wanted = verdict.wanted
    seed = wanted.seed + number - 1
    faults = schedule(seed, wanted.seconds, wanted.gap, list(found.replicas), SERVICES, wanted.lease)
    (found.folder / f"schedule-{number}.txt").write_text("\n".join(map(str, faults)) + "\n")
    ports = [replica.port for replica in found.of("intake")]
    log = found.folder / f"promised-{number}.jsonl"
    load = Load(f"s{wanted.seed}r{number}", seed, wanted.leads, wanted.seconds, ports, log)
    crm = Crm(found.kafka.bootstrap, seed, ports, found.folder / f"told-{number}.jsonl", rest.subjects)
    crm.start()
    load.start()
    injector = Injector(found, seed)
    with brake(found, load, wanted.behind):
        injector.carry_out(faults, enough)
        injector.heal()
    _tell("faults are over")
    if enough.is_set() or wanted.behind:
        load.over.set()
    verdict.faults = injector.done
    verdict.counts["leads offered"] = load.finish(wanted.drain)
    crm.finish()
    load.wrong += crm.wrong
    verdict.counts["requests refused or cut"] = load.refused + crm.refused
    if injector.failed:
        verdict.wrong["every fault could be made"] = injector.failed
    return load


def _drain(found: Plant, verdict: Verdict) -> None:
    client = reader.consumer(found.kafka.bootstrap)
    try:
        drained = drain(reader.Stores(found.database), lambda: reader.ends(client), verdict.wanted.drain, _tell)
    finally:
        client.close()
    verdict.caught_up_in, verdict.drained_in = drained.caught_up, drained.quiet
    verdict.left, verdict.idle = drained.left, drained.idle
    _tell(f"caught up: {drained.caught_up}, quiet: {drained.quiet}, left to do: {drained.left or 'nothing'}")


def touches(stores: reader.Stores) -> dict[str, int]:
    """How many touches reporting has counted, of the leads that have any."""
    counted = "CAST(CAST(known AS json) ->> 'touches' AS int)"
    return dict(stores.rows("reporting", f"SELECT lead_id, {counted} FROM lead WHERE {counted} > 0"))


def _lay_to_rest(what: Found, found: Plant) -> None:
    stores, rest = reader.Stores(found.database), what.rest
    for name in reader.PUBLISHERS:
        ((rest.journaled[name],),) = stores.rows(name, "SELECT coalesce(max(id), 0) FROM journal")
    distinct = what.distinct()
    rest.learn([*what.facts, *what.about_those_at_rest], fates_of(distinct), owners_of(distinct))


def _tell(what: str) -> None:
    print(f"{datetime.now(UTC):%H:%M:%S} {what}", flush=True)
