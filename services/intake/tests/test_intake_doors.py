"""Doors beside POST: challenges, probes, queries, and where browsers are sent afterwards."""

from __future__ import annotations

import hmac
from typing import Any
from urllib.parse import urlencode

import pytest
from services.intake.tests.platforms import FORM, JSON, SECRETS, request_of, signed
from services.intake.tests.posting import NOW

from baton.intake.domain.handshakes import linkedin
from baton.intake.domain.redirects import is_allowed

CODE = "890e4665-4dfe-4ab1-b689-ed553bceeed0"
PAGE = "/intake/v1/hooks/"


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.values():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("VERIFY", "verify-me")


def with_handshake(desk: Any, kind: str, **more: Any) -> None:
    def change(sources: dict[str, Any]) -> None:
        source = next(one for one in sources["sources"] if one["id"] == "typeform")
        source["handshake"] = {"kind": kind, **more}

    desk.change_sources(change)


@pytest.mark.usefixtures("secrets")
async def test_metas_challenge_is_echoed_to_whoever_knows_the_token(desk: Any) -> None:
    with_handshake(desk, "meta", verify_token={"env": "VERIFY"})

    async def asked(**query: str) -> Any:
        return await desk.client.get(f"{PAGE}typeform?{urlencode({f'hub.{name}': v for name, v in query.items()})}")

    met = await asked(mode="subscribe", challenge="1158201444", verify_token="verify-me")
    assert (met.status_code, met.text) == (200, "1158201444")
    assert met.headers["Content-Type"].startswith("text/plain")
    assert (await asked(mode="subscribe", challenge="1158201444", verify_token="verify-m")).status_code == 403
    assert (await asked(mode="subscribe", challenge="1158201444")).status_code == 403
    assert (await asked(mode="unsubscribe", challenge="1", verify_token="verify-me")).status_code == 403
    assert (await asked(mode="subscribe", challenge="<script>", verify_token="verify-me")).status_code == 403
    assert desk.metric("baton_intake_handshakes_total", source="typeform", outcome="met") == 1
    assert desk.metric("baton_intake_handshakes_total", source="typeform", outcome="refused") == 4


@pytest.mark.usefixtures("secrets")
async def test_linkedins_challenge_is_signed_and_nothing_else_is(desk: Any) -> None:
    with_handshake(desk, "linkedin")
    answer = await desk.client.get(f"{PAGE}typeform?challengeCode={CODE}&applicationId=7")
    key = SECRETS["typeform"][1].encode()
    expected = hmac.digest(key, CODE.encode(), "sha256").hex()
    assert (answer.status_code, answer.json()) == (200, {"challengeCode": CODE, "challengeResponse": expected})
    for text in ("hmacsha256={}", CODE + "x", CODE.replace("-", ""), "", "०" * 36):
        refused = await desk.client.get(f"{PAGE}typeform", params={"challengeCode": text})
        assert refused.status_code == 403
        assert "challengeResponse" not in refused.text


def test_a_challenge_is_signed_by_the_newest_secret() -> None:
    answer = linkedin({"challengeCode": CODE}, [b"new", b"old"])
    assert answer is not None
    assert answer.json is not None
    assert answer.json["challengeResponse"] == hmac.digest(b"new", CODE.encode(), "sha256").hex()
    assert linkedin({}, [b"new"]) is None


async def test_cloudevents_senders_are_given_the_permission_they_ask_for(desk: Any) -> None:
    asked = {"WebHook-Request-Origin": "eventemitter.example.com", "WebHook-Request-Rate": "120"}
    answer = await desk.client.options(f"{PAGE}mautic", headers=asked)
    assert answer.status_code == 200
    assert answer.headers["WebHook-Allowed-Origin"] == "eventemitter.example.com"
    assert answer.headers["WebHook-Allowed-Rate"] == "*"
    assert "POST" in answer.headers["Allow"]
    assert (await desk.client.options(f"{PAGE}nobody", headers=asked)).status_code == 404


@pytest.mark.parametrize("source", ["mautic", "zapier", "hubspot-workflow"])
async def test_a_probe_is_told_that_somebody_is_here(desk: Any, source: str) -> None:
    answer = await desk.client.get(f"{PAGE}{source}")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready"})
    assert (await desk.client.head(f"{PAGE}{source}")).status_code == 200
    assert (await desk.client.get(f"{PAGE}nobody")).status_code == 404
    assert await desk.rows("raw") == []


@pytest.mark.usefixtures("secrets")
async def test_a_query_is_a_post_where_its_source_says_so(desk: Any) -> None:
    query = {"type": "identify", "userId": "u1", "context.traits.email": "get@example.com", "company.id": "7"}
    sent = signed("rudderstack", b"", JSON, NOW)
    url = f"{PAGE}rudderstack?{urlencode(query)}"
    assert (await desk.client.get(url)).status_code == 401
    answer = await desk.client.get(url, headers=sent.headers)
    assert (answer.status_code, answer.json()["status"]) == (200, "accepted")
    (fact,) = await desk.said()
    assert (fact["contact"]["email"], fact["external_id"]) == ("get@example.com", "u1")
    assert (await desk.client.get(f"{PAGE}mautic?email=a@example.com")).json() == {"status": "ready"}


@pytest.mark.usefixtures("secrets")
async def test_a_token_in_a_query_is_not_kept_with_it(desk: Any) -> None:
    def change(sources: dict[str, Any]) -> None:
        source = next(one for one in sources["sources"] if one["id"] == "pardot")
        source["takes_get"] = True

    desk.change_sources(change)
    token = SECRETS["pardot"][1]
    answer = await desk.client.get(f"{PAGE}pardot?email=q@example.com&token={token}")
    assert answer.json()["status"] == "accepted"
    (raw,) = await desk.rows("raw")
    assert bytes(raw.body) == b"email=q%40example.com"
    assert (await desk.client.get(f"{PAGE}pardot?token={token}")).json() == {"status": "ready"}


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
async def test_whatever_method_a_platform_likes_is_taken(desk: Any, method: str) -> None:
    sent = request_of("segment", 5, NOW)
    answer = await desk.client.request(method, sent.url, content=sent.body, headers=sent.headers)
    assert (answer.status_code, answer.json()["status"]) == (200, "accepted")


def web_form(**fields: str) -> bytes:
    return urlencode({"oid": SECRETS["salesforce-web2lead"][1], "last_name": "Lee", **fields}).encode()


@pytest.mark.usefixtures("secrets")
async def test_a_browser_is_sent_on_to_an_allowed_host_and_nowhere_else(desk: Any) -> None:
    async def sent(where: str) -> Any:
        raw = web_form(email="w@example.com", retURL=where)
        return await desk.post("hooks/salesforce-web2lead", raw=raw, who=None, Content_Type=FORM)

    there = await sent("https://www.example.com/thanks?a=1")
    assert (there.status_code, there.headers["Location"]) == (303, "https://www.example.com/thanks?a=1")
    elsewhere = await sent("https://evil.example/thanks")
    assert (elsewhere.status_code, elsewhere.json()["status"]) == (200, "accepted")


@pytest.mark.usefixtures("secrets")
async def test_a_form_that_could_not_be_taken_in_leads_to_the_page_for_that(desk: Any) -> None:
    def change(sources: dict[str, Any]) -> None:
        source = next(one for one in sources["sources"] if one["id"] == "salesforce-web2lead")
        source["redirect"] |= {"success": "https://www.example.com/ok", "error": "https://www.example.com/oh"}

    desk.change_sources(change)
    for fields, place in (({}, "oh"), ({"email": "x@example.com"}, "ok")):
        raw = web_form(**fields)
        answer = await desk.post("hooks/salesforce-web2lead", raw=raw, who=None, Content_Type=FORM)
        assert (answer.status_code, answer.headers["Location"]) == (303, f"https://www.example.com/{place}")
    assert (await desk.elements())["quarantined"] == 1


@pytest.mark.parametrize(
    ("url", "good"),
    [
        ("https://www.example.com/a", True),
        ("http://www.example.com:80/a", True),
        ("https://shop.example.com:8443/", True),
        ("https://www.example.com:8443/", False),
        ("https://www.example.com.evil.example/", False),
        ("https://www.example.com@evil.example/", False),
        ("https://evil.example\\@www.example.com/", False),
        ("//www.example.com/", False),
        ("javascript:alert(1)//www.example.com", False),
        ("https://www.example.com/\r\nSet-Cookie: a=b", False),
        ("https://[www.example.com/", False),
        ("https://www.example.com:port/", False),
        ("/thanks", False),
        ("", False),
    ],
)
def test_only_whole_urls_of_named_hosts_are_allowed(url: str, good: bool) -> None:
    assert is_allowed(url, ("www.example.com", "shop.example.com:8443")) is good


@pytest.mark.usefixtures("secrets")
async def test_the_charset_of_a_form_is_what_its_url_or_its_field_says(desk: Any) -> None:
    raw = web_form(email="c@example.com") + b"&first_name=Mar%EDa"
    await desk.post("hooks/salesforce-web2lead?encoding=ISO-8859-1", raw=raw, who=None, Content_Type=FORM)
    raw = web_form(email="d@example.com", encoding="Shift_JIS") + b"&first_name=%83%7E%83h%83%8A"
    await desk.post("hooks/salesforce-web2lead", raw=raw, who=None, Content_Type=FORM)
    assert [fact["contact"]["first_name"] for fact in await desk.said()] == ["María", "ミドリ"]


@pytest.mark.usefixtures("secrets")
async def test_what_means_nothing_here_is_kept_and_is_no_element(desk: Any) -> None:
    raw = b'{"type":"screen","userId":"u1"}'
    sent = signed("segment", raw, JSON, NOW)
    answer = await desk.post("hooks/segment", raw=raw, who=None, X_Signature=sent.headers["X-Signature"])
    assert (answer.status_code, answer.json()["status"]) == (200, "ignored")
    assert [bytes(row.body) for row in await desk.rows("raw")] == [raw]
    assert (await desk.elements())["received"] == 0
