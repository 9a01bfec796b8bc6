"""Who gets in: tokens, scopes, cookies, links, hosts and origins."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from shared.tests.runtime_http.conftest import START, Open, token_entry

from baton.runtime.clock import FixedClock
from baton.runtime.http import ensure_admin_token, login_link
from baton.runtime.http.tokens import TokensUnreadable, load_keyring
from baton.runtime.settings import Settings

NOTE = {"text": "hello"}


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def link_of(home: Path, clock: FixedClock, service: str = "kiosk") -> str:
    """The path of a one-time link."""
    link = urlsplit(login_link(Settings(home=home), ensure_admin_token(home), clock.now(), service, "/kiosk/v1/page"))
    return f"{link.path}?{link.query}"


async def test_a_token_opens_what_its_scopes_name_and_nothing_else(open_kiosk: Open, tmp_path: Path) -> None:
    tokens = tmp_path / "tokens.yaml"
    tokens.write_text(token_entry("reader", "leads:read") + token_entry("boss", "admin"))
    async with open_kiosk(tokens=tokens, bus="kafka://nowhere:9092", database_url=None) as (client, _):
        assert (await client.get("/kiosk/v1/page")).status_code == 401
        assert (await client.get("/kiosk/v1/page", headers=bearer("wrong"))).status_code == 401
        assert (await client.get("/kiosk/v1/page", headers={"Authorization": "Basic reader"})).status_code == 401
        assert (await client.get("/kiosk/v1/page", headers=bearer("reader"))).json() == {"for": "reader"}
        refused = await client.post("/kiosk/v1/notes", json=NOTE, headers=bearer("reader"))
        assert (refused.status_code, 'scope="sales:write"' in refused.headers["www-authenticate"]) == (403, True)
        assert (await client.post("/kiosk/v1/notes", json=NOTE, headers=bearer("boss"))).json()["by"] == "boss"


async def test_a_request_without_a_token_is_told_how_to_send_one(open_kiosk: Open) -> None:
    async with open_kiosk() as (client, _):
        answer = await client.get("/kiosk/v1/ledger")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="baton"')


async def test_every_route_but_the_open_ones_asks_who_is_there(open_kiosk: Open) -> None:
    open_routes = {"/kiosk/healthz", "/kiosk/readyz", "/kiosk/metrics", "/kiosk/v1/fail"}
    async with open_kiosk() as (client, _):
        document = (await client.get("/kiosk/openapi.json")).json()
        for path, operations in document["paths"].items():
            for method in operations:
                answer = await client.request(method, path.replace("{parked_id}", "1"))
                assert (answer.status_code == 401) == (path not in open_routes), (method, path)


def test_the_admin_token_is_made_once_and_can_be_read_by_its_owner_only(tmp_path: Path) -> None:
    first = ensure_admin_token(tmp_path / "var")
    assert ensure_admin_token(tmp_path / "var") == first
    assert stat.S_IMODE((tmp_path / "var" / "token").stat().st_mode) == 0o600
    assert len(first) > 40


@pytest.mark.parametrize(
    "text",
    ["- {name: a}", "just words", "- {name: a, sha256: abc, scopes: []}", token_entry("a", "everything"), "- [", ""],
)
def test_a_tokens_file_that_is_wrong_is_refused_by_name(tmp_path: Path, text: str) -> None:
    tokens = tmp_path / "tokens.yaml"
    tokens.write_text(text)
    if not text:
        assert load_keyring(Settings(tokens=tokens, home=tmp_path)).tokens == ()
        return
    with pytest.raises(TokensUnreadable, match=r"tokens\.yaml"):
        load_keyring(Settings(tokens=tokens, home=tmp_path))


async def test_a_link_logs_a_browser_in_once(
    open_kiosk: Open, admin: dict[str, str], tmp_path: Path, clock: FixedClock
) -> None:
    link = link_of(tmp_path, clock)
    async with open_kiosk() as (client, _):
        answer = await client.get(link)
        assert (answer.status_code, answer.headers["location"]) == (303, "/kiosk/v1/page")
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Secure" not in cookie
        assert (await client.get("/kiosk/v1/page")).json() == {"for": "admin"}
        client.cookies.clear()
        assert (await client.get(link)).status_code == 403
        assert (await client.get("/kiosk/v1/page")).status_code == 401


async def test_a_link_ends_after_a_quarter_of_an_hour_and_opens_one_service_only(
    open_kiosk: Open, admin: dict[str, str], tmp_path: Path, clock: FixedClock
) -> None:
    old, foreign = link_of(tmp_path, clock), link_of(tmp_path, clock, "reporting")
    async with open_kiosk() as (client, _):
        assert (await client.get(foreign.replace("/reporting/", "/kiosk/", 1))).status_code == 403
        clock.advance(timedelta(minutes=16))
        assert (await client.get(old)).status_code == 403


async def test_a_cookie_ends_with_the_day_and_with_its_token(
    open_kiosk: Open, admin: dict[str, str], tmp_path: Path, clock: FixedClock
) -> None:
    async with open_kiosk() as (client, _):
        await client.get(link_of(tmp_path, clock))
        kept = client.cookies["baton"]
        clock.advance(timedelta(hours=13))
        assert (await client.get("/kiosk/v1/page")).status_code == 401
    (tmp_path / "token").unlink()
    ensure_admin_token(tmp_path)
    clock.jump_to(START)
    async with open_kiosk() as (client, _):
        client.cookies.set("baton", kept)
        assert (await client.get("/kiosk/v1/page")).status_code == 401


async def test_a_cookie_is_secure_where_browsers_come_by_https(
    open_kiosk: Open, admin: dict[str, str], tmp_path: Path, clock: FixedClock
) -> None:
    async with open_kiosk(public_url="https://baton.example") as (client, _):
        assert "Secure" in (await client.get(link_of(tmp_path, clock))).headers["set-cookie"]


async def test_a_token_can_be_pasted_on_the_login_page(open_kiosk: Open, tmp_path: Path) -> None:
    secret = ensure_admin_token(tmp_path)
    ours = {"Origin": "http://localhost:8000"}
    async with open_kiosk() as (client, _):
        assert 'name="token"' in (await client.get("/kiosk/login?next=/kiosk/v1/page")).text
        wrong = await client.post("/kiosk/login", data={"token": "nonsense"}, headers=ours)
        assert (wrong.status_code, "not known" in wrong.text) == (403, True)
        right = await client.post("/kiosk/login", data={"token": secret, "next": "/kiosk/v1/page"}, headers=ours)
        assert (right.status_code, right.headers["location"]) == (303, "/kiosk/v1/page")
        assert (await client.get("/kiosk/v1/page")).status_code == 200
        await client.post("/kiosk/logout", headers=ours)
        assert (await client.get("/kiosk/v1/page")).status_code == 401


@pytest.mark.parametrize("away", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
async def test_logging_in_never_leads_to_another_site(open_kiosk: Open, tmp_path: Path, away: str) -> None:
    form = {"token": ensure_admin_token(tmp_path), "next": away}
    async with open_kiosk() as (client, _):
        answer = await client.post("/kiosk/login", data=form, headers={"Origin": "http://localhost:8000"})
        assert answer.headers["location"] == "/kiosk/"


async def test_a_browser_without_a_cookie_is_sent_to_log_in_and_back(open_kiosk: Open) -> None:
    async with open_kiosk() as (client, _):
        answer = await client.get("/kiosk/v1/page?x=1", headers={"Accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/kiosk/login?next=%2Fkiosk%2Fv1%2Fpage%3Fx%3D1")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:8000"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://localhost:8000"}, 200),
        ({"Origin": "http://localhost:9999"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
    ],
)
async def test_a_browser_writes_only_from_our_own_pages(
    open_kiosk: Open, admin: dict[str, str], tmp_path: Path, clock: FixedClock, headers: dict[str, str], status: int
) -> None:
    async with open_kiosk() as (client, _):
        await client.get(link_of(tmp_path, clock))
        assert (await client.post("/kiosk/v1/notes", json=NOTE, headers=headers)).status_code == status


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200), ("127.0.0.1:8000", 200), ("[::1]:8000", 200), ("10.0.0.7", 200),
        ("baton.example", 200), ("kiosk.internal:8000", 200),
        ("evil.example", 421), ("localhost.evil.example", 421), ("", 421),
    ],
)  # fmt: skip
async def test_a_request_must_name_a_host_of_ours(
    open_kiosk: Open, admin: dict[str, str], host: str, status: int
) -> None:
    more = {"public_url": "https://baton.example/", "allowed_hosts": "kiosk.internal, other"}
    async with open_kiosk(**more) as (client, _):
        assert (await client.get("/kiosk/v1/page", headers=admin | {"Host": host})).status_code == status
        assert (await client.get("/kiosk/healthz", headers={"Host": host})).status_code == 200


async def test_metrics_are_open_on_this_machine_and_ask_for_a_token_elsewhere(
    open_kiosk: Open, admin: dict[str, str], tmp_path: Path
) -> None:
    tokens = tmp_path / "tokens.yaml"
    tokens.write_text(token_entry("prometheus", "metrics"))
    async with open_kiosk() as (client, _):
        assert "baton_build_info" in (await client.get("/kiosk/metrics")).text
        assert (await client.get("/kiosk/metrics", headers={"Host": "evil.example"})).status_code == 401
    async with open_kiosk(peer="192.0.2.7", tokens=tokens) as (client, _):
        assert (await client.get("/kiosk/metrics")).status_code == 401
        assert (await client.get("/kiosk/metrics", headers=bearer("prometheus"))).status_code == 200
    async with open_kiosk(public_url="https://baton.example") as (client, _):
        assert (await client.get("/kiosk/metrics")).status_code == 401
