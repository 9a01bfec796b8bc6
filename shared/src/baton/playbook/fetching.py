"""What a platform only names and Baton fetches afterwards: `fetch` of a source, and what is made of the answers.

Pure: the calls themselves are intake's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Annotated, Any, Final, Self
from urllib.parse import quote, urlencode

from pydantic import Field, StringConstraints, model_validator

from baton.playbook.paths import PathText, parse_path
from baton.playbook.secret import Secret
from baton.playbook.terms import Id, Strict

UrlPath = Annotated[str, StringConstraints(pattern=r"^/[^\s?#]*$", max_length=300)]
HeaderName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9-]{1,100}$")]
HeaderValue = Annotated[str, StringConstraints(pattern=r"^[\x20-\x7e]{0,300}$")]
_ID: Final = re.compile(r"[A-Za-z0-9_:~.@=+-]{1,200}")


class FetchAuth(Strict):
    """How a fetch says who asks: by a header with a prefix, or by a parameter of the URL."""

    header: HeaderName | None = None
    prefix: HeaderValue = "Bearer "
    query: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_.-]{1,100}$")
    secrets: tuple[Secret, ...] = Field(min_length=1, max_length=2, description="The first that is set is sent.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.header is None) == (self.query is None):
            raise ValueError("give header or query: where the token goes")
        return self


class Beside(Strict):
    """A second document that explains the first, such as the questions of a form; kept for an hour, by its id.

    For every row of `into`, the row of `rows` with the same value under `by` lends it the keys that it lacks.
    """

    path: UrlPath = Field(description="Where it stands; `{id}` is its id.")
    id: PathText = Field(description="Where the first document names it.")
    after: str | None = Field(default=None, min_length=1, description="Of that text only what follows this.")
    before: str | None = Field(default=None, min_length=1, description="Of that only what stands before this.")
    rows: PathText = Field(description="The rows of the second document.")
    into: PathText = Field(description="The rows of the first that they belong to.")
    by: str = Field(min_length=1, max_length=100)

    def id_in(self, document: Any) -> str | None:
        """The id of the second document, by the first. None where it names none, or no id."""
        return safe_id(cut(parse_path(self.id).first(document), self.after, self.before))


class Thing(Strict):
    """Something that notices name by its id. What is fetched is read by the mappings with `of:` this id."""

    id: Id
    path: UrlPath = Field(description="Where it stands; `{id}` is the notice's `external_id`.")
    query: dict[str, HeaderValue] = Field(default_factory=dict)
    beside: Beside | None = None

    @model_validator(mode="after")
    def _named(self) -> Self:
        for path in (self.path, self.beside.path if self.beside else self.path):
            if "{id}" not in path:
                raise ValueError("path needs {id}")
        return self


class Busy(Strict):
    """How a platform says `later` under a status that means `no` elsewhere: by a word or number in its answer."""

    path: PathText
    values: tuple[str | int, ...] = Field(min_length=1, max_length=50)


class Fetch(Strict):
    """How what a source's notices name is fetched: from where, as whom, how often at most."""

    base_url: str = Field(pattern=r"^https?://[^\s?#]+$", max_length=300)
    auth: FetchAuth
    headers: dict[HeaderName, HeaderValue] = Field(default_factory=dict)
    per_second: float = Field(default=5, gt=0, le=1000, description="Calls a second at most, by each process.")
    timeout_seconds: float = Field(default=15, gt=0, le=120)
    busy: Busy | None = None
    things: tuple[Thing, ...] = Field(min_length=1)

    def thing(self, thing_id: str) -> Thing | None:
        """The thing with this id, if there is one."""
        return next((thing for thing in self.things if thing.id == thing_id), None)

    def url(self, path: str, id_: str, query: Mapping[str, str] | None = None) -> str:
        """The URL of one document. The token is not in it."""
        asked = f"?{urlencode(query)}" if query else ""
        return self.base_url.rstrip("/") + path.replace("{id}", quote(id_, safe="")) + asked

    def is_busy(self, answer: Any) -> bool:
        """Whether an answer that refuses only means `later`."""
        if self.busy is None:
            return False
        words = {str(word) for word in self.busy.values}
        return any(str(found) in words for found in parse_path(self.busy.path).all(answer))


def safe_id(value: object) -> str | None:
    """The id as it may stand in a URL's path; None for what is no id of any platform."""
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    return text if _ID.fullmatch(text) and text.strip(".") else None


def cut(value: object, after: str | None, before: str | None) -> object:
    """Of a text what stands after one text (none, if that is absent) and before another."""
    if not isinstance(value, str):
        return value
    if after is not None:
        value = value.rpartition(after)[2] if after in value else ""
    if before is not None:
        value = value.partition(before)[0]
    return value.strip() or None


def joined(document: Any, other: Any, beside: Beside) -> Any:
    """The first document, its rows with what the second says of them. Neither is changed."""
    told = {_word(row, beside.by): row for row in parse_path(beside.rows).all(other) if isinstance(row, Mapping)}
    document = deepcopy(document)
    for row in parse_path(beside.into).all(document):
        if isinstance(row, dict) and (known := told.get(_word(row, beside.by))) is not None:
            row.update({key: value for key, value in known.items() if key not in row})
    return document


def _word(row: Mapping[str, Any], key: str) -> str | None:
    value = row.get(key)
    return None if value is None else str(value)
