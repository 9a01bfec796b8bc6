"""What the doctor looks at around a service: the room on the disk, and how it ended."""

from __future__ import annotations

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from baton.cli.ended import forget_end, note_end, read_ends
from baton.cli.surroundings import ROOM_BYTES, look_around, look_at_the_disk

Usage = namedtuple("Usage", "total used free")


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BATON_PLAYBOOK", "BATON_BUS", "BATON_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BATON_HOME", str(tmp_path))


@pytest.mark.parametrize(("free", "fine"), [(ROOM_BYTES, True), (ROOM_BYTES - 1, False)])
def test_a_disk_that_is_nearly_full_is_told(monkeypatch: pytest.MonkeyPatch, free: int, fine: bool) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(1, 1, free))
    (finding,) = look_at_the_disk()
    assert finding.fine == fine


def test_how_it_ended_is_kept_until_it_is_up_again(tmp_path: Path) -> None:
    note_end(tmp_path, "routing", "x" * 1000)
    ((who, _, why),) = read_ends(tmp_path)
    assert (who, len(why)) == ("routing", 400)
    assert [finding.about for finding in look_around()] == ["routing"]
    forget_end(tmp_path, "routing")
    assert list(look_around()) == []


def test_a_note_that_cannot_be_written_or_read_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "ended-up.json").write_text("[1")
    (tmp_path / "file").write_text("")
    note_end(tmp_path / "file", "up", "why")
    forget_end(tmp_path / "file", "up")
    assert list(read_ends(tmp_path)) == []
