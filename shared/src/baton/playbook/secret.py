"""Secrets are named in the playbook and live elsewhere: `{env: NAME}` or `{file: PATH}`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from baton.playbook.terms import Strict


class Secret(Strict):
    """Where a secret is kept. Never the secret itself."""

    env: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")
    file: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("write {env: NAME} or {file: PATH}, never the secret itself")
        return self


class SecretMissing(LookupError):
    """The place named in the playbook holds no secret. The message names the place and never a secret."""


def resolve(secret: Secret, environ: Mapping[str, str]) -> bytes:
    """The secret, read now: a rotated file counts at once. Raises SecretMissing.

    `environ` is the process's environment, handed in by the service. One line end at the end of a file is not
    part of the secret.
    """
    if secret.env is not None:
        value = environ.get(secret.env, "").encode()
        place = f"the environment variable {secret.env}"
    else:
        place = f"the file {secret.file}"
        value = _from_file(Path(str(secret.file)), place)
    if not value:
        raise SecretMissing(f"{place} is not set or empty")
    return value


def is_set(secret: Secret, environ: Mapping[str, str]) -> bool:
    """Whether the place holds a secret now."""
    try:
        return bool(resolve(secret, environ))
    except SecretMissing:
        return False


def _from_file(path: Path, place: str) -> bytes:
    try:
        return path.read_bytes().removesuffix(b"\n").removesuffix(b"\r")
    except OSError as fault:
        raise SecretMissing(f"{place} cannot be read: {fault.strerror}") from fault
