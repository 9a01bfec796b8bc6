"""What every service answers, and how it says that something went wrong."""

from __future__ import annotations

import asyncio
import hashlib
import re
from datetime import timedelta
from typing import Annotated

import httpx
import orjson
import pytest
from fastapi import Depends, Request
from shared.tests.runtime_http.conftest import START, Open
from shared.tests.runtime_http.kiosk import Kiosk

from baton.runtime.clock import Clock
from baton.runtime.http import Principal, next_cursor, read_cursor, requires
from baton.runtime.http.app import combine, create_app
from baton.runtime.http.lean import LeanRoute
from baton.runtime.http.pages import STATIC, duration, instant, number, percent
from baton.runtime.http.problem import Problem


async def test_an_unexpected_failure_is_a_500_that_tells_nothing(
    client: httpx.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await client.get("/kiosk/v1/fail?how=bug", headers={"X-Request-ID": "abc-1"})
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert answer.json()["request_id"] == answer.headers["x-request-id"] == "abc-1"
    logged = "".join(capsys.readouterr())
    assert "RuntimeError" in logged
    assert "abc-1" in logged
    assert "ida@berg.example" not in answer.text + logged


async def test_not_now_is_a_503_that_says_when_to_try_again(client: httpx.AsyncClient) -> None:
    answer = await client.get("/kiosk/v1/fail?how=not_now")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert "db.internal" not in answer.text


async def test_a_refused_command_becomes_the_problem_it_names(client: httpx.AsyncClient) -> None:
    answer = await client.post("/kiosk/v1/notes", json={"text": "no"})
    assert answer.status_code == 409
    assert answer.json() == {
        "opens": "tomorrow", "type": "about:blank", "status": 409, "title": "Closed", "detail": "The kiosk is closed.",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/kiosk/nothing", 404), ("PUT", "/kiosk/v1/notes", 405)]
)
async def test_what_is_not_there_is_a_problem_too(
    client: httpx.AsyncClient, method: str, path: str, status: int
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_nul_in_a_url_is_refused_before_any_store_sees_it(client: httpx.AsyncClient) -> None:
    for url in ("/kiosk/v1/ledger?after=%00", "/kiosk/v1/parked/%00", "/kiosk/%00"):
        assert (await client.get(url)).status_code == 400


async def test_a_wrong_parameter_is_named(client: httpx.AsyncClient) -> None:
    answer = await client.get("/kiosk/v1/ledger?limit=many")
    assert (answer.status_code, [error["query"] for error in answer.json()["errors"]]) == (422, ["limit"])


async def test_every_answer_carries_safe_headers_and_an_id(client: httpx.AsyncClient) -> None:
    for path in ("/kiosk/healthz", "/kiosk/nothing", "/kiosk/login"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe-inline" not in headers["content-security-policy"]
        assert headers["cache-control"] == "no-store"
        assert re.fullmatch("[0-9a-f]{32}", headers["x-request-id"])
    assert (await client.get("/kiosk/healthz", headers={"X-Request-ID": "a b\tc"})).headers["x-request-id"] != "a b\tc"


async def test_readiness_gives_a_reason_for_each_dependency(open_kiosk: Open) -> None:
    async with open_kiosk() as (client, engine):
        while (answer := await client.get("/kiosk/readyz")).status_code != 200:
            await asyncio.sleep(0.02)
        assert answer.json()["checks"]["store"] == {"ok": True, "reason": None}
        assert 'baton_ready{dependency="store"} 1.0' in (await client.get("/kiosk/metrics")).text
        assert isinstance(engine.service, Kiosk)
        engine.begin_to_stop()
        answer = await client.get("/kiosk/readyz")
        scraped = (await client.get("/kiosk/metrics")).text
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    assert answer.json()["checks"]["process"] == {"ok": False, "reason": "stopping"}
    assert 'baton_ready{dependency="process"} 0.0' in scraped
    assert 'baton_ready{dependency="store"} 1.0' in scraped


async def test_a_refused_playbook_is_told_but_takes_nobody_out_of_service(open_kiosk: Open) -> None:
    async with open_kiosk() as (client, engine):
        while (await client.get("/kiosk/readyz")).status_code != 200:
            await asyncio.sleep(0.02)
        assert isinstance(engine.service, Kiosk)
        engine.service.ill["playbook"] = "scoring.yaml:3:1: unknown field"
        answer = await client.get("/kiosk/readyz")
        engine._tell_concerns()
        told = (await client.get("/kiosk/metrics")).text
        engine.service.ill.clear()
        engine._tell_concerns()
        settled = (await client.get("/kiosk/metrics")).text
    assert (answer.status_code, answer.json()["ready"]) == (200, True)
    assert answer.json()["checks"]["playbook"] == {"ok": False, "reason": "scoring.yaml:3:1: unknown field"}
    assert 'baton_concerns{about="playbook"} 1.0' in told
    assert 'baton_concerns{about="playbook"} 0.0' in settled


async def test_a_store_whose_clock_is_apart_is_a_concern(open_kiosk: Open) -> None:
    async with open_kiosk() as (_, engine):
        engine.clock = Clock()  # one that runs
        engine.lanes.seen = (engine.clock.now(), engine.clock.monotonic())
        assert "clock" not in engine.concerns()
        engine.lanes.seen = (engine.clock.now() - timedelta(hours=2), engine.clock.monotonic())
        assert engine.concerns()["clock"] == "the store's clock and this machine's are -7200 s apart"


async def test_the_ledger_counts_and_lists_page_by_page(client: httpx.AsyncClient) -> None:
    counted = (await client.get("/kiosk/v1/ledger")).json()
    assert counted["counts"] == {"notes": 2}
    assert "leads" not in counted
    first = (await client.get("/kiosk/v1/ledger?ids=1&limit=2")).json()
    second = (await client.get(f"/kiosk/v1/ledger?ids=1&limit=2&after={first['next']}")).json()
    assert [lead["lead_id"] for lead in first["leads"] + second["leads"]] == ["a", "b", "c"]
    assert second["next"] is None


async def test_facts_can_be_followed_without_kafka(client: httpx.AsyncClient) -> None:
    for text in ("one", "two"):
        await client.post("/kiosk/v1/notes", json={"text": text})
    lines: list[dict[str, object]] = []
    while len(lines) < 2:
        after = {"after": str(lines[-1]["cursor"])} if lines else {}
        answer = await client.get("/kiosk/v1/events", params={"limit": 1, "wait": 5, **after})
        assert answer.headers["content-type"] == "application/x-ndjson"
        lines += [orjson.loads(line) for line in answer.content.splitlines()]
    assert [line["data"] for line in lines] == [{"text": "one"}, {"text": "two"}]
    assert lines[0]["type"] == "note.noted"
    nothing = await client.get("/kiosk/v1/events", params={"after": str(lines[-1]["cursor"]), "wait": 0})
    assert (nothing.status_code, nothing.content) == (200, b"")
    assert (await client.get("/kiosk/v1/events?after=nonsense")).status_code == 400


async def test_what_is_not_parked_cannot_be_replayed(client: httpx.AsyncClient) -> None:
    assert (await client.get("/kiosk/v1/parked")).json() == {"parked": [], "next": None}
    for method, path in (("GET", "7"), ("POST", "7/replay")):
        assert (await client.request(method, "/kiosk/v1/parked/" + path.replace("7", str(2**70)))).status_code == 422
        assert (await client.request(method, f"/kiosk/v1/parked/{path}")).status_code == 404
    assert (await client.post("/kiosk/v1/parked/7/discard", json={"reason": "a duplicate"})).status_code == 404
    assert (await client.post("/kiosk/v1/parked/7/discard", json={})).status_code == 422


async def test_the_description_of_the_api_names_every_status_with_problem_details_and_nothing_that_is_never_sent(
    client: httpx.AsyncClient,
) -> None:
    document = (await client.get("/kiosk/openapi.json")).json()
    taking = document["paths"]["/kiosk/v1/notes"]["post"]
    assert sorted(taking["responses"]) == [
        "200", "400", "401", "403", "408", "413", "415", "421", "422", "503",
    ]  # fmt: skip
    for operation in (one for path in document["paths"].values() for one in path.values()):
        assert "default" not in operation["responses"]
        for status, answer in operation["responses"].items():
            assert (
                int(status) < 400
                or "application/json" in answer.get("content", {})
                or answer["content"]
                == {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
            )
    assert "HTTPValidationError" not in str(document)
    answer = await client.get("/kiosk/v1/ledger?limit=many")
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json().keys() >= set(document["components"]["schemas"]["Problem"]["required"])


async def test_the_description_of_the_api_says_who_may_call(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/kiosk/openapi.json")).json()["paths"]
    assert paths["/kiosk/healthz"]["get"]["security"] == []
    assert paths["/kiosk/v1/notes"]["post"]["security"] == [{"bearer": []}]
    assert "Scope: `sales:write`." in paths["/kiosk/v1/notes"]["post"]["description"]


async def test_the_description_of_the_api_is_whole_and_needs_no_network(client: httpx.AsyncClient) -> None:
    document = (await client.get("/kiosk/openapi.json")).json()
    schema = document["paths"]["/kiosk/v1/notes"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert schema["properties"]["inner"]["anyOf"][0] == {"$ref": "#/components/schemas/Inner"}
    assert document["components"]["schemas"]["Inner"]["required"] == ["size"]
    assert "x-baton-defs" not in str(document)
    page = (await client.get("/kiosk/docs")).text
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert sources
    assert all(source.startswith(("/", "#")) for source in sources)
    for source in sources:
        if "/static/" in source:
            answer = await client.get(source)
            assert (answer.status_code, answer.headers["cache-control"]) == (200, "public, max-age=3600")


def test_the_vendored_files_are_the_ones_that_were_checked() -> None:
    folder = STATIC / "swagger-ui"
    listed = {
        name: digest
        for digest, name in re.findall(r"^([0-9a-f]{64})  (\S+)$", (folder / "VERSION").read_text(), re.MULTILINE)
    }
    assert {path.name for path in folder.iterdir()} == {"VERSION", *listed}
    for name, digest in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest, name


async def test_services_under_one_port_are_told_apart_by_their_first_segment(open_kiosk: Open) -> None:
    async with open_kiosk() as (_, engine):
        transport = httpx.ASGITransport(app=combine({"kiosk": create_app(engine)}))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            assert (await client.get("/kiosk/healthz")).json()["service"] == "kiosk"
            assert (await client.get("/")).headers["location"] == "/reporting/"
            answer = await client.get("/kiosks/healthz")
            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_cursor_comes_back_as_it_went() -> None:
    assert read_cursor(next_cursor("2026-01-01", 7), (str, int)) == ("2026-01-01", 7)


@pytest.mark.parametrize("cursor", ["", "x", "é", next_cursor(1), next_cursor("a", "b"), "bnVsbA"])
def test_a_cursor_that_is_none_of_ours_is_refused(cursor: str) -> None:
    with pytest.raises(Problem) as refused:
        read_cursor(cursor, (str, int))
    assert refused.value.status == 400


def test_figures_read_like_words() -> None:
    assert [duration(s) for s in (0.25, 45, 125, 7500, 100_000, None)] == [
        "250 ms", "45 s", "2 min 5 s", "2 h 5 min", "1 d 3 h", "–",
    ]  # fmt: skip
    assert (percent(0.1234), percent(None)) == ("12.3 %", "–")
    assert (number(1234567), number(2.5)) == ("1\u202f234\u202f567", "2.5")
    assert str(instant(START)) == '<time datetime="2026-11-02T09:00:00Z" data-instant>2026-11-02 09:00 UTC</time>'


def test_a_lean_route_takes_the_request_and_who_asks_and_nothing_else() -> None:
    async def with_more(request: Request, who: Annotated[Principal, Depends(requires("admin"))], page: int) -> None: ...

    async def for_everybody(request: Request) -> None: ...

    for endpoint in (with_more, for_everybody):
        with pytest.raises(TypeError, match="/x takes more than the request and who asks"):
            LeanRoute("/x", endpoint)
