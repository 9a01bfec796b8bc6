"""librdkafka's mock cluster in a process of its own: it prints its bootstrap servers, then obeys lines on stdin.

    topic <name> <partitions>     down <broker>     up <broker>

Each is answered by `ok` or by an error text. It ends with its stdin, so it cannot outlive a test run. What the mock
broker cannot prove (durable restart, idempotent sequences, rebalancing under load) needs the fixture `kafka`.
"""

from __future__ import annotations

import ctypes
import sys
from pathlib import Path

import confluent_kafka  # the wheel carries the library

PRODUCER = 0
BROKERS = 1


def library() -> ctypes.CDLL:
    beside = Path(confluent_kafka.__file__).parent
    folders = (beside.parent / "confluent_kafka.libs", beside / ".dylibs", beside.parent / "confluent_kafka.libs")
    for folder in folders:
        for found in sorted(folder.glob("librdkafka*")):
            return ctypes.CDLL(str(found))
    raise SystemExit("librdkafka was not found beside the confluent_kafka package")


def start(lib: ctypes.CDLL) -> ctypes.c_void_p:
    lib.rd_kafka_conf_new.restype = ctypes.c_void_p
    lib.rd_kafka_new.restype = ctypes.c_void_p
    lib.rd_kafka_new.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t]
    lib.rd_kafka_mock_cluster_new.restype = ctypes.c_void_p
    lib.rd_kafka_mock_cluster_new.argtypes = [ctypes.c_void_p, ctypes.c_int]
    lib.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    lib.rd_kafka_mock_cluster_bootstraps.argtypes = [ctypes.c_void_p]
    lib.rd_kafka_mock_topic_create.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int]
    lib.rd_kafka_mock_broker_set_down.argtypes = [ctypes.c_void_p, ctypes.c_int32]
    lib.rd_kafka_mock_broker_set_up.argtypes = [ctypes.c_void_p, ctypes.c_int32]
    why = ctypes.create_string_buffer(256)
    client = lib.rd_kafka_new(PRODUCER, lib.rd_kafka_conf_new(), why, len(why))
    if not client:
        raise SystemExit(why.value.decode())
    return ctypes.c_void_p(lib.rd_kafka_mock_cluster_new(client, BROKERS))


def obey(lib: ctypes.CDLL, cluster: ctypes.c_void_p, words: list[str]) -> int:
    match words:
        case ["topic", name, partitions]:
            return int(lib.rd_kafka_mock_topic_create(cluster, name.encode(), int(partitions), BROKERS))
        case ["down", broker]:
            return int(lib.rd_kafka_mock_broker_set_down(cluster, int(broker)))
        case ["up", broker]:
            return int(lib.rd_kafka_mock_broker_set_up(cluster, int(broker)))
    raise SystemExit(f"what is {words}?")


def main() -> None:
    lib = library()
    cluster = start(lib)
    print(lib.rd_kafka_mock_cluster_bootstraps(cluster).decode(), flush=True)
    for line in sys.stdin:
        error = obey(lib, cluster, line.split())
        print("ok" if not error else f"librdkafka error {error}", flush=True)


if __name__ == "__main__":
    main()
