"""sources.yaml: who may post, how we know them, and where in their bodies things stand.

CSV import uses the same mapping.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from baton.playbook.doors import Handshake, Redirect, Signature
from baton.playbook.fetching import Fetch
from baton.playbook.paths import PathText
from baton.playbook.terms import Cel, Id, Label, Strict

ContactField = Literal[
    "email", "first_name", "last_name", "full_name", "salutation", "job_title", "company", "website", "phone",
    "street", "city", "postal_code", "region", "country", "locale", "timezone",
]  # fmt: skip
Status = Literal["accepted", "recycle", "junk", "unreachable", "opportunity", "won", "lost"]
Gives = Literal["lead", "activity", "touch", "answer", "status", "fetch", "erasure", "nothing"]
IdentityKind = Literal["external_id", "email", "phone"]
TwoLeads = Literal["merge", "propose", "apart"]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


def _is_pattern(text: str) -> str:
    try:
        re.compile(text)
    except re.error as fault:
        raise ValueError(f"not a regular expression: {fault}") from None
    return text


Pattern = Annotated[str, StringConstraints(min_length=1, max_length=100), AfterValidator(_is_pattern)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=300)]


def _each_once(kinds: tuple[IdentityKind, ...]) -> tuple[IdentityKind, ...]:
    if len(set(kinds)) < len(kinds):
        raise ValueError("name each once")
    return kinds


class Pick(Strict):
    """One value. A bare string is a path. Exactly one of path, const, cel, first_of, named; the rest is applied in the
    order below. Blanks around texts are never kept.
    """

    path: PathText | None = None
    const: str | int | float | bool | None = None
    cel: Cel | None = Field(default=None, description="CEL over `element` and `body`, both untyped.")
    # Not strict: after `_bare_path` pydantic sees Python's list here and would demand a tuple.
    first_of: tuple[PathText, ...] = Field(
        default=(), strict=False, description="The first path that leads to a value."
    )
    named: tuple[Name, ...] = Field(
        default=(), strict=False, description="The first of these names, however it is written: `E-mail`, `e_mail`."
    )
    many: bool = Field(default=False, description="Keep every value the path leads to, as a list.")
    unescape: bool = Field(default=False, description="Read HTML entities such as `&amp;`, once.")
    after: str | None = Field(
        default=None, min_length=1, description="Of a text only what follows this; none, if absent."
    )
    before: str | None = Field(default=None, min_length=1, description="Of that only what stands before this.")
    split: str | None = Field(default=None, min_length=1, description="Cut the text at this into a list, such as `|`.")
    join: str | None = Field(default=None, description="Put a list together again, with this between.")
    values: dict[str, str | int | float | bool | None] = Field(
        default_factory=dict, description="Translate words (compared without case); null means absent."
    )
    otherwise: str | int | float | bool | None = Field(
        default=None, description="When `values` does not list the word."
    )
    time: Literal["iso", "s", "ms"] | None = Field(
        default=None, description="Read as a time and write it as ISO 8601, UTC."
    )
    default: str | int | float | bool | None = Field(default=None, description="When there is no value.")

    @model_validator(mode="before")
    @classmethod
    def _bare_path(cls, given: Any) -> Any:
        return {"path": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        origins = [self.path, self.const, self.cel, self.first_of or None, self.named or None]
        if sum(origin is not None for origin in origins) != 1:
            raise ValueError("give exactly one of path, const, cel, first_of, named")
        return self


class ActivityPick(Strict):
    """Activities inside an element: one for each thing `each` leads to, or one for the element itself."""

    each: PathText | None = None
    kind: Pick
    what: Pick
    occurred_at: Pick | None = None
    value: Pick | None = None


class LeadReference(Strict):
    """Which lead an activity, touch, answer or status is about: a system and its id, or an e-mail.

    `lead_id` is for CRMs that keep our id with their record: it counts before the others, and the record's own id is
    known as the lead's from then on.
    """

    lead_id: Pick | None = None
    system: Pick | None = None
    id: Pick | None = None
    email: Pick | None = None

    @model_validator(mode="after")
    def _refers(self) -> Self:
        if self.email is None and (self.system is None or self.id is None):
            raise ValueError("give email, or both system and id")
        return self


class Questions(Strict):
    """Where the questions stand, if the answers name them by an id only."""

    each: PathText
    id: PathText
    name: PathText
    named_by: PathText = Field(description="Where an answer says which question it is of.")


class Pairs(Strict):
    """A list of questions and answers, or of names and values, as an object: what `named` looks into."""

    each: PathText
    key: tuple[PathText, ...] = Field(
        default=(), strict=False, description="Each that leads to a text is a name; without any, the pair's own key."
    )
    value: tuple[PathText, ...] = Field(min_length=1, strict=False, description="The first that leads to a value.")
    split: str | None = Field(default=None, min_length=1, description="Cut each value at this into a list.")
    under: Label | None = Field(
        default=None, description="Put before each name, with a dot: what the platform names is not what people say."
    )
    questions: Questions | None = None


class ElementMapping(Strict):
    """How one kind of element in a body becomes one lead, activity, touch, answer or status.

    `each` says where the elements stand; without it the body (or the CSV row) is the element. Every mapping of a
    source is
    tried on every body; a body from which no mapping takes an element is quarantined. Paths start at the element.
    A mapping that gives `nothing` says that its elements are known and mean nothing here.
    """

    id: Id
    each: PathText | None = None
    when: Cel | None = Field(
        default=None, description="CEL over `element` and `body`; only elements for which it is true."
    )
    gives: Gives = "lead"
    of: Id | None = Field(default=None, description="Reads what was fetched as this thing, not what was posted.")
    fetch: Id | None = Field(default=None, description="With `gives: fetch`: which thing; `external_id` is its id.")
    reason: Id | None = Field(default=None, description="With `gives: nothing`: why, such as `echo`.")
    pairs: tuple[Pairs, ...] = ()
    names_in: tuple[PathText, ...] = Field(
        default=(), description="The objects `named` looks into; the element itself where there are no pairs either."
    )
    strip_names: Pattern | None = Field(
        default=None, description="What the platform puts before every name, such as Jotform's `^q[0-9]+_`."
    )
    rest: bool = Field(default=False, description="Whatever has a name and was not picked becomes a property.")
    drop: tuple[Name, ...] = Field(
        default=(), description="Names that `rest` leaves out; `GOVERNMENT*` is a beginning."
    )
    event_id: Pick | None = None
    dedupe: tuple[Pick, ...] = Field(
        default=(), description="Joined by `:` where there is no event_id; else the element's hash."
    )
    external_id: Pick | None = None
    occurred_at: Pick | None = None
    is_test: Pick | None = None
    contact: dict[ContactField, Pick] = Field(default_factory=dict)
    properties: dict[str, Pick] = Field(default_factory=dict)
    answers: dict[str, Pick] = Field(default_factory=dict)
    consent: dict[str, Pick] = Field(default_factory=dict)
    activity: tuple[ActivityPick, ...] = ()
    lead: LeadReference | None = None
    fields: dict[str, Pick] = Field(
        default_factory=dict, description="The keys of an activity, touch, answer or status."
    )

    @model_validator(mode="after")
    def _shape(self) -> Self:
        self._sparse()
        if self.gives in ("fetch", "nothing"):
            return self
        if self.gives == "lead":
            if self.lead is not None or self.fields:
                raise ValueError("a mapping that gives a lead has no lead and no fields")
            if self.external_id is None and not {"email", "phone"} & set(self.contact):
                raise ValueError("a lead needs external_id, contact.email or contact.phone")
        elif self.lead is None:
            raise ValueError(f"a mapping that gives {self.gives} says whose in lead")
        return self

    def _sparse(self) -> None:
        if (self.gives == "fetch") != (self.fetch is not None):
            raise ValueError("gives: fetch goes with fetch: what")
        if self.reason is not None and self.gives != "nothing":
            raise ValueError("reason says why a mapping gives nothing")
        if self.gives == "fetch" and (self.external_id is None or self.of is not None):
            raise ValueError("a mapping that gives fetch needs external_id, and reads what was posted")


Kinds = Annotated[tuple[IdentityKind, ...], Field(min_length=1, max_length=3), AfterValidator(_each_once)]


class WhenTwo(Strict):
    """What becomes of two leads that a post shows to be one person, by the weaker of the identities it names.

    `merge` at once, `propose` for somebody to decide, or keep `apart`: the stronger identity decides, and nothing else.
    """

    external_id: TwoLeads = "propose"
    email: TwoLeads = "propose"
    phone: TwoLeads = "propose"


class Identity(Strict):
    """By what people are recognised, for all sources. The first identity that is somebody's decides whose a post is."""

    recognise_by: Kinds = Field(
        default=("external_id", "email", "phone"), description="Which identities count, the strongest first."
    )
    trust_phone: tuple[Label, ...] = Field(
        default=(),
        description="Sources whose telephone numbers count beside other identities. Elsewhere a number counts only "
        "where there is no other: people share them.",
    )
    when_two: WhenTwo = WhenTwo()


@dataclass(frozen=True, slots=True)
class Recognition:
    """By what the people of one source are recognised."""

    kinds: tuple[IdentityKind, ...] = ("external_id", "email", "phone")
    trusts_phone: bool = False


class Source(Strict):
    """A sender. `webhook` sources have a signature and post to `/intake/v1/hooks/{id}`;

    `csv` sources are for import.
    """

    id: Id
    label: Label
    kind: Literal["webhook", "csv"] = "webhook"
    signature: Signature | None = None
    public_url: str | None = Field(
        default=None, pattern=r"^https?://\S+$", description="The URL the sender posts to and signs."
    )
    takes_get: bool = Field(default=False, description="A GET with a query is a post, not a probe.")
    handshake: Handshake | None = None
    redirect: Redirect | None = None
    body: Literal["json", "form"] = Field(default="json", description="Where the content type does not say.")
    charset_field: str | None = Field(
        default=None, pattern=r"^\w+$", description="The URL's parameter or the form's field that names the charset."
    )
    json_in: tuple[PathText, ...] = Field(default=(), description="Texts of the body that are JSON themselves.")
    unwrap: tuple[PathText, ...] = Field(
        default=(), description="What the body is wrapped in: the first of these that is there is the body."
    )
    elements: tuple[PathText, ...] = Field(
        default=(), description="Where everything stands: what no mapping takes of it is quarantined by itself."
    )
    unescape: bool = Field(default=False, description="Every text comes with HTML entities: read them, once.")
    mask: tuple[PathText, ...] = Field(default=(), description="What is blotted out before the body is stored.")
    default_region: Country | None = Field(default=None, description="For telephone numbers without a country code.")
    system: Id | None = Field(
        default=None, description="The name under which its ids are external ids; its own id by default."
    )
    fetch: Fetch | None = Field(default=None, description="How what its notices only name is fetched.")
    recognise_by: Kinds | None = Field(
        default=None, description="Which identities of its posts count, where not those of `identity`."
    )
    mapping: tuple[ElementMapping, ...] = Field(min_length=1)

    @property
    def external_system(self) -> str:
        """The `source` in (source, external_id)."""
        return self.system or self.id

    @property
    def token_fields(self) -> tuple[str, ...]:
        """Where in the body a secret stands."""
        signature = self.signature
        return (signature.field,) if signature and signature.field and not signature.is_public else ()

    @model_validator(mode="after")
    def _fetched(self) -> Self:
        things = {thing.id for thing in self.fetch.things} if self.fetch else set()
        read = {mapping.of for mapping in self.mapping if mapping.of}
        named = {mapping.fetch for mapping in self.mapping if mapping.fetch}
        if unknown := sorted((read | named) - things):
            raise ValueError(f"fetch.things has no {', '.join(unknown)}")
        if unread := sorted(named - read):
            raise ValueError(f"no mapping reads what is fetched: of: {', '.join(unread)}")
        return self

    @model_validator(mode="after")
    def _signed(self) -> Self:
        if (self.kind == "webhook") != (self.signature is not None):
            raise ValueError("a webhook needs signature; a csv source has none")
        if self.kind == "csv" and (self.handshake or self.redirect):
            raise ValueError("only a webhook has handshake or redirect")
        return self

    @model_validator(mode="after")
    def _recognises(self) -> Self:
        for mapping in self.mapping:
            named = {"external_id"} if mapping.external_id is not None else set()
            named |= {"email", "phone"} & set(mapping.contact)
            if self.recognise_by is not None and mapping.gives == "lead" and not named & set(self.recognise_by):
                raise ValueError(f"{mapping.id} gives nothing that recognise_by names")
        return self


class StatusWords(Strict):
    """A CRM's words for our statuses (H7) and for our reason codes; compared without case."""

    system: Id
    statuses: dict[str, Status] = Field(min_length=1)
    reasons: dict[str, Id] = Field(default_factory=dict)

    def status(self, word: str) -> Status | None:
        """Our status for the CRM's word, or None."""
        return {key.casefold(): value for key, value in self.statuses.items()}.get(word.strip().casefold())

    def reason(self, word: str) -> str | None:
        """Our reason code for the CRM's word, or None."""
        return {key.casefold(): value for key, value in self.reasons.items()}.get(word.strip().casefold())


class Sources(Strict):
    """All sources and the CRMs' status words."""

    sources: tuple[Source, ...] = ()
    status_words: tuple[StatusWords, ...] = ()
    identity: Identity = Identity()

    def recognition(self, source_name: str, source: Source | None) -> Recognition:
        """By what people are recognised who are posted under this name; `source` is the playbook's, if it has it."""
        own = source.recognise_by if source is not None else None
        names = {source_name} if source is None else {source.id, source.external_system}
        return Recognition(own or self.identity.recognise_by, not names.isdisjoint(self.identity.trust_phone))

    def find(self, source_id: str) -> Source | None:
        """The source with this id, if there is one."""
        return next((source for source in self.sources if source.id == source_id), None)

    def words(self, system: str) -> StatusWords | None:
        """The status words of a CRM, if it has any."""
        return next((words for words in self.status_words if words.system == system), None)
