"""Contacts: cleaned values beside what was typed, and how new knowledge joins the old."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import phonenumbers

from baton.intake.domain.countries import country_code
from baton.intake.domain.mail import (
    BUILT_IN,
    FreeMailDomains,
    domain_of,
    is_disposable,
    normal_address,
    registered_domain,
)

Contact = dict[str, Any]
"""Fields of `baton.contracts.Contact`; absent where unknown."""

_AS_TYPED: Final = (
    "first_name", "last_name", "full_name", "salutation", "job_title", "company", "website", "street", "city",
    "postal_code", "region", "locale",
)  # fmt: skip
_DERIVED: Final = ("account_id", "company_domain", "is_free_mail", "is_disposable_mail")
_TOGETHER: Final = {
    "email": ("email", "email_raw"),
    "phone": ("phone", "phone_raw"),
    "country": ("country", "country_raw"),
}


def clean(typed: Mapping[str, str | None], region: str | None = None, free: FreeMailDomains = BUILT_IN) -> Contact:
    """What can be known from what was typed. `region` is where telephone numbers are from when nothing says so.

    Names, company and address are kept as typed, less blanks around them. `phone_raw` and `country_raw` always keep
    what was typed, `email_raw` where the address had to be changed or could not be read.
    """
    given = {name: value.strip() for name, value in typed.items() if value is not None and value.strip()}
    contact: Contact = {name: given[name] for name in _AS_TYPED if name in given}
    contact |= _email(given.get("email")) | _country(given.get("country"))
    contact |= _phone(given.get("phone"), contact.get("country") or region) | _timezone(given.get("timezone"))
    return contact | derived(contact, free)


def join(old: Contact, new: Contact, *, is_late: bool, free: FreeMailDomains = BUILT_IN) -> Contact:
    """The contact after learning `new`.

    What is absent changes nothing; what could not be read displaces nothing that could.
    `is_late`: the new knowledge is older than the old and only fills gaps.
    """
    if not old:
        return dict(new)
    before, after = _without_derived(old), _without_derived(new)
    for name, fields in _TOGETHER.items():
        if name not in after and name in before:
            after = {key: value for key, value in after.items() if key not in fields}
        winner, loser = (before, after) if is_late else (after, before)
        if name in winner:
            for field in fields:
                loser.pop(field, None)
    joined = {**after, **before} if is_late else {**before, **after}
    return joined | derived(joined, free)


def derived(contact: Contact, free: FreeMailDomains) -> Contact:
    """What the address and the website tell about the company."""
    found: Contact = {}
    email_domain = domain_of(contact["email"]) if "email" in contact else None
    own = None
    if email_domain is not None:
        free_mail, disposable = email_domain in free, is_disposable(email_domain)
        found = {"is_free_mail": free_mail, "is_disposable_mail": disposable}
        own = None if free_mail or disposable else registered_domain(email_domain)
    company = own or _website_domain(contact.get("website"), free)
    return found | ({"company_domain": company} if company else {})


def _without_derived(contact: Contact) -> Contact:
    return {name: value for name, value in contact.items() if name not in _DERIVED}


def _email(typed: str | None) -> Contact:
    if typed is None:
        return {}
    address = normal_address(typed)
    if address is None:
        return {"email_raw": typed}
    return {"email": address} if address == typed else {"email": address, "email_raw": typed}


def _country(typed: str | None) -> Contact:
    if typed is None:
        return {}
    code = country_code(typed)
    return {"country_raw": typed} | ({"country": code} if code else {})


def _phone(typed: str | None, region: str | None) -> Contact:
    if typed is None:
        return {}
    number = e164(typed, region)
    return {"phone_raw": typed} | ({"phone": number} if number else {})


def _timezone(typed: str | None) -> Contact:
    return {"timezone": typed} if typed is not None and typed in _zones() else {}


def e164(typed: str, region: str | None) -> str | None:
    """The number in E.164, without its extension; None for what cannot be a number, or needs a region and has none."""
    try:
        number = phonenumbers.parse(typed, region)
    except phonenumbers.NumberParseException:
        return None
    # Possible, not valid: which numbers are in use changes faster than the library's tables.
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _website_domain(typed: str | None, free: FreeMailDomains) -> str | None:
    if typed is None:
        return None
    try:
        host = urlsplit(typed if "//" in typed else f"//{typed}").hostname
    except ValueError:
        return None
    domain = registered_domain(host) if host else None
    return None if domain is None or domain in free else domain


@lru_cache(maxsize=1)
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
