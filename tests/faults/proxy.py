"""A TCP proxy between some services and their servers, in a process of its own: slow, narrow, torn or half-closed.

Run as a program it is `proxy.py <port>:<target port> …`; on each line of its input stands an order, `Order` as JSON.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

CHUNK = 65536
HALF_SECONDS = 2.0
"""How long a connection stays half-closed before it is torn."""
NOW = struct.pack("ii", 1, 0)
"""SO_LINGER of a connection that ends by a reset, with whatever was under way."""


@dataclass(frozen=True)
class Order:
    """From now on the way to `port` is like this; `tear` and `halve` happen once, to every connection there is."""

    port: int
    latency: float = 0.0
    """Seconds that each piece is held back, in either direction."""
    jitter: float = 0.0
    """Up to so many seconds more, by chance."""
    bandwidth: float = 0.0
    """Bytes a second of each connection; 0: no limit."""
    tear: bool = False
    """Half of the next piece passes, then the connection is reset: in mid-record, if it is large enough."""
    halve: bool = False
    """The server's half is closed: the client may speak on, and hears nothing."""


class Link:
    """One connection through the proxy."""

    def __init__(self, client: asyncio.StreamWriter, server: asyncio.StreamWriter) -> None:
        self.client, self.server = client, server
        self.is_to_be_torn = False

    def reset(self) -> None:
        for writer in (self.client, self.server):
            if not writer.transport.is_closing():
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NOW)
                writer.transport.abort()

    def halve(self) -> None:
        if not self.client.is_closing():
            self.client.write_eof()
            asyncio.get_running_loop().call_later(HALF_SECONDS, self.reset)


class Way:
    """All connections through one port."""

    def __init__(self, port: int, target: int) -> None:
        self.port, self.target = port, target
        self.weather = Order(port)
        self._links: set[Link] = set()

    async def open(self) -> None:
        await asyncio.start_server(self._pass_on, "127.0.0.1", self.port, limit=CHUNK)

    def obey(self, order: Order) -> None:
        self.weather = order
        for link in list(self._links):
            link.is_to_be_torn |= order.tear
            if order.halve:
                link.halve()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self.target, limit=CHUNK)
        except OSError:  # the server is away: so are we
            writer.transport.abort()
            return
        link = Link(writer, to_server)
        self._links.add(link)
        pumps = (self._pump(reader, to_server, link), self._pump(from_server, writer, link))
        try:
            await asyncio.gather(*pumps)
        except (OSError, RuntimeError):  # torn, by either end or by us
            pass
        finally:
            self._links.discard(link)
            link.reset()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, link: Link) -> None:
        while piece := await reader.read(CHUNK):
            if link.is_to_be_torn:
                writer.write(piece[: len(piece) // 2])
                await writer.drain()
                raise ConnectionResetError
            if wait := self._hold_back(len(piece)):
                await asyncio.sleep(wait)
            writer.write(piece)
            await writer.drain()
        writer.write_eof()

    def _hold_back(self, size: int) -> float:
        weather = self.weather
        if not (weather.latency or weather.jitter or weather.bandwidth):
            return 0.0
        width = size / weather.bandwidth if weather.bandwidth else 0.0
        return weather.latency + random.uniform(0.0, weather.jitter) + width


async def serve(ports: Mapping[int, int]) -> None:
    """Pass on until there are no more orders."""
    ways = {port: Way(port, target) for port, target in ports.items()}
    for way in ways.values():
        await way.open()
    loop, orders = asyncio.get_running_loop(), asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    print("open", flush=True)
    async for line in orders:
        order = Order(**json.loads(line))
        ways[order.port].obey(order)


class Proxy:
    """The harness' end; the process ends with it."""

    def __init__(self, ports: Mapping[int, int], root: Path) -> None:
        command = [sys.executable, "-m", "tests.faults.proxy", *(f"{port}:{to}" for port, to in ports.items())]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(
            command, cwd=root, stdin=pipe, stdout=pipe, text=True, bufsize=1, start_new_session=True
        )
        self._lock = threading.Lock()
        assert self._process.stdout is not None
        assert self._process.stdout.readline() == "open\n"

    def tell(self, order: Order) -> None:
        with self._lock:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(asdict(order)) + "\n")

    def close(self) -> None:
        for end in (self._process.stdin, self._process.stdout):
            assert end is not None
            end.close()
        self._process.wait(30)


if __name__ == "__main__":
    import uvloop

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(serve({int(pair.split(":")[0]): int(pair.split(":")[1]) for pair in sys.argv[1:]}))
