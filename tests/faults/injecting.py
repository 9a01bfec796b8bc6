"""Carrying out a schedule."""

from __future__ import annotations

import contextlib
import itertools
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Sequence

import psycopg
from confluent_kafka import KafkaException, Producer

from tests.faults.network import dropped
from tests.faults.nursery import set_clock
from tests.faults.plan import HOUR, Fault
from tests.faults.plant import Plant, Replica
from tests.faults.proxy import Order
from tests.faults.reader import consumer, ends, raw

REPLAYED = 300
LAPS = 3
"""So often a storm goes round a service."""
ANEW = 0.1
"""This share of those killed is started as an operator does, the others by a fork."""
LEAVE_SECONDS = 15.0
BROKER_TRIES = 20


class Injector:
    """Makes faults happen, each in a thread of its own, so that they overlap; counts those that really did."""

    def __init__(self, plant: Plant, seed: int) -> None:
        self._plant = plant
        self._chance = random.Random(f"replay-{seed}")
        self._threads: list[threading.Thread] = []
        self.done: Counter[str] = Counter()
        self.failed: list[str] = []
        self._lock = threading.Lock()

    def carry_out(self, faults: Sequence[Fault], enough: threading.Event) -> None:
        """Return when the last has begun, or at once when it is enough."""
        begun = time.monotonic()
        for fault in faults:
            if enough.wait(max(0.0, begun + fault.at - time.monotonic())):
                return
            thread = threading.Thread(target=self._one, args=(fault,))
            thread.start()
            self._threads.append(thread)

    def heal(self) -> None:
        """Wait until every fault is undone."""
        for thread in self._threads:
            thread.join()

    def _one(self, fault: Fault) -> None:
        try:
            happened = getattr(self, f"_{fault.kind}")(fault)
        except (KafkaException, psycopg.OperationalError):
            self._count(fault.kind, happened=False)  # the server it needs is not there yet
        except Exception as problem:  # noqa: BLE001  (a fault that cannot be made is told, not hidden)
            self.failed.append(f"{fault}: {type(problem).__name__}: {problem}")
        else:
            self._count(fault.kind, happened)

    def _count(self, kind: str, happened: bool) -> None:
        with self._lock:
            self.done[kind if happened else f"{kind} skipped"] += 1

    def _kill(self, fault: Fault) -> bool:
        replica = self._one_that_lives(fault.target)
        replica.kill()
        time.sleep(fault.seconds)
        replica.start(anew=fault.much < ANEW)
        return True

    def _one_that_lives(self, name: str) -> Replica:
        """The replica of that name, or the next that is not down already."""
        names = list(self._plant.replicas)
        first = names.index(name)
        several = [self._plant.replicas[other] for other in names[first:] + names[:first]]
        return next((replica for replica in several if replica.wanted), several[0])

    def _leave(self, fault: Fault) -> bool:
        """Ask it to stop, which gives its lanes back at once, and start it again."""
        replica = self._plant.replicas[fault.target]
        if not replica.wanted:
            return False
        replica.stop(LEAVE_SECONDS)
        time.sleep(fault.seconds)
        replica.start()
        return True

    def _freeze(self, fault: Fault) -> bool:
        return self._stand_still(self._plant.replicas[fault.target], fault.seconds)

    def _stand_still(self, replica: Replica, seconds: float) -> bool:
        if not replica.wanted:
            return False
        stopped = replica.process
        replica.send(signal.SIGSTOP)
        time.sleep(seconds)
        if stopped is replica.process:
            replica.send(signal.SIGCONT)
        return True

    def _storm(self, fault: Fault) -> bool:
        """One replica after the other stands still for longer than its lease: all lanes move, again and again."""
        for replica in self._plant.of(fault.target) * LAPS:
            self._count("freeze", self._stand_still(replica, fault.seconds))
        return True

    def _clock(self, fault: Fault) -> bool:
        """The wall clock of one process is an hour off, then right again; its monotonic clock goes on."""
        file = self._plant.replicas[fault.target].clock
        set_clock(file, HOUR if fault.much < 0.5 else -HOUR)
        time.sleep(fault.seconds)
        set_clock(file, 0.0)
        return True

    def _slow(self, fault: Fault) -> bool:
        port = self._plant.ways[fault.target]
        latency, bandwidth = 0.002 + 0.03 * fault.much, 2_000_000 * (1.05 - fault.much)
        self._plant.proxy.tell(Order(port, latency=latency, jitter=2 * latency, bandwidth=bandwidth))
        time.sleep(fault.seconds)
        self._plant.proxy.tell(Order(port))
        return True

    def _tear(self, fault: Fault) -> bool:
        self._plant.proxy.tell(Order(self._plant.ways[fault.target], tear=True))
        return True

    def _halve(self, fault: Fault) -> bool:
        self._plant.proxy.tell(Order(self._plant.ways[fault.target], halve=True))
        return True

    def _drop(self, fault: Fault) -> bool:
        with dropped(self._plant.ways[fault.target]) as happens:
            time.sleep(fault.seconds if happens else 0.0)
        return happens

    def _postgres(self, fault: Fault) -> bool:
        self._plant.crash_postgres(fault.seconds)
        return True

    def _broker(self, fault: Fault) -> bool:
        self._plant.crash_broker(fault.seconds)
        return True

    def _cut(self, fault: Fault) -> bool:
        """Cut every connection of a service to its database."""
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        with psycopg.connect(self._plant.database(fault.target), autocommit=True, connect_timeout=5) as connection:
            connection.execute(others + " AND pid <> pg_backend_pid()")
        return True

    def _replay(self, fault: Fault) -> bool:
        """Append old records of a topic to its end once more, as a relay does that slept with them in its hands."""
        for _ in range(BROKER_TRIES):
            with contextlib.suppress(KafkaException), self._plant.server_lock:
                if self._append_again(fault.target):
                    return True
            time.sleep(1.0)  # nothing was said there yet, or the broker does not lead all its partitions yet
        return False

    def _append_again(self, topic: str) -> bool:
        """From a place in each lane that chance chooses; never all of a topic, which a long run makes large."""
        bootstrap = self._plant.kafka.bootstrap
        client = consumer(bootstrap)
        try:
            since = {lane: self._chance.randrange(max(1, end)) for lane, end in ends(client, [topic]).items()}
        finally:
            client.close()
        with contextlib.closing(raw(bootstrap, [topic], since)) as stream:
            records = list(itertools.islice(stream, REPLAYED))
        producer = Producer({"bootstrap.servers": bootstrap, "log_level": 0})
        for record in records:
            producer.produce(record.topic(), record.value(), record.key(), record.partition(), headers=record.headers())
        return bool(records) and producer.flush(20) == 0
