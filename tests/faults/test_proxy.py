"""The proxy of the harness does to a connection what it is told."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from deploy.kafka.run import free_port
from tests.faults.proxy import Order, Proxy
from tests.journeys.running import ROOT, eventually

pytestmark = [pytest.mark.slow]


@pytest.fixture
def echo() -> Iterator[int]:
    """The port of a server that says everything again."""

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=again, args=(connection,), daemon=True).start()

    def again(connection: socket.socket) -> None:
        with connection:
            try:
                while said := connection.recv(65536):
                    connection.sendall(said)
            except OSError:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


@pytest.fixture
def way(echo: int) -> Iterator[tuple[Proxy, int]]:
    port = free_port()
    proxy = Proxy({port: echo}, ROOT)
    yield proxy, port
    proxy.close()


def heard(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size and (piece := connection.recv(size - len(found))):
        found += piece
    return found


def test_what_is_said_comes_through_at_once_until_it_is_slow(way: tuple[Proxy, int]) -> None:
    proxy, port = way
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"hello")
        assert heard(connection, 5) == b"hello"
        proxy.tell(Order(port, latency=0.4, bandwidth=1_000_000))

        def is_held_back() -> bool:
            begun = time.monotonic()
            connection.sendall(b"x" * 1000)
            assert heard(connection, 1000) == b"x" * 1000
            return time.monotonic() - begun >= 0.8

        eventually(is_held_back, "both directions are held back")


def test_a_torn_connection_breaks_in_mid_record(way: tuple[Proxy, int]) -> None:
    proxy, port = way
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"hello")
        assert heard(connection, 5) == b"hello"
        proxy.tell(Order(port, tear=True))
        time.sleep(0.5)
        connection.sendall(b"x" * 1000)
        with pytest.raises(ConnectionError):
            heard(connection, 1000)


def test_of_a_halved_connection_one_half_lives_on_for_a_while(way: tuple[Proxy, int]) -> None:
    proxy, port = way
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(b"hello")
        assert heard(connection, 5) == b"hello"
        proxy.tell(Order(port, halve=True))
        assert connection.recv(1000) == b""
        connection.sendall(b"is anybody there")


def test_nobody_is_let_in_where_the_server_is_away() -> None:
    port = free_port()
    proxy = Proxy({port: free_port()}, ROOT)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            assert connection.recv(1000) == b""
    except ConnectionError:
        pass
    finally:
        proxy.close()
