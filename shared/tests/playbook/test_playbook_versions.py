"""One version for the whole directory, and a watch that lets only valid ones in."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from baton.playbook import Playbook, PlaybookErrors, Watch, load

Writer = Callable[..., Path]


def test_the_version_is_the_label_and_the_hash(written: Writer) -> None:
    playbook = load(written())
    assert playbook.label == "1"
    assert playbook.version == f"1-{playbook.hash[:12]}"


def test_remarks_order_of_keys_and_layout_do_not_change_the_version(written: Writer) -> None:
    before = load(written()).hash
    after = load(
        written(
            definition=(
                "  - id: size\n    label: Big enough\n",
                "  # agreed in spring\n  - label: 'Big enough'\n    id: size\n",
            ),
            sla=("4h", "240m"),
        )
    )
    assert after.hash == before


def test_anything_that_can_change_a_decision_changes_the_version(written: Writer) -> None:
    changes = {
        "definition": ("50", "51"),
        "scoring": ("points: 10", "points: 11"),
        "nurture": ("30", "31"),
        "disqualify": ("< 5", "< 6"),
        "routing": ("10000", "10001"),
        "sla": ("4h", "5h"),
        "sources": ("FORMS_TOKEN", "OTHER"),
        "calendars": ("17:00", "17:30"),
        "targets": ("0.6", "0.7"),
    }
    hashes = [load(written()).hash, *(load(written(**{name: change})).hash for name, change in changes.items())]
    assert len(set(hashes)) == len(hashes)


def test_a_default_written_out_is_the_same_version_so_that_new_settings_leave_it_as_it_is(written: Writer) -> None:
    before = load(written()).hash
    assert load(written(nurture=("tracks:\n", "horizon_question: horizon\ntracks:\n"))).hash == before


def test_signatures_and_the_seed_of_the_roster_are_no_part_of_the_version(written: Writer) -> None:
    path = written()
    before = load(path).hash
    signature = f"{{version: {load(path).version}, side: sales, name: Bo, signed_at: 2026-11-02}}"
    (path / "signatures.yaml").write_text(f"signatures: [{signature}]\n")
    (path / "roster.yaml").write_text((path / "roster.yaml").read_text().replace("name: Bo", "name: Bodil"))
    assert load(path).hash == before


def test_a_playbook_kept_as_a_document_decides_alike(written: Writer) -> None:
    playbook = load(written())
    again = Playbook.from_document(playbook.document())
    assert again.version == playbook.version
    view = {"employees": 60}
    assert again.criteria.judge(view) == playbook.criteria.judge(view)
    assert again.sla.policy("standard").first_attempt == 4 * 3600
    assert again.calendar("berlin").version == playbook.calendar("berlin").version


def edit(file: Path, was: str, becomes: str, tick: int) -> None:
    file.write_text(file.read_text().replace(was, becomes))
    os.utime(file, (1_800_000_000 + tick, 1_800_000_000 + tick))


def test_a_changed_valid_playbook_is_taken_once(written: Writer) -> None:
    path = written()
    watch = Watch(path)
    before = watch.current.hash
    assert watch.poll() is None
    edit(path / "sla.yaml", "4h", "5h", 1)
    taken = watch.poll()
    assert taken is not None
    assert taken is watch.current
    assert taken.hash != before
    assert watch.poll() is None


def test_an_invalid_playbook_is_refused_with_its_faults_and_the_old_one_stays(written: Writer) -> None:
    path = written()
    watch = Watch(path)
    before = watch.current
    edit(path / "sla.yaml", "first_attempt", "first_atempt", 1)
    assert watch.poll() is None
    assert watch.current is before
    assert "sla.yaml:4:5: first_atempt: there is no such key here" in str(watch.refused)
    edit(path / "sla.yaml", "first_atempt", "first_attempt", 2)
    assert watch.poll() is None
    assert watch.refused is None
    assert watch.current is before


def test_a_touched_file_with_the_same_content_changes_nothing(written: Writer) -> None:
    path = written()
    watch = Watch(path)
    os.utime(path / "sla.yaml", (1_800_000_000, 1_800_000_000))
    assert watch.poll() is None
    assert watch.refused is None


def test_a_file_that_disappears_is_refused(written: Writer) -> None:
    path = written()
    watch = Watch(path)
    (path / "sla.yaml").unlink()
    assert watch.poll() is None
    assert "sla.yaml:0:0: the file is missing" in str(watch.refused)


def test_a_service_does_not_start_on_a_bad_playbook(written: Writer) -> None:
    with pytest.raises(PlaybookErrors):
        Watch(written(sla=("4h", "soon")))


def test_a_new_signature_is_seen_without_another_version(written: Writer) -> None:
    path = written()
    watch = Watch(path)
    version = watch.current.version
    (path / "signatures.yaml").write_text(
        f"signatures: [{{version: {version}, side: sales, name: Bo, signed_at: 2026-11-02}}]\n"
    )
    assert watch.poll() is None
    assert watch.signatures.of(version)["sales"].name == "Bo"
