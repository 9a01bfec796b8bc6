"""The people and promises that facts speak of: contact, owner, why, history, must-know."""

from __future__ import annotations

from pydantic import Field

from baton.contracts.fact import Instant, Json, Part


class Contact(Part):
    """Who the person is. Cleaned values; what was typed stands beside them as `*_raw`."""

    email: str | None = Field(default=None, description="Normalised address; the mailbox part keeps its case.")
    first_name: str | None = None
    last_name: str | None = None
    full_name: str | None = None
    salutation: str | None = None
    job_title: str | None = None
    company: str | None = None
    website: str | None = None
    phone: str | None = Field(default=None, description="E.164.")
    street: str | None = None
    city: str | None = None
    postal_code: str | None = None
    region: str | None = None
    country: str | None = Field(default=None, description="ISO 3166-1 alpha-2.")
    locale: str | None = None
    timezone: str | None = Field(default=None, description="IANA zone name.")
    email_raw: str | None = None
    phone_raw: str | None = None
    country_raw: str | None = None
    company_domain: str | None = Field(
        default=None, description="Registered domain of the company; never a free-mail provider's."
    )
    account_id: str | None = Field(
        default=None, description="The company: all who share a registered domain, or a name, have the same one."
    )
    is_free_mail: bool | None = None
    is_disposable_mail: bool | None = None


class Consent(Part):
    """What the person agreed to, with the evidence."""

    purpose: str | None = None
    basis: str | None = None
    wording: str | None = None
    given_at: Instant | None = None
    evidence: str | None = None
    withdrawn_at: Instant | None = Field(
        default=None, description="Since when it no longer holds; a later consent to the same purpose gives it anew."
    )


class Activity(Part):
    """Something the person did: opened, visited, downloaded, attended, asked."""

    kind: str = Field(description="For example page_view, download, form, email_click, event, demo_request.")
    what: str | None = Field(default=None, description="Which page, paper, event.")
    occurred_at: Instant
    value: Json = None
    properties: dict[str, Json] = Field(default_factory=dict, description="What else was posted with it.")


class Answer(Part):
    """What somebody said when asked. An absent question is unknown, which is not the same as no."""

    question: str
    value: Json
    said_by: str | None = None
    confidence: float | None = Field(default=None, ge=0, le=1)
    occurred_at: Instant
    properties: dict[str, Json] = Field(default_factory=dict, description="What else was posted with it.")


class HistoryItem(Part):
    """One line of what happened with this person before the hand-off, newest first where listed."""

    at: Instant
    kind: str = Field(description="received, activity, answer, touch, status or decision.")
    what: str
    detail: Json = None


class Reason(Part):
    """One criterion's part in a decision."""

    criterion: str
    label: str | None = None
    value: Json = Field(default=None, description="true, false, or null for unknown; a number for a weighed signal.")
    points: float = 0
    missing: list[str] = Field(default_factory=list, description="The fields whose absence made it unknown.")


class MustKnow(Part):
    """One item of the must-know list (U8): what sales needs so that it will act and report back."""

    item: str
    label: str | None = None
    value: Json = None
    missing: bool = False


class Score(Part):
    """Fit, interest and energy in points, and their weighed total. The formula stands in the playbook."""

    total: float
    fit: float = 0
    interest: float = 0
    energy: float | None = Field(default=None, description="null while cause and problem were never asked (Q5).")
    learned: float | None = Field(
        default=None, ge=0, le=1, description="The learned score's chance of a good end; null while none counts."
    )


class Owner(Part):
    """The salesperson who owns a lead, as the CRM needs to know him."""

    id: str
    name: str
    email: str | None = None
    team: str | None = None
    zone: str
    calendar: str
    external_ids: dict[str, str] = Field(default_factory=dict, description="CRM name to the rep's user id there.")


class RuleRef(Part):
    """Which rule of which playbook version decided."""

    id: str
    label: str | None = None
    playbook: str = Field(description="Version of the playbook.")


class DefinitionRef(Part):
    """Which version of the lead definition judged."""

    label: str
    playbook: str = Field(description="Version of the playbook.")


class TimeOff(Part):
    """An absence. Half-open: from `starts_at` up to, not including, `ends_at`."""

    starts_at: Instant
    ends_at: Instant
    reason: str | None = None
    hand_over: bool = Field(
        default=False, description="When it begins, the leads he has not accepted go to others, with a new clock."
    )
    calendar_key: str | None = Field(
        default=None,
        max_length=64,
        exclude_if=lambda key: key is None,  # rosters kept before there was any keep their hash
        description="Of an absence that an imported calendar brought: which occurrence of which event it is.",
    )


class Rep(Part):
    """A salesperson on the roster, whole."""

    id: str
    name: str
    email: str | None = None
    team: str | None = None
    zone: str
    calendar: str
    languages: list[str] = Field(default_factory=list)
    skills: list[str] = Field(default_factory=list)
    weight: float = Field(default=1.0, gt=0, description="Share in the rotation, relative to the others.")
    capacity: int | None = Field(default=None, ge=0, description="Most leads open at once; null is no cap.")
    external_ids: dict[str, str] = Field(default_factory=dict)
    active: bool = True
    time_off: list[TimeOff] = Field(default_factory=list)
