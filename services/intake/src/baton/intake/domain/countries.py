"""Names of countries, in whatever language people type them, to ISO 3166-1 alpha-2."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from babel import localedata
from babel.core import get_global

LANGUAGES: Final = (
    "en", "de", "fr", "es", "pt", "it", "nl", "pl", "cs", "sk", "da", "sv", "nb", "fi", "is", "et", "lv", "lt", "hu",
    "ro", "bg", "hr", "sl", "sr", "el", "tr", "ru", "uk", "ar", "he", "hi", "id", "vi", "th", "ja", "ko", "zh",
)  # fmt: skip
"""Where two languages disagree about a word the earlier one wins."""

_NOT_COUNTRIES: Final = frozenset({"EU", "EZ", "UN", "QO", "XA", "XB", "ZZ"})

# What CLDR does not list and people type all the same; without accents, dots and case.
ALIASES: Final = {
    "america": "US", "u s": "US", "u s a": "US", "united states of america": "US", "the united states": "US",
    "uk": "GB", "u k": "GB", "great britain": "GB", "britain": "GB", "england": "GB", "scotland": "GB", "wales": "GB",
    "northern ireland": "GB", "turkey": "TR", "turkiye": "TR", "holland": "NL", "the netherlands": "NL",
    "czech republic": "CZ", "ivory coast": "CI", "cape verde": "CV", "swaziland": "SZ", "macedonia": "MK",
    "burma": "MM", "east timor": "TL", "uae": "AE", "emirates": "AE", "hong kong": "HK", "macau": "MO", "macao": "MO",
    "republic of ireland": "IE", "eire": "IE", "korea": "KR", "republic of korea": "KR", "korea republic of": "KR",
    "korea south": "KR", "north korea": "KP", "russian federation": "RU", "viet nam": "VN",
    "peoples republic of china": "CN", "pr china": "CN", "prc": "CN", "mainland china": "CN", "republic of china": "TW",
    "taiwan province of china": "TW",
    "ksa": "SA", "syrian arab republic": "SY", "iran islamic republic of": "IR", "islamic republic of iran": "IR",
    "lao peoples democratic republic": "LA", "brunei darussalam": "BN", "moldova republic of": "MD",
    "republic of moldova": "MD", "tanzania united republic of": "TZ", "united republic of tanzania": "TZ",
    "bolivia plurinational state of": "BO", "venezuela bolivarian republic of": "VE", "palestine": "PS",
    "state of palestine": "PS", "vatican": "VA", "holy see": "VA", "drc": "CD", "dr congo": "CD",
    "congo brazzaville": "CG",
    "the bahamas": "BS", "the gambia": "GM", "the philippines": "PH", "republic of the philippines": "PH",
    "federal republic of germany": "DE", "brd": "DE", "republic of india": "IN", "bharat": "IN", "kosovo": "XK",
    "cabo verde": "CV", "eswatini": "SZ",
    "grossbritannien": "GB", "grande bretagne": "GB", "gran bretana": "GB",
    "slovak republic": "SK", "hellas": "GR", "suisse": "CH", "schweiz": "CH", "bundesrepublik deutschland": "DE",
    "bosnia": "BA", "democratic peoples republic of korea": "KP", "democratic republic of the congo": "CD",
    "democratic republic of congo": "CD", "federated states of micronesia": "FM",
    "micronesia federated states of": "FM", "united kingdom of great britain and northern ireland": "GB",
    "united states virgin islands": "VI", "netherlands kingdom of the": "NL",
    "china hong kong special administrative region": "HK", "china macao special administrative region": "MO",
    "etats unis damerique": "US", "estados unidos de america": "US", "соединенные штаты америки": "US",
    "federation de russie": "RU", "federacion de rusia": "RU", "российская федерация": "RU",
    "republique de coree": "KR", "republica de corea": "KR", "nueva zelandia": "NZ", "kazajstan": "KZ",
}  # fmt: skip

_APOSTROPHES = re.compile("['’`´]")
_PUNCTUATION = re.compile(r"[^\w]+")
_ARTICLES: Final = frozenset({"the", "la", "le", "les", "l", "el", "los", "las"})
_STATE: Final = re.compile(
    r"^(?:(?:federal|federative|islamic) )?(?:republic|kingdom|principality|grand duchy|state|commonwealth) of "
)


@lru_cache(maxsize=4096)
def country_code(typed: str) -> str | None:
    """The alpha-2 code of a country by its name in many languages or its code; None where nobody can tell."""
    word = _plain(typed)
    if not word:
        return None
    names, codes = _names(), _codes()
    if len(word) == 2 and word.upper() in codes:
        return word.upper()
    # `NGA` is Nigeria's code, `Nga` what Russia is in Vietnamese.
    code = _by_alias_code(word.upper(), codes)
    if code is not None and typed.strip().isupper():
        return code
    return ALIASES.get(word) or names.get(word) or code or _by_official_name(word, names)


def _by_official_name(word: str, names: Mapping[str, str]) -> str | None:
    """Lists one picks from say `Bahamas (the)`, `Saint Kitts and Nevis`, `Republic of Poland`; CLDR says it shorter."""
    words = word.split()
    while len(words) > 1 and words[0] in _ARTICLES:
        words.pop(0)
    while len(words) > 1 and words[-1] in _ARTICLES:
        words.pop()
    bare = _STATE.sub("", " ".join(words), count=1).removeprefix("the ")
    short = re.sub(r"^saint\b", "st", bare).replace(" and ", " ")
    return next((found for one in (bare, short) if (found := ALIASES.get(one) or names.get(one)) is not None), None)


def _plain(text: str) -> str:
    """Without case, accents and punctuation, so that "Côte d’Ivoire" and "COTE D'IVOIRE" are one."""
    bare = "".join(c for c in unicodedata.normalize("NFKD", text) if unicodedata.category(c) != "Mn")
    return _PUNCTUATION.sub(" ", _APOSTROPHES.sub("", bare.casefold())).strip()


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    names: dict[str, str] = {}
    for language in LANGUAGES:
        for code, name in localedata.load(language)["territories"].items():
            if _is_country(code) and isinstance(name, str):
                names.setdefault(_plain(name), code)
        # All of a language stays in memory otherwise, 37 times over: 30 MB for a table of 300 KB.
        localedata._cache.pop(language, None)  # noqa: SLF001
    return names


@lru_cache(maxsize=1)
def _codes() -> frozenset[str]:
    return frozenset(code for code in localedata.load("en")["territories"] if _is_country(code))


def _is_country(code: str) -> bool:
    return len(code) == 2 and code.isalpha() and code not in _NOT_COUNTRIES


def _by_alias_code(word: str, codes: frozenset[str]) -> str | None:
    """CLDR knows alpha-3 and older codes as aliases; one that became several countries says nothing."""
    if len(word) != 3 or not word.isascii():
        return None
    now = get_global("territory_aliases").get(word, [])
    return now[0] if len(now) == 1 and now[0] in codes else None
