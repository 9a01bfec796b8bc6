"""Every route of all five services, asked by nobody, by a stranger, by somebody with too little, and by a browser.

The routes come from the applications themselves, so that none can be forgotten.
"""

from __future__ import annotations

import re
from urllib.parse import quote

import httpx
import pytest

from baton.runtime.http.access import COOKIE
from tests.doors.house import SCOPES, House, Route, bearer, token_with

pytestmark = pytest.mark.asyncio(loop_scope="session")

OPEN = {
    "GET embed/{rep_id}",  # by its signed link
    "GET healthz", "GET readyz", "GET metrics", "GET openapi.json", "GET docs", "GET login", "POST login",
    "POST logout",
    *(f"{method} v1/hooks/{{source}}" for method in ("GET", "OPTIONS", "PATCH", "POST", "PUT")),
}  # fmt: skip
"""Open to everybody; metrics decides by itself, hooks by their signature, login and logout by the page they come from.
A new one is added here on purpose or not at all."""
READ_BY_POST = {
    "/intake/v1/leads/search", "/scoring/v1/preview", "/routing/v1/preview", "/scoring/v1/definition/read",
    "/routing/v1/reps/{rep_id}/link",
}  # fmt: skip
"""Posts that change nothing which others see: what they ask does not belong into a URL. Reading is enough for them."""
WRITING = {"intake:write", "sales:write", "admin"}
HTML = {"Accept": "text/html"}
OURS = {"Sec-Fetch-Site": "same-origin"}


def guarded(house: House) -> list[Route]:
    return [route for route in house.routes() if route.needs is not None]


async def ask(house: House, route: Route, headers: dict[str, str] | None = None) -> httpx.Response:
    house.client.cookies.clear()
    query = {"wait": "0"} if route.path.endswith("/events") else {}
    return await house.client.request(route.method, route.url, headers=headers or {}, params=query)


async def test_every_route_that_asks_for_nothing_is_meant_to_be_open(house: House) -> None:
    assert {f"{route.method} {route.path.split('/', 2)[2]}" for route in house.routes() if not route.needs} == OPEN
    assert house.mounts() == {f"/{service}/static" for service in house.apps}
    assert len(guarded(house)) > 60  # the walk sees the routes of the routers within


async def test_what_changes_something_asks_for_more_than_reading(house: House) -> None:
    for route in guarded(house):
        assert route.needs
        if route.method != "GET" and route.path not in READ_BY_POST:
            assert set(route.needs.scopes) <= WRITING, str(route)
        else:
            assert not set(route.needs.scopes) & (WRITING - {"admin"}), str(route)


async def test_without_a_token_nobody_gets_in_anywhere(house: House) -> None:
    for route in guarded(house):
        answer = await ask(house, route)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json"), str(route)
        assert answer.headers["www-authenticate"] == 'Bearer realm="baton"', str(route)


@pytest.mark.parametrize(
    "wrong",
    [
        "Bearer not-a-token", "Bearer ", "Bearer", "Basic YWRtaW46YWRtaW4=", token_with("admin"), "",
        "Bearer " + token_with("admin")[:-1], "Bearer " + token_with("admin").upper(), "Bearer \xe9\xff",
        "Bearer " + "x" * 5000,
    ],
)  # fmt: skip
async def test_with_a_wrong_token_nobody_gets_in_anywhere(house: House, wrong: str) -> None:
    for route in guarded(house):
        house.client.cookies.clear()
        answer = await house.client.request(
            route.method, route.url, headers=[(b"authorization", wrong.encode("latin-1"))]
        )  # type: ignore[list-item]
        assert answer.status_code == 401, str(route)
        assert "not-a-token" not in answer.text


async def test_with_too_narrow_a_token_nobody_gets_in_anywhere(house: House) -> None:
    for route in guarded(house):
        assert route.needs
        for scope in set(SCOPES) - set(route.needs.scopes) - {"admin"}:
            answer = await ask(house, route, bearer(scope))
            assert answer.status_code == 403, f"{route} with {scope}"
            assert 'error="insufficient_scope"' in answer.headers["www-authenticate"], str(route)
        assert (await ask(house, route, bearer())).status_code == 403, f"{route} with no scope at all"


async def test_the_scope_a_route_names_is_enough_for_it(house: House) -> None:
    for route in guarded(house):
        assert route.needs
        answer = await ask(house, route, bearer(route.needs.scopes[0]))
        assert answer.status_code not in {401, 403, 405}, str(route)
        assert answer.status_code < 500, f"{route}: {answer.text}"


async def test_a_browser_without_a_cookie_is_sent_to_the_login_page_and_back(house: House) -> None:
    for route in guarded(house):
        answer = await ask(house, route, HTML)
        if route.method == "GET":
            where = f"/{route.service}/login?next={quote(route.url, safe='')}"
            assert (answer.status_code, answer.headers["location"].removesuffix("%3Fwait%3D0")) == (303, where), str(
                route
            )
        else:
            assert answer.status_code == 401, str(route)


async def test_a_forged_or_foreign_cookie_opens_nothing(house: House) -> None:
    cookie = await cookie_of(house, "admin")
    forged = [
        cookie[:-2] + ("AA" if cookie[-2:] != "AA" else "BB"),
        cookie.replace(".", ".9", 1),
        "x",
        "..",
        "\xb2.\xb2.\xb2",
    ]
    for route in guarded(house):
        for value in forged:
            answer = await ask(house, route, {"Cookie": f"{COOKIE}={value}".encode("latin-1")} | OURS)  # type: ignore[dict-item]
            assert answer.status_code == 401, f"{route} with {value!r}"


async def test_a_browser_writes_from_our_own_pages_only(house: House) -> None:
    cookie = {"Cookie": f"{COOKIE}={await cookie_of(house, 'admin')}"}
    foreign = ({}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "none"},
               {"Origin": "https://evil.example"}, {"Origin": "null"}, {"Origin": "http://localhost:8001"})  # fmt: skip
    for route in guarded(house):
        for headers in foreign:
            answer = await ask(house, route, cookie | headers)
            assert (answer.status_code == 403) == (route.method != "GET"), f"{route} from {headers}"


async def test_login_and_logout_take_forms_of_our_own_pages_only(house: House) -> None:
    for service in house.apps:
        for path in (f"/{service}/login", f"/{service}/logout"):
            for headers in ({}, {"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
                answer = await house.client.post(path, content=f"token={token_with('admin')}", headers=headers)
                assert (answer.status_code, "set-cookie" in answer.headers) == (403, False), f"{path} from {headers}"


async def test_a_foreign_name_in_host_reaches_nothing_but_the_probes(house: House) -> None:
    probes = re.compile(r"/[a-z-]+/(healthz|readyz|metrics)")
    for route in house.routes():
        for host in ("evil.example", "localhost.evil.example", "evil.example:8000", "", "[::1", "a b"):
            answer = await ask(house, route, {"Host": host} | bearer("admin"))
            assert (answer.status_code == 421) == (probes.fullmatch(route.path) is None), f"{route} at {host!r}"


async def test_metrics_are_for_scrapers_with_a_token_and_for_nobody_else_from_afar(house: House) -> None:
    for service in house.apps:
        url = f"/{service}/metrics"
        assert (await house.client.get(url)).status_code == 401
        assert (await house.client.get(url, headers=bearer("leads:read"))).status_code == 403
        assert (await house.client.get(url, headers=bearer("metrics"))).status_code == 200


async def test_a_webhook_is_taken_by_its_signature_alone(house: House) -> None:
    answer = await house.client.post("/intake/v1/hooks/nobody", headers=bearer("admin"), content=b"{}")
    assert answer.status_code == 404
    answer = await house.client.post("/intake/v1/hooks/website", headers=bearer("admin"), content=b"{}")
    assert answer.status_code in {401, 404, 503}


async def test_every_answer_carries_the_headers_that_protect_browsers(house: House) -> None:
    for route in house.routes():
        for headers in ({}, HTML, bearer("admin")):
            answer = await ask(house, route, headers)
            assert answer.headers["x-content-type-options"] == "nosniff", str(route)
            assert answer.headers["referrer-policy"] == "same-origin", str(route)
            assert answer.headers["cross-origin-resource-policy"] == "same-origin", str(route)
            assert "default-src 'none'" in (csp := answer.headers["content-security-policy"]), str(route)
            assert "frame-ancestors 'none'" in csp, str(route)
            assert "script-src 'self';" in csp, str(route)
            assert answer.headers["cache-control"] == "no-store", str(route)
            assert "server" not in answer.headers, str(route)
            assert "access-control-allow-origin" not in answer.headers, str(route)


async def cookie_of(house: House, *scopes: str) -> str:
    answer = await house.client.post("/reporting/login", content=f"token={token_with(*scopes)}", headers=OURS)
    house.client.cookies.clear()
    assert answer.status_code == 303
    found = re.match(rf"{COOKIE}=([^;]+);", answer.headers["set-cookie"])
    assert found
    return found[1]
