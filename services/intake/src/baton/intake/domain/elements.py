"""Elements: what one post is made of, judged one by one, each on its way to a fact or to quarantine with a reason."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from pydantic import ValidationError

from baton.intake.domain.contact import Contact, clean
from baton.intake.domain.errands import Errand, Farewell
from baton.intake.domain.keys import canonical, digest, fingerprint, identities, reference_key
from baton.intake.domain.mail import BUILT_IN, FreeMailDomains
from baton.intake.domain.posts import MODELS, Kind, LeadIn, Post, StatusIn
from baton.intake.domain.reps import Reps, with_reps
from baton.intake.domain.sizes import MAX_ELEMENT_BYTES, fits_a_fact, properties_of
from baton.intake.domain.statuses import Unknown, translated
from baton.playbook.sources import Sources

Cause = Literal[
    "unreadable",
    "unmapped",
    "wrong_shape",
    "no_identity",
    "unknown_lead",
    "unknown_status",
    "too_large",
    "in_the_future",
    "erased_lead",
    "awaiting_fetch",
    "not_fetched",
]

_IN_THE_FUTURE = "occurred_at is more than a day in the future"
FUTURE: Final = timedelta(days=1)
"""Clocks and zones are wrong by hours. What claims to be from later than this is wrong otherwise and refused."""

NO_SOURCES: Final = Sources()
NATIVE: Final = "api"
"""The source of what the native API was given without a source or system."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an element is not taken in. `detail` speaks to its sender and quotes no values."""

    cause: Cause
    detail: str
    errors: tuple[dict[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Element:
    """One thing posted. Has a `post` or a `fault`, never neither."""

    kind: Kind
    source: str
    fingerprint: str
    """SHA-256 of the element as it was sent; names it within its raw body."""
    key: str
    """What two posts of the same thing have in common, digested."""
    form: Any = None
    """The element in the shape of the native API, as far as it got; kept with it in quarantine."""
    post: Post | None = None
    fault: Fault | None = None
    at: datetime | None = None
    """When it happened; when it was received if nobody said."""
    contact: Contact = field(default_factory=dict)
    identities: tuple[str, ...] = ()
    """Of a lead: the keys it is known by, strongest first."""
    about: str | None = None
    """Of anything else: the identity key of the lead it is about; None where `post.lead` has its id."""
    size: int = 0
    lead_id: str | None = None
    """Our own id of the lead it is about, where the sender keeps it beside the record that `about` names."""
    errand: Errand | None = None
    """Of a notice: what it names, to be fetched."""
    erases: Farewell | None = None
    """Of a platform's word that a person is to be forgotten: who."""
    ignored: str | None = None
    """Why nothing is to come of it, by its mapping."""

    @property
    def happened(self) -> datetime:
        """When it happened. Only of an element that was understood."""
        assert self.at is not None
        return self.at

    def refused(self, cause: Cause, detail: str) -> Element:
        """The same element, not taken in after all."""
        return replace(self, fault=Fault(cause, detail))


@dataclass(frozen=True, slots=True)
class Rules:
    """What the playbook says about taking in: sources, status words, free-mail domains."""

    sources: Sources = NO_SOURCES
    free: FreeMailDomains = BUILT_IN
    reps: Reps = field(default_factory=dict)


def judge(kind: Kind, form: Any, rules: Rules, received_at: datetime, *, sent: Any = None, key: str | None = None,
          source: str | None = None, lead_id: str | None = None) -> Element:  # fmt: skip
    """Judge an element in the shape of the native API.

    `sent` is the element before a mapping read it, `key` the mapping's own key, `source` the hook it came in by,
    `lead_id` our own id, if the sender keeps it.
    """
    written = canonical(form)
    sha = hashlib.sha256(written).hexdigest() if sent is None else fingerprint(sent)
    element = replace(_named(kind, form, sha, key, source), lead_id=lead_id)
    size = len(written)
    if size > MAX_ELEMENT_BYTES:
        return element.refused("too_large", f"{size} bytes; one {kind} may have {MAX_ELEMENT_BYTES}")
    try:
        post = MODELS[kind].model_validate(form)
    except ValidationError as problem:
        return replace(element, fault=_wrong_shape(kind, problem))
    return _understood(element, post, size, rules, received_at)


def unreadable(kind: Kind, source: str, sha: str, detail: str, cause: Cause = "unreadable") -> Element:
    """An element, or a whole body, that nothing can be made of."""
    return Element(kind, source, sha, digest(source, kind, sha), fault=Fault(cause, detail))


def notice(errand: Errand, sha: str, key: str, at: datetime | None = None) -> Element:
    """An element that only names something. It waits until that was fetched."""
    waits = Fault("awaiting_fetch", "what it names is being fetched")
    return Element(
        "lead", errand.source, sha, digest(errand.source, "fetch", "key", key), errand=errand, fault=waits, at=at
    )


def farewell(source: str, sha: str, who: Farewell, about: str | None) -> Element:
    """An element by which a person is to be forgotten."""
    return Element("lead", source, sha, digest(source, "erasure", sha), erases=who, about=about)


def nothing(source: str, sha: str, reason: str, about: str | None, lead_id: str | None) -> Element:
    """An element of which nothing is to come, but that the record `about` is the lead with this id."""
    return Element("lead", source, sha, digest(source, "nothing", sha), ignored=reason, about=about, lead_id=lead_id)


LINK: Final = "link"


def linked(system: str, about: str, lead_id: str) -> Element:
    """No element of a sender: a CRM's answer to a hand-over, by which its record `about` is the lead."""
    return nothing(system, digest(about, lead_id), LINK, about, lead_id)


def _named(kind: Kind, form: Any, sha: str, key: str | None, source: str | None) -> Element:
    """Where it is from, and by which key repetitions are known: its event id, else the mapping's key, else its hash."""
    given: Mapping[str, Any] = form if isinstance(form, Mapping) else {}
    origin = source or _word(given.get("source")) or _system(given) or NATIVE
    event = _word(given.get("event_id"))
    own = ("event", event) if event else ("key", key) if key else ("hash", sha)
    return Element(kind, origin, sha, digest(origin, kind, *own), form=form)


def _system(given: Mapping[str, Any]) -> str | None:
    lead = given.get("lead")
    return _word(lead.get("system")) if isinstance(lead, Mapping) else None


def _word(value: Any) -> str | None:
    return value.strip()[:300] or None if isinstance(value, str) else None


def _understood(element: Element, post: Post, size: int, rules: Rules, received_at: datetime) -> Element:
    at = post.occurred_at or received_at
    if at > received_at + FUTURE:
        return replace(element, post=post, size=size).refused("in_the_future", _IN_THE_FUTURE)
    at = min(at, received_at)
    if isinstance(post, LeadIn):
        return _lead(element, post, size, rules, at)
    element = replace(element, post=post, size=size, at=at)
    if isinstance(post, StatusIn):
        status = translated(post, rules.sources, element.source)
        if isinstance(status, Unknown):
            return element.refused("unknown_status", status.detail)
        element = replace(element, post=status)
    known = rules.sources.find(element.source)
    element = replace(
        element,
        post=with_reps(
            post if element.post is None else element.post,
            rules.reps,
            known.external_system if known else element.source,
        ),
    )
    about = reference_key(post.lead)
    if about is None and post.lead.lead_id is None:
        return element.refused("no_identity", "lead.email is no e-mail address")
    return replace(element, about=about)


def _lead(element: Element, post: LeadIn, size: int, rules: Rules, at: datetime) -> Element:
    known = rules.sources.find(post.source)
    contact = clean(post.contact.typed, known.default_region if known else None, rules.free)
    system = known.external_system if known else post.source
    by = rules.sources.recognition(post.source, known)
    keys = identities(system, post.external_id, contact.get("email"), contact.get("phone"), by)
    fault = None
    if not keys:
        fault = Fault("no_identity", _no_identity(contact, by.kinds))
    elif not fits_a_fact(contact, properties_of(post), post, size):
        fault = Fault("too_large", "with all its activity and answers the lead does not fit into one fact")
    if fault is not None:
        contact, keys = {}, ()
    return replace(element, post=post, size=size, at=at, contact=contact, identities=keys, fault=fault)


_IDENTITIES: Final = {"external_id": "(source, external_id)", "email": "an e-mail", "phone": "a telephone number"}


def _no_identity(contact: Contact, kinds: tuple[str, ...]) -> str:
    unread = [name for name in ("email", "phone") if f"{name}_raw" in contact]
    tail = f" ({' and '.join(unread)} could not be read)" if unread else ""
    return f"a lead needs {' or '.join(_IDENTITIES[kind] for kind in kinds)}{tail}"


def _wrong_shape(kind: Kind, problem: ValidationError) -> Fault:
    faults = problem.errors(include_url=False, include_context=False, include_input=False)
    errors = tuple({"detail": fault["msg"], "pointer": _pointer(fault["loc"])} for fault in faults[:20])
    places = "; ".join(f"{error['pointer']}: {error['detail']}" for error in errors[:5])
    return Fault("wrong_shape", f"not the shape of a {kind}: {places}"[:1000], errors)


def _pointer(loc: tuple[int | str, ...]) -> str:
    return "#" + "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in loc)
