"""How a source's door works: what proves a post genuine, which challenges are answered, where browsers are sent."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from baton.playbook.secret import Secret
from baton.playbook.terms import Strict

Scheme = Literal["hmac-sha256", "hmac-sha1", "timestamped", "hubspot-v3", "espocrm", "basic", "token"]
WITH_HEADER = ("hmac-sha256", "hmac-sha1", "timestamped")


class Signature(Strict):
    """How a post proves where it comes from. Two secrets at most: the new one and, while rotating, the old one.

    `hmac-sha256` signs `signed_prefix` and the raw body, `hmac-sha1` the raw body and of an array only the first
    element; both are found in `header`, encoded as said, after `prefix`. `timestamped` is found in `header` as
    `t=…,v1=…` and signs the time, a dot and the body. `hubspot-v3` signs method, public URL, body and a time. `espocrm`
    names its webhook beside the signature. `basic` is a name and a password, its secret `name:password`. `token`
    compares the `header`, else the URL's `param`, else the body's `field`, with the secret.
    """

    scheme: Scheme
    header: str | None = Field(default=None, pattern=r"^[A-Za-z0-9-]+$")
    param: str = Field(default="token", pattern=r"^[A-Za-z0-9_.-]+$", description="Of the URL.")
    field: str | None = Field(default=None, min_length=1, description="Of the body; masked before the body is stored.")
    is_public: bool = Field(default=False, description="The token is no secret, such as Web-to-Lead's oid: no masking.")
    encoding: Literal["base64", "hex"] = "base64"
    prefix: str = ""
    signed_prefix: str = Field(default="", description="What is signed before the body.")
    tolerance_seconds: int = Field(default=300, ge=1, le=86_400, description="Of a signed time, to either side.")
    secrets: tuple[Secret, ...] = Field(min_length=1, max_length=2)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.scheme in WITH_HEADER and self.header is None:
            raise ValueError(f"{self.scheme} needs header")
        if self.field is not None and self.scheme != "token":
            raise ValueError("field is for the scheme token")
        return self


class Handshake(Strict):
    """A challenge that a platform sends by GET before it trusts the door.

    `meta` is answered if it knows `verify_token`; `linkedin` with the challenge signed by the signature's secret.
    """

    kind: Literal["meta", "linkedin"]
    verify_token: Secret | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.kind == "meta") != (self.verify_token is not None):
            raise ValueError("meta needs verify_token; linkedin has none")
        return self


def _is_web_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("write a whole URL, such as https://www.example.com/thanks")
    return text


WebAddress = Annotated[str, StringConstraints(max_length=2000, pattern=r"^\S+$"), AfterValidator(_is_web_address)]
Host = Annotated[str, StringConstraints(pattern=r"^[a-z0-9.-]+(:\d+)?$")]


class Redirect(Strict):
    """Where a browser that posted a form goes. Without a place that is allowed it gets the JSON answer.

    `field` names the form's own wish (Web-to-Lead's `retURL`), which counts only for one of `hosts`.
    """

    field: str | None = Field(default=None, min_length=1)
    hosts: tuple[Host, ...] = Field(default=(), description="Host names, with the port where it is not the usual one.")
    success: WebAddress | None = Field(default=None, description="Where the form names no place that is allowed.")
    error: WebAddress | None = Field(default=None, description="Where to when the form could not be taken in.")
