"""Invented people, the same for the same seed. Their mail domains end in `.example`: nobody can be written to."""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass

from baton.cli.demo.places import PLACES, TITLES, TRADES, City, Place

SPELLED = {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ı": "i", "ø": "oe"}
FREE_MAIL_SHARE = 0.08
FREE_MAIL = ("gmail.com", "gmx.de", "outlook.com")
"""Only with a mailbox name no free mailer gives out (it has a `%` in it)."""


@dataclass(frozen=True)
class Person:
    """Somebody with a job. `typed` is the contact as a form would post it."""

    number: int
    place: Place
    company: str
    domain: str
    title: str
    employees: int
    typed: dict[str, str]

    @property
    def email(self) -> str:
        return self.typed["email"]


def person(chance: random.Random, number: int) -> Person:
    """The next person out of `chance`; `number` keeps addresses apart."""
    place = chance.choices(PLACES, [place.share for place in PLACES])[0]
    first, last = chance.choice(place.first_names), chance.choice(place.last_names)
    trade = chance.choice(TRADES)
    company = f"{chance.choice(place.company_words)} {trade} {chance.choice(place.company_forms)}"
    domain = f"{'-'.join(_plain(word) for word in company.split()[:2])}-{place.country.lower()}.example"
    city = chance.choice(place.cities)
    typed = {
        "email": _address(chance, first, last, number, domain),
        "first_name": first,
        "last_name": last,
        "job_title": chance.choice(TITLES),
        "company": company,
        "website": f"https://www.{domain}",
        "phone": _digits(chance, place.phone),
        "street": _street(chance, place, city),
        "city": city.name,
        "postal_code": _digits(chance, city.postal),
        "region": city.region,
        "country": chance.choice((place.country, place.country_name)),
        "locale": place.locale,
        "timezone": place.timezone,
    }
    employees = round(10 ** chance.uniform(0.7, 3.8))
    return Person(number, place, company, domain, typed["job_title"], employees, typed)


def _address(chance: random.Random, first: str, last: str, number: int, domain: str) -> str:
    mailbox = f"{_plain(first)}.{_plain(last)}.{number}"
    if chance.random() < FREE_MAIL_SHARE:
        return f"{mailbox}%demo@{chance.choice(FREE_MAIL)}"
    return f"{mailbox}@{domain}"


def _street(chance: random.Random, place: Place, city: City) -> str:
    number = chance.randint(1, 240)
    house_first = place.country in ("GB", "US", "CA", "FR", "SG", "AU")
    return f"{number} {city.street}" if house_first else f"{city.street} {number}"


def _digits(chance: random.Random, pattern: str) -> str:
    return "".join(str(chance.randint(0, 9)) if letter == "#" else letter for letter in pattern)


def _plain(word: str) -> str:
    """Letters a mailbox or a domain may have."""
    spelled = "".join(SPELLED.get(letter, letter) for letter in word.lower())
    stripped = unicodedata.normalize("NFKD", spelled)
    return "".join(letter for letter in stripped if letter.isascii() and letter.isalnum())
