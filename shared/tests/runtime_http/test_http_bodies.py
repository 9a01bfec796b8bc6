"""Bad bodies get a clear answer, and never a 5xx."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from shared.tests.runtime_http.kiosk import LIMIT

JSON = {"Content-Type": "application/json"}


async def post(client: httpx.AsyncClient, content: bytes, **headers: str) -> httpx.Response:
    return await client.post("/kiosk/v1/notes", content=content, headers=JSON | headers)


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b"\xff\xfe", b'{"text": "a"} x', b'{"text": NaN}', b'{"text":"x","anything":Infinity}',
        b'{"text":"x","anything":1e999}', b'{"text":"x","anything":123456789012345678901234567890}',
        b'{"text":"\\ud800"}', b'{"text":"\\u0000"}', b'{"text":"x","anything":["a",{"b\\u0000":1}]}',
        b'{"text":"x","anything":' + b"[" * 400 + b"]" * 400 + b"}",
    ],
)  # fmt: skip
async def test_what_is_not_json_or_cannot_be_kept_is_refused_with_400(client: httpx.AsyncClient, raw: bytes) -> None:
    answer = await post(client, raw)
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/problem+json")
    assert answer.json()["title"] == "Not JSON"


@pytest.mark.parametrize(
    "raw",
    [
        b'{"text":"NaN and Infinity, 1e999"}',
        b'{"text":"a literal \\\\u0000"}',
        b'{"text":"x","anything":9223372036854775807}',
        b'{"text":"x","anything":1.5e100}',
    ],
)
async def test_what_only_looks_suspicious_is_taken(client: httpx.AsyncClient, raw: bytes) -> None:
    assert (await post(client, raw)).status_code == 200


async def test_each_fault_is_named_with_a_pointer_and_without_the_value(client: httpx.AsyncClient) -> None:
    answer = await post(client, b'{"text": 5, "loud": "yes", "inner": {"size": false}, "secret/x": "ida@berg.example"}')
    assert answer.status_code == 422
    assert {error["pointer"] for error in answer.json()["errors"]} == {
        "#/text",
        "#/loud",
        "#/inner/size",
        "#/secret~1x",
    }
    assert "ida@berg.example" not in answer.text


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1", ""]
)
async def test_another_media_type_is_refused_with_415(client: httpx.AsyncClient, kind: str) -> None:
    answer = await post(client, b'{"text":"a"}', **{"Content-Type": kind})
    assert (answer.status_code, answer.headers["accept"]) == (415, "application/json")


@pytest.mark.parametrize("kind", ["application/json; charset=UTF-8", "application/cloudevents+json"])
async def test_json_by_another_name_is_taken(client: httpx.AsyncClient, kind: str) -> None:
    assert (await post(client, b'{"text":"a"}', **{"Content-Type": kind})).status_code == 200


async def test_a_compressed_body_is_refused_with_415(client: httpx.AsyncClient) -> None:
    answer = await post(client, b"\x1f\x8b", **{"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "identity")


async def test_a_body_above_the_limit_is_refused_by_its_declared_length(client: httpx.AsyncClient) -> None:
    answer = await post(client, b'{"text":"' + b"a" * LIMIT + b'"}')
    assert (answer.status_code, answer.json()["limit"]) == (413, LIMIT)


async def test_a_body_above_the_limit_is_refused_while_it_comes_in(client: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 500
            yield b"a" * 500

    answer = await client.post("/kiosk/v1/notes", content=endless(), headers=JSON)
    assert answer.status_code == 413


async def test_a_body_that_trickles_is_given_up_with_408(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from baton.runtime.http import bodies

    monkeypatch.setattr(bodies.read_body, "__kwdefaults__", {**bodies.read_body.__kwdefaults__, "seconds": 0.05})

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(2)
        yield b"}"

    answer = await client.post("/kiosk/v1/notes", content=slow(), headers=JSON)
    assert answer.status_code == 408
