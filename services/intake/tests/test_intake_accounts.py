"""People of one company are one account: by its registered domain, else by its name."""

from __future__ import annotations

from typing import Any

import pytest
from services.intake.tests.test_intake_native import receipts

from baton.intake.domain.accounts import company_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Siemens AG", "SIEMENS A.G."),
        ("Müller & Söhne GmbH & Co. KG", "muller & sohne"),
        ("Acme, Inc.", "ACME"),
        ("Acme Ltd.", "acme limited"),
        ("Équinor ASA", "Equinor"),
        ("Skånska Byggen AS", "skanska byggen"),
        ("ООО Ромашка", "Ромашка"),
        ("PT. Bank Maju Tbk", "bank maju"),
        ("Wüst sp. z o.o.", "Wust"),
        ("Größe GmbH", "GROSSE"),
        ("Holz und Co. KG", "Holz"),
    ],
)
def test_a_companys_name_is_the_same_without_legal_form_case_and_accents(one: str, other: str) -> None:
    assert company_key(one) == company_key(other) is not None


def test_what_is_more_than_the_legal_form_is_another_company() -> None:
    keys = {company_key(name) for name in ("Siemens AG", "Siemens Energy AG", "Siemens Gamesa", "AS", "Co", "日立")}
    assert len(keys) == 6
    assert company_key(" .,- ") is None


async def account(desk: Any, contact: dict[str, Any], **more: Any) -> str | None:
    (receipt,) = receipts(await desk.post("leads", {"source": "web", "contact": contact, **more}))
    shown = await desk.get(f"leads/{receipt['lead_id']}", who="reader")
    found: str | None = shown["contact"].get("account_id")
    (fact,) = (await desk.said())[-1:]
    assert fact["contact"].get("account_id") == found  # it travels
    return found


async def test_people_of_one_company_share_an_account_whatever_they_write_from(desk: Any) -> None:
    acme = await account(desk, {"email": "ann@acme.co.uk", "company": "Acme Ltd."})
    assert acme is not None
    assert await account(desk, {"email": "bo@mail.sales.acme.co.uk"}) == acme
    assert await account(desk, {"email": "cy@gmail.com", "website": "https://www.acme.co.uk/team"}) == acme
    assert await account(desk, {"email": "dee@gmail.com", "company": "ACME limited"}) == acme
    assert await account(desk, {"email": "eve@gmail.com"}) is None
    assert await account(desk, {"email": "fay@mailinator.com"}) is None
    assert await account(desk, {"email": "gus@gmail.com", "company": "Acme Energy Ltd"}) not in (None, acme)
    shown = await desk.get(f"accounts/{acme}", who="reader")
    assert (shown["domain"], shown["names"], len(shown["leads"])) == ("acme.co.uk", ["acme"], 4)
    page = await desk.get(f"accounts/{acme}?limit=3", who="reader")
    rest = await desk.get(f"accounts/{acme}?after={page['next']}", who="reader")
    assert (len(page["leads"]), len(rest["leads"])) == (3, 1)


async def test_a_name_of_two_companies_tells_nothing_and_a_known_person_stays_where_the_name_put_it(desk: Any) -> None:
    alone = await account(desk, {"email": "ann@gmail.com", "company": "Phoenix GmbH"})
    assert await account(desk, {"email": "bo@gmail.com", "company": "Phoenix AG"}) == alone
    one = await account(desk, {"email": "cy@phoenix.de", "company": "Phoenix GmbH"})
    assert one != alone
    assert await account(desk, {"email": "ann@gmail.com", "city": "Ulm"}) == one  # now the name tells of just one
    other = await account(desk, {"email": "dee@phoenix.at", "company": "Phoenix"})
    assert other not in (alone, one)
    assert await account(desk, {"email": "ann@gmail.com", "city": "Bonn"}) == one
    assert await account(desk, {"email": "eve@gmail.com", "company": "Phoenix"}) == alone


async def test_nobody_is_known_of_an_unknown_account(desk: Any) -> None:
    answer = await desk.client.get("/intake/v1/accounts/none", headers={"Authorization": "Bearer token-of-reader"})
    assert answer.status_code == 404
