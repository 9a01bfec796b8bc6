"""Contact hygiene: what is typed is understood where it can be, and never made worse."""

from __future__ import annotations

from typing import Any

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given, settings
from hypothesis import strategies as st

from baton.contracts import Contact
from baton.intake.domain.contact import clean, e164, join
from baton.intake.domain.countries import country_code
from baton.intake.domain.keys import email_key, identities
from baton.intake.domain.mail import FreeMailDomains, mailbox_key, normal_address, registered_domain

FIELDS = [
    name for name in Contact.model_fields if not name.endswith("_raw") and not name.startswith(("is_", "company_d"))
]
TYPED = st.dictionaries(st.sampled_from(FIELDS), st.none() | st.text(max_size=40), max_size=len(FIELDS))


@pytest.mark.parametrize(
    ("typed", "normal"),
    [
        (" Ann.Lee@EXAMPLE.com ", "Ann.Lee@example.com"),
        ("mailto:a@example.com", "a@example.com"),
        ('"Lee, Ann" <a@example.com>', "a@example.com"),
        ("a@BÜCHER.example", "a@bücher.example"),
        ("e\u0301@example.com", "é@example.com"),
        ("try@out.test", "try@out.test"),
        ("a@b@example.com", None),
        ("a@localhost", None),
        ("a@example", None),
        ("a b@example.com", None),
        ("", None),
        ("@", None),
    ],
)
def test_addresses_are_normalised_or_not_addresses(typed: str, normal: str | None) -> None:
    assert normal_address(typed) == normal


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("United Kingdom", "GB"), ("uk", "GB"), ("U.K.", "GB"), ("GBR", "GB"), ("England", "GB"),
        ("USA", "US"), ("U.S.A.", "US"), ("united states of america", "US"), ("us", "US"),
        ("Deutschland", "DE"), ("ALEMANHA", "DE"), ("Brasil", "BR"), ("España", "ES"), ("Espana", "ES"),
        ("Czech Republic", "CZ"), ("Česko", "CZ"), ("Türkiye", "TR"), ("Turkey", "TR"), ("Côte d’Ivoire", "CI"),
        ("Ivory Coast", "CI"), ("Россия", "RU"), ("日本", "JP"), ("الهند", "IN"), ("Viet Nam", "VN"),
        ("NGA", "NG"), ("Nga", "RU"), ("nga", "RU"), ("deu", "DE"), ("People's Republic of China", "CN"),
        ("Bahamas (the)", "BS"), ("Saint Kitts and Nevis", "KN"), ("Republic of Poland", "PL"), ("Belgique (la)", "BE"),
        ("the", None), ("Republic of", None),
        ("", None), ("  ", None), ("XX", None), ("EU", None), ("Narnia", None), ("n/a", None), ("12", None),
    ],
)  # fmt: skip
def test_countries_are_known_in_many_languages(typed: str, code: str | None) -> None:
    assert country_code(typed) == code


@pytest.mark.parametrize(
    ("typed", "region", "number"),
    [
        ("+44 20 7946 0958", None, "+442079460958"),
        ("020 7946 0958", "GB", "+442079460958"),
        ("020 7946 0958", None, None),
        ("(415) 555-0132", "US", "+14155550132"),
        ("+1 415 555 0132 ext. 7", None, "+14155550132"),
        ("٠٢٠٧٩٤٦٠٩٥٨", "GB", "+442079460958"),
        ("12", "GB", None),
        ("call me", "GB", None),
    ],
)
def test_telephone_numbers_become_e164_where_a_region_is_known(
    typed: str, region: str | None, number: str | None
) -> None:
    assert e164(typed, region) == number


def test_the_country_typed_beats_the_sources_region_for_telephone_numbers() -> None:
    contact = clean({"phone": "030 123456", "country": "Germany"}, region="GB")
    assert (contact["phone"], contact["phone_raw"], contact["country_raw"]) == ("+4930123456", "030 123456", "Germany")


def test_what_cannot_be_read_is_kept_as_typed_and_nowhere_else() -> None:
    contact = clean({"email": "no address", "phone": "call me", "country": "Narnia", "timezone": "Mars/Base"})
    assert contact == {"email_raw": "no address", "phone_raw": "call me", "country_raw": "Narnia"}


@pytest.mark.parametrize(
    ("email", "website", "domain", "free", "disposable"),
    [
        ("a@mail.acme.co.uk", None, "acme.co.uk", False, False),
        ("a@gmail.com", None, None, True, False),
        ("a@gmail.com", "https://www.acme.de/about", "acme.de", True, False),
        ("a@mailinator.com", None, None, True, True),
        ("a@acme.github.io", None, "acme.github.io", False, False),
        ("a@gmail.com", "gmail.com", None, True, False),
        ("a@gmail.com", "http://[broken", None, True, False),
        ("a@gmail.com", "127.0.0.1", None, True, False),
    ],
)
def test_the_company_is_known_by_its_own_domain_only(
    email: str, website: str | None, domain: str | None, free: bool, disposable: bool
) -> None:
    contact = clean({"email": email, "website": website})
    assert contact.get("company_domain") == domain
    assert (contact["is_free_mail"], contact["is_disposable_mail"]) == (free, disposable)


def test_the_playbook_corrects_the_list_of_free_mail_domains() -> None:
    corrected = FreeMailDomains(add=frozenset({"acme.com"}), remove=frozenset({"gmail.com"}))
    assert clean({"email": "a@acme.com"}, free=corrected)["is_free_mail"]
    assert not clean({"email": "a@gmail.com"}, free=corrected)["is_free_mail"]


def test_new_knowledge_joins_the_old_and_what_cannot_be_read_displaces_nothing() -> None:
    old = clean({"email": "a@acme.com", "phone": "+44 20 7946 0958", "city": "Leeds"})
    new = clean({"email": "b@gmail.com", "phone": "later", "city": "York", "country": "UK"})
    joined = join(old, new, is_late=False)
    assert (joined["email"], joined["phone"], joined["phone_raw"]) == (
        "b@gmail.com",
        "+442079460958",
        "+44 20 7946 0958",
    )
    assert (joined["city"], joined["country"], joined["is_free_mail"]) == ("York", "GB", True)
    assert "company_domain" not in joined
    late = join(old, new, is_late=True)
    assert (late["email"], late["city"], late["country"]) == ("a@acme.com", "Leeds", "GB")
    assert late["company_domain"] == "acme.com"


def test_raw_values_stay_with_the_values_they_were_typed_as() -> None:
    joined = join(clean({"email": "A@ACME.com"}), clean({"email": "a@acme.com"}), is_late=False)
    assert joined["email"] == "a@acme.com"
    assert "email_raw" not in joined


@given(TYPED, st.sampled_from([None, "GB", "DE"]))
@settings(max_examples=300, deadline=None)
def test_whatever_is_typed_gives_a_contact_a_fact_can_carry(typed: dict[str, str | None], region: str | None) -> None:
    contact = clean(typed, region)
    carried = Contact(**contact)
    assert all(value is not None and value != "" for value in contact.values())
    for name in ("first_name", "last_name", "company", "city"):
        assert getattr(carried, name) == ((typed.get(name) or "").strip() or None)
    again = clean({name: contact.get(name) for name in FIELDS}, region)
    assert {name: again.get(name) for name in FIELDS} == {name: contact.get(name) for name in FIELDS}


@given(TYPED, TYPED, st.booleans())
@settings(max_examples=200, deadline=None)
def test_joining_loses_nothing_that_was_known(old: dict[str, Any], new: dict[str, Any], is_late: bool) -> None:
    before, after = clean(old), clean(new)
    joined = join(before, after, is_late=is_late)
    for name in FIELDS:
        known = [contact[name] for contact in (before, after) if name in contact]
        assert joined.get(name) == (None if not known else known[0] if is_late else known[-1])
    assert join(joined, joined, is_late=False) == joined


@given(st.emails())
@settings(max_examples=200, deadline=None)
def test_an_address_is_recognised_whatever_its_case(address: str) -> None:
    normal = normal_address(address)
    if normal is not None:
        assert normal_address(normal) == normal
        upper = normal_address(normal.upper())
        if upper is not None and normal.isascii():
            assert mailbox_key(upper) == mailbox_key(normal)


@given(
    st.emails()
    | st.from_regex(r"[a-z.+]{1,70}@[a-z.-]{1,20}\.(com|test|example|local|co\.uk)", fullmatch=True)
    | st.from_regex(
        r"a@((xn--)?[a-c1-]{1,4}\.){0,3}(de|c1|1c|c-c|xn--p1ai|local|localhost|onion|arpa|test)", fullmatch=True
    )
)
@settings(max_examples=300, deadline=None)
def test_the_short_way_to_a_normal_address_ends_where_the_long_one_does(address: str) -> None:
    try:
        found = validate_email(address, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        found = None
    assert normal_address(address) == found


def test_keys_of_a_person_stand_in_the_order_of_their_strength() -> None:
    assert identities("CRM", "7", "A@example.com", "+442079460958") == ("id:crm:7", email_key("a@example.com"))
    assert identities("crm", None, None, "+442079460958") == ("phone:+442079460958",)
    assert identities("crm", None, None, "+49123") == ()
    assert identities("crm", None, None, None) == ()


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("www.acme.example", "acme.example"),
        ("a.b.acme.com.br", "acme.com.br"),
        ("WWW.ACME.COM", "acme.com"),
        ("www.acme\u3002com.", "acme.com"),
        ("x.a.github.io", "a.github.io"),
        ("com", None),
        ("co.uk", None),
        ("localhost", None),
        ("10.0.0.1", None),
        ("[::1]", None),
        ("", None),
    ],
)
def test_a_host_has_a_registered_domain_or_none(host: str, domain: str | None) -> None:
    assert registered_domain(host) == domain


@pytest.mark.parametrize("domain", ["docomo.ne.jp", "daum.net", "xn--d-bga.net"])
def test_mailboxes_of_portals_and_domains_in_punycode_are_no_companys(domain: str) -> None:
    contact = clean({"email": f"ann@{domain}"})
    assert contact["is_free_mail"] or contact["is_disposable_mail"]
    assert "company_domain" not in contact
