"""The smallest service with HTTP of its own: it takes notes, and can be told to fail in every way there is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, ClassVar

from fastapi import APIRouter, Depends, Request
from prometheus_client import CollectorRegistry
from pydantic import BaseModel, ConfigDict, TypeAdapter
from sqlalchemy import Connection

from baton.runtime.engine import Engine
from baton.runtime.handler import Cause, Command, Decision, Draft, Refusal, Reply, Service
from baton.runtime.http import Principal, body_of, read_json, requires
from baton.runtime.store import NotNow, new_metadata

LIMIT = 2_000


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    size: int


class Note(BaseModel):
    model_config = ConfigDict(extra="forbid")
    text: str
    loud: bool = False
    inner: Inner | None = None
    anything: Any = None


class Noted(BaseModel):
    type: ClassVar[str] = "note.noted"
    topic: ClassVar[str] = "notes"
    text: str


NOTE = TypeAdapter(Note)
Writer = Annotated[Principal, Depends(requires("sales:write"))]


class Kiosk(Service[None, None]):
    name = "kiosk"
    says = ("notes",)
    hears: Mapping[str, Mapping[str, type[BaseModel]]] = {"orders": {}}

    def __init__(self) -> None:
        self.metadata = new_metadata()
        self.registry = CollectorRegistry()
        self.ill: dict[str, str] = {}

    def load(self, tx: Connection, subjects: Sequence[str]) -> dict[str, None]:
        return dict.fromkeys(subjects)

    def decide(self, state: None, books: None, cause: Cause, now: datetime) -> Decision[None]:
        assert isinstance(cause, Command)
        if cause.body == "no":
            return Decision(None, reply=Refusal(409, "Closed", "The kiosk is closed.", {"opens": "tomorrow"}))
        return Decision(
            None, facts=(Draft(Noted(text=cause.body)),), reply=Reply({"noted": cause.body, "by": cause.actor})
        )

    def keep(self, tx: Connection, states: Mapping[str, None], books: None, now: datetime) -> None: ...

    def ledger(self, tx: Connection) -> dict[str, Any]:
        return {"notes": 2}

    def ledger_page(self, tx: Connection, after: str, limit: int) -> list[dict[str, Any]]:
        return [{"lead_id": x, "fate": "noted"} for x in ("a", "b", "c") if x > after][:limit]

    def concerns(self) -> Mapping[str, str]:
        return self.ill

    def routers(self, engine: Engine) -> Sequence[APIRouter]:
        router = APIRouter(prefix="/kiosk/v1")

        @router.post("/notes", openapi_extra=body_of(Note))
        async def take(request: Request, who: Writer) -> Any:
            note = await read_json(request, NOTE, LIMIT)
            reply = await engine.command(Command(note.text, "desk", "note", note.text, who.name))
            return reply.body

        @router.get("/fail")
        async def fail(how: str) -> None:
            raise {"bug": RuntimeError("ida@berg.example is in the message"), "not_now": NotNow("db.internal")}[how]

        @router.get("/page")
        async def page(who: Annotated[Principal, Depends(requires("leads:read"))]) -> dict[str, str]:
            return {"for": who.name}

        return (router,)
