"""Accounts: which company a person belongs to, by its registered domain, else by its name (Q8).

An account's id follows from what names it, so that any replica, at any time, gives a company the same one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final
from uuid import UUID, uuid5

_SPACE: Final = UUID("0f4c8f0e-6f2c-5d0b-9a57-5c1f2c7a4b10")

# How companies say what they are and not who: as words at the end of a name, without dots and accents. A few stand
# in front. What is a word of many languages (`as` in English) is a legal form only at the very end.
_WRITTEN: Final = """
    gmbh mbh ggmbh ag kg kgaa ohg gbr ug ek ev eg se sce cokg
    ltd limited plc llp llc lp inc incorporated corp corporation co company pllc pc
    sa sas sasu sarl eurl snc scs sca scop sl slu sau srl spa sapa
    bv nv vof cv as asa ans da aps ivs ab hb kb oy oyj abp ehf hf
    sro as spol zoo sp spzoo kft zrt nyrt bt doo dd ad ead eood ood sia uab oue ou tov zat pat
    ооо оао зао пао ао тов ooo oao zao pao ao
    pty pte sdn bhd kk gk yk pvt private tbk pt cia ltda eireli sapi rl cvde
"""
_FORMS: Final = frozenset(_WRITTEN.split())
_IN_FRONT: Final = frozenset({"ooo", "oao", "zao", "pao", "ao", "pt", "tov", "ооо", "оао", "зао", "пао", "ао", "тов"})
_AND_CO: Final = re.compile(r"\s+(?:&|and|und|et|y|e|og|och)\s+(?:co|cie|company)\b.*$")
_SP_ZOO: Final = re.compile(r"\bz\s+o\s?o\b")
_DOTS: Final = re.compile(r"[.'’`´]")
_REST: Final = re.compile(r"[^\w&]+")


@lru_cache(maxsize=16_384)
def company_key(name: str) -> str | None:
    """The name in a form in which two spellings of it are equal: without case, accents, punctuation and legal form.

    None where nothing is left. `Siemens AG` and `SIEMENS A.G.` are one, `Siemens Energy AG` is another.
    """
    plain = unicodedata.normalize("NFKD", name.replace("ß", "ss")).casefold()
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    plain = _AND_CO.sub("", _DOTS.sub("", plain))
    words = _REST.sub(" ", _SP_ZOO.sub("zoo", plain)).split()
    while len(words) > 1 and words[-1] in _FORMS:
        words.pop()
    while len(words) > 1 and words[0] in _IN_FRONT:
        words.pop(0)
    return " ".join(words) or None


@lru_cache(maxsize=16_384)
def account_of_domain(domain: str) -> str:
    """The account of the company that registered the domain."""
    return str(uuid5(_SPACE, f"domain:{domain}"))


def account_of_name(key: str) -> str:
    """The account of a company that is known by nothing but its name."""
    return str(uuid5(_SPACE, f"name:{key}"))


def account_of(contact: Mapping[str, Any], named: Mapping[str, str], before: Mapping[str, Any]) -> str | None:
    """Whose account the person belongs to; None where neither domain nor company is known.

    `named` has the account of each name by which exactly one company with a domain is known. Where it does not say,
    a person stays where the name put it before.
    """
    if (domain := contact.get("company_domain")) is not None:
        return account_of_domain(domain)
    key = company_key(contact.get("company") or "")
    if key is None:
        return None
    if key in named:
        return named[key]
    kept = before.get("account_id") if company_key(before.get("company") or "") == key else None
    return kept or account_of_name(key)
