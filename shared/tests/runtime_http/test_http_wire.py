"""Clients that never come to the end of what they say, spoken to over a socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn

from baton.runtime.http.wire import HEAD_BYTES, HEAD_SECONDS, BoundedHttp

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"


class Hasty(BoundedHttp):
    """The same bounds, for the patience of a test."""

    head_seconds = 0.4
    leftover_seconds = 0.4


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers before it reads; `/slow` after a while."""
    if scope["path"] == "/slow":
        await asyncio.sleep(1.0)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
async def port() -> AsyncIterator[int]:
    config = uvicorn.Config(
        app, port=0, http=Hasty, log_config=None, lifespan="off", access_log=False, ws="none", timeout_keep_alive=3
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


async def say(port: int, *parts: bytes, every: float = 0.0, patience: float = 5.0) -> bytes:
    """Send the parts one after the other; what is answered until the server hangs up."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def trickle() -> None:
        for part in parts:
            writer.write(part)
            await asyncio.sleep(every)

    talking = asyncio.create_task(trickle())
    try:
        async with asyncio.timeout(patience):
            return await reader.read()
    except ConnectionResetError:
        return b"reset"
    finally:
        talking.cancel()
        writer.close()


async def test_a_client_that_says_a_byte_now_and_then_is_sent_away(port: int) -> None:
    answer = await say(port, *(bytes([byte]) for byte in GET), every=0.05)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"application/problem+json" in answer


async def test_a_client_that_says_nothing_or_only_empty_lines_is_sent_away(port: int) -> None:
    assert (await say(port)).startswith(b"HTTP/1.1 408 ")
    assert (await say(port, *([b"\r\n"] * 100), every=0.05)).startswith(b"HTTP/1.1 408 ")
    after_one = await say(port, GET + b"\r\n", *([b"\r\n"] * 100), every=0.05)
    assert after_one.count(b"HTTP/1.1 ") == 2
    assert b" 408 " in after_one


@pytest.mark.parametrize(
    "head",
    [
        GET + b"X: " + b"x" * HEAD_BYTES + b"\r\n\r\n",
        GET + b"X: " + b"x" * HEAD_BYTES,
        GET + b"".join(b"X-%d: y\r\n" % n for n in range(6000)) + b"\r\n",
        b"GET /" + b"a" * HEAD_BYTES + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /?" + b"a" * HEAD_BYTES,
    ],
)
async def test_a_head_that_is_too_large_is_refused(port: int, head: bytes) -> None:
    pieces = [head[at : at + 5000] for at in range(0, len(head), 5000)]
    assert (await say(port, *pieces)).startswith((b"HTTP/1.1 431 ", b"reset"))
    assert (await say(port, head)).startswith((b"HTTP/1.1 431 ", b"reset"))


async def test_what_is_no_http_is_a_400_that_tells_nothing(port: int) -> None:
    both = GET + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    tls, latin = b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n"
    later, bare = b"GET / HTTP/9.9\r\n\r\n", GET + b"X y\r\n\r\n"
    for noise in (both, tls, later, bare, latin):
        answer = await say(port, noise)
        assert answer.startswith(b"HTTP/1.1 400 "), noise
        assert answer.endswith(b'{"type":"about:blank","status":400,"title":"Bad Request"}')


async def test_a_body_nobody_asked_for_does_not_hold_the_connection(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n"
    answer = await say(port, head, *([b"x"] * 200), every=0.05)
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_head_of_ordinary_size_and_a_slow_answer_are_served(port: int) -> None:
    whole = GET + b"Cookie: " + b"c" * 16_000 + b"\r\n\r\n"
    assert (await say(port, whole[:9000], whole[9000:], every=0.05)).startswith(b"HTTP/1.1 200 ")
    # Two at once: the second is begun while the first is still answered, longer than a head may take.
    slow = b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n"
    both = await say(port, slow + GET, b"", b"Connection: close\r\n\r\n", every=0.3)
    assert both.count(b"HTTP/1.1 200 ") == 2


def test_the_bounds_of_production_leave_room() -> None:
    assert (BoundedHttp.head_seconds, BoundedHttp.head_bytes) == (HEAD_SECONDS, HEAD_BYTES) == (15.0, 32_768)
