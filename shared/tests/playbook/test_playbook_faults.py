# ruff: noqa: E501 - a fault a line
"""Every fault of a playbook is shown where it stands, as file:line:column."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from baton.playbook import PlaybookErrors, check, load, load_source

Writer = Callable[..., Path]


def test_the_small_playbook_has_no_fault(written: Writer) -> None:
    assert check(written()) == []


FAULTS = {
    "a key with a typo": (
        "sla", "first_attempt", "first_atempt",
        ["sla.yaml:2:5: first_attempt is missing", "sla.yaml:4:5: first_atempt: there is no such key here"],
    ),
    "text where a number is wanted": (
        "scoring", "points: 10", "points: ten", ["scoring.yaml:2:64: fit.0.points: Input should be a valid integer"],
    ),
    "a number where a text is wanted": (
        "definition", 'label: "1"', "label: 1", ["definition.yaml:1:8: label: Input should be a valid string"],
    ),
    "days as business time": (
        "sla", "4h", "2d",
        ["sla.yaml:4:20: policies.0.first_attempt: business time is counted in hours and minutes: write 4h, 30m or 1h30m"],
    ),
    "prospects nobody said when to reach": (
        "sla", "first_attempt: 4h", "first_attempt: 4h\n    calendar: prospect",
        ["sla.yaml:5:15: calendars.yaml does not say when prospects may be reached: give it `prospects`"],
    ),
    "warnings that do not rise": (
        "sla", "first_attempt: 4h", "first_attempt: 4h\n    warn_at: [80, 50]",
        ["sla.yaml:2:5: policies.0: warn_at: each share of the time is greater than the one before"],
    ),
    "a step before the one above it": (
        "sla", "first_attempt: 4h", "first_attempt: 4h\n    escalate: [{to: owner, after: 2h}, {to: team}]",
        ["sla.yaml:2:5: policies.0: escalate: no step comes before the one above it"],
    ),
    "a step to somebody nobody knows": (
        "sla", "first_attempt: 4h", "first_attempt: 4h\n    escalate: [{to: bos}]",
        ["sla.yaml:5:21: nobody is called 'bos'; there are owner, manager, team"],
    ),
    "a field nobody declared": (
        "definition", "lead.employees >=", "lead.emploees >=",
        ["definition.yaml:15:16: lead has no field 'emploees'; did you mean 'employees'?"],
    ),
    "has() of a field nobody declared": (
        "scoring", "lead.employees >= 200", "has(lead.staff)",
        ["scoring.yaml:2:42: lead has no field 'staff'; fields are declared in definition.yaml"],
    ),
    "a whole number against a decimal": (
        "scoring", "lead.employees >= 200", "lead.revenue > 3",
        ["scoring.yaml:2:46: > does not take (double, int); write 3.0"],
    ),
    "a decimal against a whole number": (
        "scoring", "lead.employees >= 200", "lead.employees > 3.0",
        ["scoring.yaml:2:48: > does not take (int, double); write 3"],
    ),
    "text against a number": (
        "routing", "lead.employees > 10", "lead.country > 10", ["routing.yaml:9:24: > does not take (string, int)"],
    ),
    "a condition that is no condition": (
        "routing", "lead.employees > 10", "lead.employees + 10",
        ["routing.yaml:9:11: a condition is true or false; this is int"],
    ),
    "a condition that stops halfway": (
        "routing", "lead.employees > 10", "lead.employees >", ["routing.yaml:9:27: Syntax error: mismatched input the end"],
    ),
    "comparing with null": (
        "routing", "lead.employees > 10", "lead.country == null",
        ["routing.yaml:9:27: nothing is ever null: what is missing is unknown; write has(lead.field)"],
    ),
    "the lead without a field": (
        "routing", "lead.employees > 10", "lead == 'DE'",
        ["routing.yaml:9:11: `lead` is written with a field behind it: lead.country"],
    ),
    "a name that is nothing": (
        "routing", "lead.employees > 10", "led.employees > 10",
        ["routing.yaml:9:14: 'led.employees' is not known here; fields are written lead.<name>"],
    ),
    "a decided field in scoring": (
        "scoring", "lead.employees >= 200", "lead.temperature == 'hot'",
        ["scoring.yaml:2:33: lead.temperature comes from the decision and is known to routing.yaml only"],
    ),
    "a condition that is never true": (
        "routing", "lead.employees > 10", "1 > 2", ["routing.yaml:9:11: never true, whatever the lead"],
    ),
    "a formula with whole numbers": (
        "scoring", "problem > 0.0", "problem > 0", ["scoring.yaml:9:21: > does not take (double, int); write 0.0"],
    ),
    "a formula with a strange name": (
        "scoring", "score: fit", "score: fits",
        ["scoring.yaml:11:8: 'fits' is not known here; fields are written lead.<name>"],
    ),
    "an unknown pool": (
        "routing", "pool: north\n    policy", "pool: nord\n    policy",
        ["routing.yaml:10:11: there is no pool 'nord'; did you mean 'north'?"],
    ),
    "an unknown fallback": (
        "routing", "label: North\n", "label: North\n    fallback: nord\n",
        ["routing.yaml:4:15: there is no pool 'nord'; did you mean 'north'?"],
    ),
    "fallbacks that go round": (
        "routing", "label: North\n", "label: North\n    fallback: north\n",
        ["routing.yaml:4:15: fallbacks go round in a circle: north → north"],
    ),
    "a preferred rep from nowhere": (
        "routing", "when: lead.employees > 10", "prefer: [lead.fuond_by]",
        ["routing.yaml:9:14: lead has no field 'fuond_by'; it takes the fields of definition.yaml"],
    ),
    "a trait told by a number": (
        "routing", "when: lead.employees > 10", "must_have: {languages: employees}",
        ["routing.yaml:9:28: employees is a int: only a string or a list of them says this"],
    ),
    "an unknown policy": (
        "routing", "policy: standard}", "policy: quick}", ["routing.yaml:12:50: there is no policy 'quick'; there are standard"],
    ),
    "an unknown rep": (
        "routing", "{rep: bo}", "{rep: bob}", ["routing.yaml:4:21: there is no rep 'bob'; did you mean 'bo'?"],
    ),
    "an unknown calendar of a rep": (
        "roster", "calendar: berlin", "calendar: bonn", ["roster.yaml:2:93: there is no calendar 'bonn'; there are berlin"],
    ),
    "an unknown calendar of a policy": (
        "sla", "first_attempt: 4h", "first_attempt: 4h\n    calendar: bonn",
        ["sla.yaml:5:15: there is no calendar 'bonn'; there are owner, team, prospect, always, berlin"],
    ),
    "matching a field nobody declared": (
        "routing", "match: {country:", "match: {contry:",
        ["routing.yaml:8:13: lead has no field 'contry'; did you mean 'country'?"],
    ),
    "a country in words": (
        "routing", "country: [DE]", "country: [Germany]",
        ["routing.yaml:8:23: 'Germany' never matches: countries are two letters such as DE"],
    ),
    "a postal range that goes down": (
        "routing", "10000-19999", "19999-10000",
        ["routing.yaml:8:42: '19999-10000' never matches: a range goes up and both ends have as many digits"],
    ),
    "an empty list of values": ("routing", "country: [DE]", "country: []", ["routing.yaml:8:22: an empty list never matches"]),
    "a rule below the catch-all": (
        "routing", "{id: rest, label: Rest, pool: north, policy: standard}",
        "{id: rest, label: Rest, pool: north, policy: standard}\n  - {id: more, label: M, match: {country: [FR]}, pool: north, policy: standard}",
        ["routing.yaml:13:10: never reached: 'rest' above takes every lead this rule would"],
    ),
    "a rule behind one that takes all of its countries": (
        "routing", "    when: lead.employees > 10\n    pool: north\n    policy: standard\n",
        "    pool: north\n    policy: standard\n"
        "  - {id: fr, label: F, match: {country: [fr, BE]}, pool: north, policy: standard}\n"
        "  - {id: frfr, label: F, match: {country: [FR], postal_code: ['75*']}, pool: north, policy: standard}\n",
        ["routing.yaml:12:10: never reached: 'fr' above takes every lead this rule would"],
    ),
    "no rule for everybody else": (
        "routing", "{id: rest, label: Rest, pool: north, policy: standard}",
        "{id: rest, label: Rest, match: {country: [FR]}, pool: north, policy: standard}",
        ["routing.yaml:12:10: the last rule must take every lead: one without match and when"],
    ),
    "a question for a stage there is none of": (
        "disqualify", "rules:", "stages: [{id: first, label: First}]\nquestions: [{id: who, label: Who, path: details.who, by: last}]\nrules:",
        ["disqualify.yaml:5:58: there is no stage 'last'; there are first"],
    ),
    "a stage's word that means another": (
        "disqualify", "rules:", "stages: [{id: first, label: First}, {id: second, label: Second, words: [FIRST]}]\nrules:",
        ["disqualify.yaml:4:37: 'first' means the stage 'first' already"],
    ),
    "an exit criterion that leads nowhere, asked for twice": (
        "disqualify", "rules:",
        "stages:\n  - {id: a, label: A, exit: [{id: need, label: N, path: detail.need}]}\n"
        "  - {id: b, label: B, exit: [{id: need, label: N, path: decision.score}]}\nrules:",
        ["disqualify.yaml:5:57: 'detail.need' is no place in a lead; places are", "disqualify.yaml:6:35: 'need' is asked for already",
         "disqualify.yaml:6:57: decision.score comes from the decision and is known to routing.yaml only"],
    ),
    "a campaign that leads nowhere": (
        "definition", "title: A lead", "title: A lead\ncampaign: utm", ["definition.yaml:3:11: 'utm' is no place in a lead"],
    ),
    "a criterion without a label": (
        "definition", "    label: Big enough\n", "", ["definition.yaml:13:5: label is missing"],
    ),
    "a must-know item that leads nowhere": (
        "definition", "path: answers.cause", "path: answer.cause",
        ["definition.yaml:18:39: 'answer.cause' is no place in a lead; places are source, external_id, is_test, round, "
         "occurred_at, first_seen_at, properties, answers, consent, details, contact, activity, touches, derived, deal, "
         "decision"],
    ),
    "a contact field that does not exist": (
        "definition", "from: contact.country", "from: contact.land", ["definition.yaml:4:41: contact has no 'land'; it has"],
    ),
    "the same id twice": (
        "definition", "name: free_mail", "name: country",
        ["definition.yaml:8:12: 'country' is taken: it stands in line 4"],
    ),
    "the same key twice": (
        "sla", "label: Standard", "id: again", ["sla.yaml:3:5: 'id' stands here twice, first in line 2"],
    ),
    "a reason that is not on the list": (
        "disqualify", "reason: never_fits", "reason: boring",
        ["disqualify.yaml:5:63: 'boring' is no reason for junk; those in disqualify.yaml are never_fits"],
    ),
    "a reason that is on the list for something else": (
        "sla", "reason: never_reached", "reason: never_fits",
        ["sla.yaml:5:44: 'never_fits' is no reason for recycle or unreachable; those in disqualify.yaml are never_reached"],
    ),
    "a signal nobody declared": (
        "nurture", "signals: [demo]", "signals: [demos]", ["nurture.yaml:5:22: scoring.yaml has no signal 'demos'"],
    ),
    "an unknown default track": (
        "nurture", "default_track: later", "default_track: never", ["nurture.yaml:1:1: default_track: there is no track 'never'"],
    ),
    "an unknown zone": (
        "calendars", "Europe/Berlin", "Europe/Berln", ["calendars.yaml:2:5: calendars.0: zone: there is no time zone 'Europe/Berln'"],
    ),
    "an unknown country of holidays": (
        "calendars", "country: DE", "country: XX", ["calendars.yaml:2:5: calendars.0: holidays: Country XX not available"],
    ),
    "overlapping blocks": (
        "calendars", "13:00-17:00", "11:00-17:00", ["calendars.yaml:2:5: calendars.0: week: blocks overlap on mon"],
    ),
    "a secret in the open": (
        "sources", "{env: FORMS_TOKEN}", "s3cret", ["sources.yaml:4:42: sources.0.signature.secrets.0: Input should be an object"],
    ),
    "three secrets": (
        "sources", "[{env: FORMS_TOKEN}]", "[{env: A}, {env: B}, {env: C}]",
        ["sources.yaml:4:41: sources.0.signature.secrets: Tuple should have at most 2 items after validation, not 3"],
    ),
    "a path that is none": (
        "sources", "{email: email}", "{email: 'a[x'}",
        ["sources.yaml:7:26: sources.0.mapping.0.contact.email.path: 'a[x' is not a path: expected a key at character 2"],
    ),
    "CEL in a mapping that stops halfway": (
        "sources", "element.a + element.b", "element.a +",
        ["sources.yaml:9:35: Syntax error: mismatched input the end"],
    ),
    "a signature that needs a header": (
        "sources", "scheme: token", "scheme: timestamped",
        ["sources.yaml:4:16: sources.0.signature: timestamped needs header"],
    ),
    "a lead nobody can recognise": (
        "sources", "{email: email}", "{city: city}",
        ["sources.yaml:6:9: sources.0.mapping.0: a lead needs external_id, contact.email or contact.phone"],
    ),
    "an anchor": (
        "targets", "- {measure", "- &one {measure", ["targets.yaml:2:5: anchors and aliases are refused: write it out"],
    ),
    "text that is no YAML": ("targets", "at_least: 0.6}", "at_least: 0.6", ["targets.yaml:3:1: not YAML: "]),
    "a number that is none": (
        "targets", "0.6", ".nan", ["targets.yaml:2:59: .nan is not a number one can count with"],
    ),
    "two bounds": (
        "targets", "at_least: 0.6", "at_least: 0.6, at_most: 0.9",
        ["targets.yaml:2:5: targets.0: a target has either at_least or at_most"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_fault_is_shown_where_it_stands(fault: str, written: Writer) -> None:
    name, was, becomes, expected = FAULTS[fault]
    with pytest.raises(PlaybookErrors) as refused:
        load(written(**{name: (was, becomes)}))
    shown = [str(problem) for problem in refused.value.problems]
    assert len(shown) == len(expected), shown
    for line, start in zip(shown, expected, strict=True):
        assert line.startswith(start), shown


def test_many_faults_are_shown_at_once_in_order_of_place(written: Writer) -> None:
    path = written(
        routing=(
            "when: lead.employees > 10\n    pool: north",
            "when: lead.employes > 10 && lead.contry == 'x'\n    pool: nord",
        ),
        definition=("lead.employees >= 50", "lead.employees >= '50'"),
        sla=("never_reached", "never"),
    )
    assert [str(problem).split(": ")[0] for problem in check(path)] == [
        "definition.yaml:15:26", "routing.yaml:9:16", "routing.yaml:9:38", "routing.yaml:10:11", "sla.yaml:5:44",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("written_as", "place"),
    [
        ("when: lead.employees > 10 && lead.contry == 'x'", "9:39"),
        ("when: 'lead.employees > 10 && lead.contry == ''x'''", "9:40"),
        ('when: "lead.country == \\"\\\\\\\\\\" && lead.contry == \'x\'"', "9:45"),
        ("when: |\n      lead.employees > 10 &&\n        lead.contry == 'x'", "11:14"),
        ("when: >-\n      lead.employees > 10 &&\n      // lead.tpyo is only a remark\n      lead.contry == 'x'", None),
        ("when: >-\n      lead.employees > 10 &&\n      lead.contry == 'x'", "11:12"),
        ("when: lead.employees > 10 &&\n      lead.contry == 'x'", "10:12"),
    ],
)
def test_a_condition_is_pointed_into_however_yaml_quotes_it(
    written: Writer, written_as: str, place: str | None
) -> None:
    problems = check(written(routing=("when: lead.employees > 10", written_as)))
    if place is None:
        # Folded, the remark swallows the rest of the line: CEL then finds that something is missing.
        assert "Syntax error" in str(problems[0])
        return
    assert [str(problem) for problem in problems] == [
        f"routing.yaml:{place}: lead has no field 'contry'; did you mean 'country'?"
    ]


def test_a_missing_file_and_a_stranger_are_named(written: Writer) -> None:
    path = written()
    (path / "sla.yaml").rename(path / "slas.yaml")
    assert [problem.message.split(";")[0] for problem in check(path)] == [
        "the file is missing",
        "not a file of a playbook",
    ]


def test_a_directory_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    assert "there is no such directory" in str(check(tmp_path / "nowhere")[-1]) + str(check(tmp_path / "nowhere")[0])


def test_bytes_that_are_no_text_are_a_fault_and_no_crash(written: Writer) -> None:
    path = written()
    (path / "sla.yaml").write_bytes(b"policies: \xff\xfe")
    assert "is not UTF-8" in str(check(path)[0])


@pytest.mark.parametrize("bomb", ["[" * 5000, "a: " + "{b: " * 3000, "x" * 8_100_000], ids=["lists", "maps", "size"])
def test_hostile_yaml_is_a_fault_and_no_crash(written: Writer, bomb: str) -> None:
    path = written()
    (path / "targets.yaml").write_text(bomb)
    assert [problem.file for problem in check(path)] == ["targets.yaml"]


def test_an_alias_bomb_is_refused(written: Writer) -> None:
    path = written()
    rows = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 40)]
    (path / "targets.yaml").write_text("\n".join(rows))
    assert "anchors and aliases are refused" in str(check(path)[0])


def test_a_secret_nobody_has_set_is_a_warning_only(written: Writer) -> None:
    path = written()
    (problem,) = check(path, environ={})
    assert str(problem) == (
        "sources.yaml:4:42: warning: the environment variable FORMS_TOKEN is not set or empty: "
        "posts of this source will be refused"
    )
    assert check(path, environ={"FORMS_TOKEN": "x"}) == []
    load(path)


def test_the_mapping_of_an_import_is_checked_like_a_source(tmp_path: Path) -> None:
    file = tmp_path / "import.yaml"
    good = (
        "id: fair\nlabel: Fair\nkind: csv\nmapping:\n  - {id: row, external_id: Lead Number, contact: {city: City}}\n"
    )
    file.write_text(good)
    assert load_source(file).mapping[0].external_id is not None
    file.write_text(good.replace("external_id: Lead Number", "external_id: {cel: 'element.a +'}"))
    with pytest.raises(PlaybookErrors, match=r"import\.yaml:5:46: Syntax error"):
        load_source(file)


def test_signatures_that_cannot_stand_are_pointed_at(written: Writer) -> None:
    path = written()
    lines = [
        "{version: 1-0123456789ab, side: sales, name: Bo, signed_at: 2026-11-02}",
        "{version: 1-0123456789ab, side: sales, name: Kim, signed_at: 2026-11-02}",
        "{version: 1-0123456789ab, side: marketing, name: bo, signed_at: someday}",
    ]
    (path / "signatures.yaml").write_text("signatures:\n" + "".join(f"  - {line}\n" for line in lines))
    assert [str(problem) for problem in check(path)] == [
        "signatures.yaml:3:37: sales has signed 1-0123456789ab already",
        "signatures.yaml:4:54: bo cannot sign for both sides",
        "signatures.yaml:4:69: write a day or a time, such as 2026-11-02T09:00:00+01:00",
    ]
    (path / "signatures.yaml").write_text(
        "signatures: [{version: spring, side: board, name: Bo, signed_at: 2026-11-02}]\n"
    )
    assert [str(problem)[:27] for problem in check(path)] == [
        "signatures.yaml:1:24: signa",
        "signatures.yaml:1:38: signa",
    ]
