"""targets.yaml, `endpoints` and `notices`: who outside is told what, and in which words."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from baton.playbook.secret import Secret
from baton.playbook.terms import Cel, FieldName, Id, Label, Strict

Deliverable = Literal[
    "lead.routed",
    "lead.reassigned",
    "lead.held",
    "lead.recycled",
    "lead.delivered",
    "lead.nurtured",
    "lead.disqualified",
    "lead.erased",
    "sla.escalated",
    "homework.reminded",
    "homework.overdue",
]
"""The facts that can be delivered: routing's own, whom scoring leaves to marketing, who is to be forgotten, which
broken promises somebody else must look at, and whom to remind of homework."""

HAND_OVERS: tuple[Deliverable, ...] = ("lead.routed", "lead.reassigned")
"""The facts by which a lead gets an owner: what is told where nothing else is said."""

HeaderName = Annotated[str, StringConstraints(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=8000)]
Address = Annotated[str, StringConstraints(pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+$", max_length=254)]
Url = Annotated[str, StringConstraints(min_length=1, max_length=2000)]
Place = Secret | Url
"""A value as it is, or where it is kept. What is kept nowhere yet leaves its endpoint switched off."""


class Basic(Strict):
    """A name and a password."""

    user: Secret
    password: Secret


class HeaderAuth(Strict):
    """A key in a header, such as `x-api-token`."""

    name: HeaderName
    value: Secret


class OAuth(Strict):
    """OAuth 2.0 client credentials (RFC 6749 §4.4): a token is fetched, and fetched anew when it is refused."""

    token_url: Place
    """A whole URL, or a path under that of the endpoint."""
    client_id: Secret
    client_secret: Secret
    scope: Text | None = None


class Auth(Strict):
    """How Baton says who it is: one of these."""

    bearer: Secret | None = None
    basic: Basic | None = None
    header: HeaderAuth | None = None
    oauth: OAuth | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("auth is one of bearer, basic, header, oauth")
        return self


class Step(Strict):
    """One request of a delivery. `${…}` in its path, headers and body is CEL over the fact (docs/webhooks.md)."""

    id: FieldName = "send"
    when: Cel | None = None
    """Left out unless this is true."""
    method: Literal["POST", "PUT", "PATCH", "GET", "DELETE"] = "POST"
    path: Annotated[str, StringConstraints(max_length=2000)] = ""
    """Appended to the endpoint's URL; values in it are percent-encoded."""
    headers: dict[HeaderName, Text] = Field(default_factory=dict, max_length=50)
    body: Any = None
    """JSON; what has no value is left out of objects."""
    nulls: Literal["leave_out", "send"] = "leave_out"
    accept: tuple[Annotated[int, Field(ge=300, le=499)], ...] = ()
    """Statuses that are as good as 2xx here: 404 where something is looked up or deleted."""
    keep: dict[FieldName, Text] = Field(default_factory=dict, max_length=20)
    """Name to a path in the JSON answer: kept for this lead and endpoint, and known as `record.<name>` from then on."""


class Endpoint(Strict):
    """A system that is told of facts over HTTP. Without `steps` it gets the fact as a Standard Webhook."""

    id: Id
    label: Label
    url: Place
    facts: tuple[Deliverable, ...] = Field(default=HAND_OVERS, min_length=1)
    when: Cel | None = None
    signing: tuple[Secret, ...] = Field(default=(), max_length=3)
    """`whsec_…` or `whsk_…`; several sign side by side while one takes another's place."""
    auth: Auth | None = None
    headers: dict[HeaderName, Text] = Field(default_factory=dict, max_length=50)
    steps: tuple[Step, ...] = Field(default=(), max_length=10)
    record_id: FieldName | None = None
    """Which kept value is the CRM's own id of the lead: it goes into `lead.delivered`."""
    system: Id | None = None
    """Whose ids those are: the `system` of the sources by which it reports back; else the endpoint's own id."""
    at_once: int = Field(default=4, ge=1, le=32)
    """Most deliveries under way at a time; of one lead there is never more than one."""


class Notice(Strict):
    """Tells the new owner of a hand-off, at once (H4). By mail to the owner himself, or to a channel's webhook."""

    id: Id
    label: Label
    by: Literal["mail", "slack", "webhook"]
    url: Place | None = None
    teams: tuple[Id, ...] = ()
    reps: tuple[Id, ...] = ()
    """Only hand-offs to these teams or reps; empty: to everybody."""
    copy_to: tuple[Address, ...] = Field(default=(), max_length=20)
    signing: tuple[Secret, ...] = Field(default=(), max_length=3)
    facts: tuple[Literal["lead.routed", "lead.reassigned", "sla.escalated"], ...] = Field(
        default=("lead.routed", "lead.reassigned"), min_length=1
    )
    steps: tuple[Literal["owner", "manager", "team"], ...] = ()
    """Whom it speaks for when a broken promise is escalated; a policy may also name the notice by its id."""
    to: tuple[Address, ...] = Field(default=(), max_length=20)
    """Who gets the mail; empty: the owner."""

    @model_validator(mode="after")
    def _has_a_way(self) -> Self:
        if (self.by == "mail") == (self.url is not None):
            raise ValueError("slack and webhook need a url, mail goes by BATON_SMTP_URL and has none")
        if self.by != "mail" and (self.copy_to or self.to):
            raise ValueError("to and copy_to are for mail")
        if self.steps and "sla.escalated" not in self.facts:
            raise ValueError("steps are those of sla.escalated: name it in facts")
        if self.by != "webhook" and self.signing:
            raise ValueError("signing is for webhook")
        return self
