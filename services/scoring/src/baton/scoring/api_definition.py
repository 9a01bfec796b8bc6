"""HTTP of the definition: what is in force, since when, who agreed to it, who has read it, and what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from baton.playbook import Change, Side, Watch, documents_differ
from baton.runtime.http import Principal, Problem, body_of, problems, read_json, requires
from baton.scoring import store, store_versions
from baton.scoring.domain.agreement import Agreement, Signed, agreement_on, all_signed, objection
from baton.scoring.views import definition_shown

if TYPE_CHECKING:
    from baton.runtime.engine import Engine

Reader = Annotated[Principal, Depends(requires("leads:read"))]
Signer = Annotated[Principal, Depends(requires("admin"))]
Version = Annotated[str | None, Query(max_length=60, pattern=r"^[A-Za-z0-9._-]+$")]


class ReadIn(BaseModel):
    """A confirmation of having read the definition (D5)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    version: str = Field(description="The version that was read; must be the one in force.")
    reader: str | None = Field(
        default=None, min_length=1, max_length=100, description="Who read it; without it the name of the token."
    )


class SignIn(BaseModel):
    """One side's word on the version in force (U5)."""

    model_config = ConfigDict(extra="forbid", strict=True)

    version: str = Field(description="The version that is signed; must be the one in force.")
    side: Side
    name: str = Field(min_length=1, max_length=100, description="Who signs. Nobody signs for both sides.")


_READ = TypeAdapter(ReadIn)
_SIGN = TypeAdapter(SignIn)


class Desk:
    """What is known of the versions of the playbook, put together from the directory and the store."""

    def __init__(self, engine: Engine, tables: store.Tables, watch: Watch) -> None:
        self.engine, self.tables, self.watch = engine, tables, watch

    async def signed(self) -> list[Signed]:
        """Every signature, in the directory or given here."""
        rows = await self.engine.read(lambda tx: store_versions.signatures(tx, self.tables.signature))
        return all_signed(self.watch.signatures, (Signed(**row) for row in rows))

    async def versions(self) -> list[dict[str, Any]]:
        """The versions that were ever in force here, newest first, each with who signed it."""
        rows = await self.engine.read(lambda tx: store_versions.versions(tx, self.tables.version))
        readers = await self.engine.read(lambda tx: store_versions.count_readers(tx, self.tables.reading))
        signed = await self.signed()
        now = self.watch.current.version
        return [
            {
                **row,
                "in_force": row["version"] == now,
                "signed": agreement_shown(agreement_on(row["version"], signed)),
                "readers": readers.get(row["version"], 0),
            }
            for row in rows
        ]

    async def document(self, version: str) -> Mapping[str, Any]:
        """What a version says. Raises Problem 404 for one that was never in force here."""
        current = self.watch.current
        if version == current.version:
            return current.document()
        found = await self.engine.read(lambda tx: store_versions.find_document(tx, self.tables.version, version))
        if found is None:
            raise Problem(404, "Unknown version", f"{version} was never in force here.")
        return found

    async def changes(self, since: str | None, until: str) -> list[Change] | None:
        """What changed between two versions; None where there is nothing to compare with."""
        if since is None:
            return None
        return documents_differ(await self.document(since), await self.document(until))

    async def standing(self) -> dict[str, Any]:
        """Of the version in force: who signed it, what changed since the one before and since the last both signed."""
        current = self.watch.current.version
        signed, others = await self.signed(), [row for row in await self.versions() if not row["in_force"]]
        agreement = agreement_on(current, signed)
        before = others[0]["version"] if others else None
        agreed = next((row["version"] for row in others if row["signed"]["complete"]), None)
        agreed = None if agreement.is_complete else agreed
        return {
            "signed": agreement_shown(agreement),
            "previous": before,
            "changes": shown(await self.changes(before, current)),
            "last_agreed": agreed,
            "changes_since_agreed": shown(await self.changes(agreed, current)),
        }


def agreement_shown(agreement: Agreement) -> dict[str, Any]:
    """An agreement as people and API clients see it."""
    by = {side: asdict(one) for side, one in agreement.by.items()}
    return {"complete": agreement.is_complete, "missing": agreement.missing, "by": by, "says": agreement.says}


def shown(changes: Sequence[Change] | None) -> list[dict[str, str]] | None:
    """Changes as the API gives them."""
    return None if changes is None else [{"file": one.file, "kind": one.kind, "says": str(one)} for one in changes]


def router(desk: Desk) -> APIRouter:
    """Return the routes; reading needs the scope `leads:read`, signing `admin`."""
    routes = APIRouter(prefix="/scoring/v1/definition", tags=["definition"])
    engine, tables = desk.engine, desk.tables

    @routes.get("")
    async def show_definition(_: Reader) -> dict[str, Any]:
        """The lead definition in force: fields, criteria, must-know list, points and reasons; who signed and read it,
        and what changed since the version before and since the last that both sides signed."""
        playbook = desk.watch.current
        readers = await engine.read(lambda tx: store_versions.readings(tx, tables.reading, playbook.version))
        return {**definition_shown(playbook), **await desk.standing(), "read_by": readers}

    @routes.get("/versions")
    async def list_versions(_: Reader) -> list[dict[str, Any]]:
        """The versions that were ever in force here, the newest first, with who signed each."""
        return await desk.versions()

    @routes.get("/document", responses=problems(404))
    async def show_document(_: Reader, version: Version = None) -> dict[str, Any]:
        """A version's whole content; without `version` that of the one in force."""
        name = version or desk.watch.current.version
        return {"version": name, "document": await desk.document(name)}

    @routes.get("/changes", responses=problems(404))
    async def show_changes(_: Reader, since: Version = None, until: Version = None) -> dict[str, Any]:
        """What changed between two versions, in words; by default from the one before to the one in force."""
        current = desk.watch.current.version
        before = since or next((row["version"] for row in await desk.versions() if not row["in_force"]), None)
        changes = await desk.changes(before, until or current)
        return {"since": before, "until": until or current, "changes": shown(changes) or []}

    @routes.post("/read", status_code=201, openapi_extra=body_of(ReadIn), responses=problems(409))
    async def confirm_reading(request: Request, who: Reader) -> dict[str, Any]:
        """Confirm having read the version in force. 409 if another is in force by now; repeating it changes nothing."""
        said = await read_json(request, _READ)
        version = _in_force(desk, said.version)
        reader, now = said.reader or who.name, engine.clock.now()
        await engine.store.write(lambda tx: store_versions.note_reading(tx, tables.reading, version, reader, now))
        readers = await engine.read(lambda tx: store_versions.readings(tx, tables.reading, version))
        return {"version": version, "read_by": readers}

    @routes.post("/sign", status_code=201, openapi_extra=body_of(SignIn), responses=problems(409))
    async def sign(request: Request, who: Signer) -> dict[str, Any]:
        """Sign the version in force for marketing or for sales. 409 if another is in force by now, if that side has
        signed already, or if the same person signed for the other side; repeating it changes nothing."""
        said = await read_json(request, _SIGN)
        version = _in_force(desk, said.version)
        _refuse(objection(agreement_on(version, await desk.signed()), said.side, said.name))
        row = asdict(Signed(version, said.side, said.name, engine.clock.now(), who.name))
        await engine.store.write(lambda tx: store_versions.note_signature(tx, tables.signature, row))
        agreement = agreement_on(version, await desk.signed())
        _refuse(objection(agreement, said.side, said.name))  # somebody was faster
        return {"version": version, **agreement_shown(agreement)}

    return routes


def _in_force(desk: Desk, version: str) -> str:
    current = desk.watch.current.version
    if version != current:
        raise Problem(409, "Another version is in force", f"The definition in force is {current}.", version=current)
    return current


def _refuse(why: str | None) -> None:
    if why is not None:
        raise Problem(409, "Cannot be signed so", why)
