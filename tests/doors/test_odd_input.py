"""Odd requests that machines do not think of by chance: each gets a 4xx or what it asked for, never a 5xx."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.doors.house import House, bearer

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.slow]

ODD = [
    "%00", "a%00b", "%FF", "%C3%28", "%ED%A0%80", "%E2%80%AE", "..%2F..%2Fetc", "%2e%2e", "%0D%0AX-Evil:%201",
    "'%22%3B--", "9" * 30, "-1", "1e400", "NaN", "null", "[]", "%7B%7B7*7%7D%7D", "x" * 5000, "%F0%9F%A6%86", "%",
]  # fmt: skip
FIRST, LAST = "0001-01-01T00:00:00", "9999-12-31T23:59:59.999999"
EDGES = [f"{FIRST}Z", f"{FIRST}+23:59", f"{LAST}Z", f"{LAST}-23:59"]


async def test_odd_text_in_every_gap_of_every_path(house: House) -> None:
    house.client.cookies.clear()
    for route in house.routes():
        gaps = route.path.count("{")
        for odd in ODD if gaps else ():
            url = "/".join(odd if part.startswith("{") else part for part in route.path.split("/"))
            answer = await house.client.request(route.method, url, headers=bearer("admin"))
            assert answer.status_code < 500, f"{route} with {odd}: {answer.text}"


async def test_odd_text_in_every_parameter_of_every_query(house: House) -> None:
    house.client.cookies.clear()
    for service in house.apps:
        document = (await house.client.get(f"/{service}/openapi.json")).json()
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                named = [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]
                for name, odd in itertools.product(named, ODD):
                    wait = "&wait=0" if path.endswith("/events") and name != "wait" else ""
                    url = f"{path.replace('{lead_id}', 'x').replace('{rep_id}', 'maja')}?{name}={odd}{wait}"
                    if "{" not in url and not url.endswith("wait=" + odd):
                        answer = await house.client.request(method, url, headers=bearer("admin"))
                        assert answer.status_code < 500, f"{method} {url}: {answer.text}"


async def test_pages_take_odd_queries_too(house: House) -> None:
    for route in (route for route in house.routes() if route.is_page and route.method == "GET"):
        for name, odd in itertools.product(("after", "team", "source", "next", "ticket", "period"), ODD[::4]):
            answer = await house.client.get(f"{route.url}?{name}={odd}", headers=bearer("admin"))
            assert answer.status_code < 500, f"{route}?{name}={odd}: {answer.text}"
            assert "X-Evil" not in answer.headers


@pytest.mark.parametrize("starts_at", EDGES)
@pytest.mark.parametrize("ends_at", EDGES)
async def test_times_at_the_edges_of_the_calendar(house: House, starts_at: str, ends_at: str) -> None:
    off = {"starts_at": starts_at, "ends_at": ends_at}
    rep = {"name": "Zoe", "zone": "Pacific/Kiritimati", "calendar": "berlin", "time_off": [off]}
    asked: list[tuple[str, str, Any]] = [
        ("POST", "/routing/v1/reps/maja/time-off", off),
        ("PUT", "/routing/v1/reps/zoe", rep),
        ("POST", "/routing/v1/preview", {"occurred_at": starts_at}),
        ("POST", "/scoring/v1/preview", {"activity": [{"kind": "form", "occurred_at": ends_at}]}),
        *(("POST", f"/{service}/v1/republish", {"since": starts_at}) for service in ("intake", "routing")),
    ]
    for method, path, body in asked:
        answer = await house.client.request(method, path, json=body, headers=bearer("admin"))
        assert answer.status_code < 500, f"{method} {path}: {answer.text}"


async def test_deep_and_huge_bodies(house: House) -> None:
    deep = b'{"a":' * 20_000 + b"1" + b"}" * 20_000
    wide = b'{"contact":{"email":"' + b"x" * 1_100_000 + b'"}}'
    many = b"[" + b"0," * 20_000 + b"0]"
    twice = b'{"contact":{},"contact":7}'
    for route in (route for route in house.routes() if route.method in {"POST", "PUT"} and not route.is_page):
        for body in (deep, wide, many, twice, b"", b"\xff\xfe", b'"\\ud800"', b"1" * 5000, b'{"a": 1e999}', b"\x00"):
            headers = {**bearer("admin"), "Content-Type": "application/json"}
            answer = await house.client.request(route.method, route.url, content=body, headers=headers)
            allowed = {503} if "/hooks/" in route.path else set()
            assert answer.status_code < 500 or answer.status_code in allowed, f"{route} {body[:20]!r}: {answer.text}"
