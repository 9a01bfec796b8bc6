"""Versions of the definition over HTTP: who agreed to what is in force, and what changed since."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from services.scoring.tests.conftest import PLAYBOOK

from baton.runtime.clock import FixedClock
from baton.runtime.http import ensure_admin_token
from baton.runtime.http.app import create_app
from baton.runtime.settings import Settings
from baton.runtime.testing import Bench
from baton.scoring.service import Scoring, build

DEFINITION = "/scoring/v1/definition"


class House:
    """Scoring on a copy of the example playbook that may be changed, and a client of it."""

    def __init__(self, bench: Bench, service: Scoring, folder: Path, client: httpx.AsyncClient) -> None:
        self.bench, self.service, self.folder, self.client = bench, service, folder, client

    async def get(self, path: str, **query: str) -> Any:
        answer = await self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def sign(self, side: str, name: str, version: str | None = None) -> httpx.Response:
        body = {"version": version or self.service.playbook.version, "side": side, "name": name}
        return await self.client.post(f"{DEFINITION}/sign", json=body)

    async def change(self, file: str, was: str, becomes: str) -> None:
        """Edit the playbook and let the service find it, as its watch does."""
        await self.bench.advance(timedelta(days=1))
        path = self.folder / f"{file}.yaml"
        text = path.read_text()
        assert was in text
        path.write_text(text.replace(was, becomes, 1))
        self.service.watch.poll()
        await self.service._note_in_force(self.bench.engine)


@asynccontextmanager
async def opened(tmp_path: Path, clock: FixedClock, url: str | None = None) -> AsyncIterator[House]:
    folder = tmp_path / "playbook"
    if not folder.exists():
        shutil.copytree(PLAYBOOK, folder)
    service = build(Settings(playbook=folder))
    async with Bench.of(service, tmp_path, clock, database_url=url) as bench:
        await service._note_in_force(bench.engine)
        headers = {"Authorization": f"Bearer {ensure_admin_token(bench.engine.settings.home)}"}
        transport = httpx.ASGITransport(create_app(bench.engine))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
            yield House(bench, service, folder, client)


@pytest.fixture(params=["sqlite", "postgres"])
async def house(request: pytest.FixtureRequest, tmp_path: Path, clock: FixedClock) -> AsyncIterator[House]:
    url = str(request.getfixturevalue("postgres").new_database()) if request.param == "postgres" else None
    async with opened(tmp_path, clock, url) as house:
        yield house


async def test_what_is_in_force_without_the_word_of_both_sides_is_said(house: House) -> None:
    unsigned = (await house.get(DEFINITION))["signed"]
    assert (unsigned["complete"], unsigned["missing"]) == (False, ["marketing", "sales"])
    assert "without the word of either side" in (await house.client.get("/scoring/")).text
    assert (await house.sign("marketing", "Ida Holm")).status_code == 201
    page = (await house.client.get("/scoring/")).text
    assert "Signed by Ida Holm for marketing; sales has not signed what is in force." in page
    signed = (await house.sign("sales", "Bo Lind")).json()
    assert (signed["complete"], signed["says"]) == (True, "Signed by Ida Holm for marketing and Bo Lind for sales.")
    assert signed["by"]["sales"]["signed_at"].startswith("2026-11-02T09:00:00")
    assert "has not signed" not in (await house.client.get("/scoring/")).text


async def test_nobody_signs_for_both_sides_nor_over_another_nor_what_is_not_in_force(house: House) -> None:
    assert (await house.sign("marketing", "Ida Holm")).status_code == 201
    assert (await house.sign("marketing", "ida  holm")).status_code == 201
    both = await house.sign("sales", "Ida Holm")
    assert (both.status_code, both.json()["detail"]) == (
        409,
        "Ida Holm has signed for the other side: somebody else signs for sales.",
    )
    over = await house.sign("marketing", "Kim Berg")
    assert (over.status_code, over.json()["detail"]) == (409, "Ida Holm has signed for marketing already.")
    assert (await house.sign("sales", "Bo Lind", "2020-0123456789ab")).status_code == 409
    assert (await house.sign("nobody", "Bo Lind")).status_code == 422


async def test_a_new_version_says_what_changed_since_the_last_one_both_signed(house: House) -> None:
    first = house.service.playbook.version
    await house.sign("marketing", "Ida Holm")
    await house.sign("sales", "Bo Lind")
    await house.change("definition", "    points: 15\n", "    points: 20\n    required: true\n")
    second = house.service.playbook.version
    await house.change("sla", "first_attempt: 1h", "first_attempt: 2h")
    now = await house.get(DEFINITION)
    assert (now["last_agreed"], now["previous"]) == (first, second)
    criterion = "criterion “Interest at decision level”: now required; points 15 → 20"
    promise = "policy “Hot lead”: first attempt 1 h → 2 h"
    assert [one["says"] for one in now["changes_since_agreed"]] == [criterion, promise]
    assert [one["says"] for one in now["changes"]] == [promise]
    page = (await house.client.get("/scoring/")).text
    assert criterion in page
    assert "the last version both sides signed" in page
    between = await house.get(f"{DEFINITION}/changes", since=second, until=first)
    assert between["changes"][0]["says"] == (
        "criterion “Interest at decision level”: no longer required; points 20 → 15"
    )
    assert (await house.client.get(f"{DEFINITION}/changes", params={"since": "1-000000000000"})).status_code == 404


async def test_a_version_that_comes_back_is_in_force_again_with_its_signatures(house: House) -> None:
    first = house.service.playbook.version
    await house.sign("marketing", "Ida Holm")
    await house.change("sla", "first_attempt: 1h", "first_attempt: 2h")
    await house.change("sla", "first_attempt: 2h", "first_attempt: 1h")
    listed = await house.get(f"{DEFINITION}/versions")
    assert [(row["version"] == first, row["in_force"]) for row in listed] == [(True, True), (False, False)]
    assert listed[0]["first_in_force_at"] < listed[1]["first_in_force_at"] < listed[0]["last_in_force_at"]
    assert listed[0]["signed"]["by"]["marketing"]["name"] == "Ida Holm"


async def test_signatures_in_the_playbook_count_and_those_given_here_outlive_a_restart(
    tmp_path: Path, clock: FixedClock
) -> None:
    async with opened(tmp_path, clock) as house:
        version = house.service.playbook.version
        await house.sign("sales", "Bo Lind")
    signature = f"{{version: {version}, side: marketing, name: Ida Holm, signed_at: 2026-11-01}}"
    (tmp_path / "playbook/signatures.yaml").write_text(f"signatures: [{signature}]\n")
    async with opened(tmp_path, clock) as house:
        signed = (await house.get(DEFINITION))["signed"]
        assert signed["says"] == "Signed by Ida Holm for marketing and Bo Lind for sales."
        assert signed["by"]["marketing"]["noted_by"] == "signatures.yaml"
        assert await house.get(f"{DEFINITION}/document") == {
            "version": version,
            "document": house.service.playbook.document(),
        }


async def test_a_signature_needs_the_scope_of_whoever_runs_the_house(house: House) -> None:
    body = {"version": house.service.playbook.version, "side": "sales", "name": "Bo"}
    refused = await house.client.post(f"{DEFINITION}/sign", json=body, headers={"Authorization": "Bearer no"})
    assert refused.status_code == 401
