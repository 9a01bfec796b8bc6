"""The example playbook is valid, believable, and does what its words say."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path
from typing import Any

import pytest

from baton.playbook import Playbook, Truth, check, lead_view, load, must_know, postal_covers
from baton.playbook.mapping import Mapper

EXAMPLE = Path(__file__).parents[3] / "deploy" / "playbook"
NOW = dt.datetime(2026, 11, 22, 3, 0, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def playbook() -> Playbook:
    return load(EXAMPLE)


def lead(**changes: Any) -> dict[str, Any]:
    return {
        "source": "web",
        "contact": {
            "email": "ida.vogt@lagerhof.example",
            "job_title": "Head of Logistics",
            "country": "DE",
            "postal_code": "10115",
        },
        "properties": {"employees": 240, "industry": "retail"},
        "answers": {"cause": "event", "problem": "known", "horizon": "now", "will_talk": True, "product": "planning"},
        "activity": [{"kind": "form", "what": "demo", "occurred_at": "2026-11-21T10:00:00Z"}],
        **changes,
    }


def test_it_has_no_error_and_no_warning_once_its_secrets_are_set() -> None:
    names = re.findall(r"env: (\w+)", (EXAMPLE / "sources.yaml").read_text())
    environ = dict.fromkeys(names, "x") | {"BATON_PUBLIC_URL": "https://leads.example.net"}
    assert check(EXAMPLE, environ) == []
    assert {problem.severity for problem in check(EXAMPLE, {})} == {"warning"}


def test_it_has_three_territories_ten_reps_in_three_zones_with_crm_ids_and_two_policies(playbook: Playbook) -> None:
    assert playbook.roster is not None
    reps = playbook.roster.reps
    assert len(reps) == 10
    assert {rep.zone for rep in reps} == {"Europe/Berlin", "Europe/London", "America/New_York"}
    assert {rep.team for rep in reps} == {"dach_nordics", "uk_emea", "americas"}
    assert all(set(rep.external_ids) == {"hubspot", "salesforce"} for rep in reps)
    assert [(policy.id, policy.first_attempt) for policy in playbook.sla.policies] == [
        ("hot", 3600),
        ("standard", 4 * 3600),
    ]


def test_hours_decide_the_clock_and_never_who_may_own(playbook: Playbook) -> None:
    assert {rule.hours for rule in playbook.routing.rules} == {"decide_clock"}


def test_a_lead_with_answers_meets_every_required_criterion(playbook: Playbook) -> None:
    verdicts = playbook.criteria.judge(lead_view(playbook.definition, lead(), NOW))
    required = [criterion.id for criterion in playbook.definition.criteria if criterion.required]
    assert [verdicts[name].truth for name in required] == [Truth.TRUE] * 4
    assert not any(
        verdict.is_true
        for verdict in playbook.disqualifiers.judge(lead_view(playbook.definition, lead(), NOW)).values()
    )


def test_a_lead_nobody_asked_is_unknown_and_says_what_to_ask(playbook: Playbook) -> None:
    verdicts = playbook.criteria.judge(lead_view(playbook.definition, lead(answers={}, properties={}), NOW))
    assert {name: verdict.missing for name, verdict in verdicts.items() if verdict.truth is Truth.UNKNOWN} == {
        "fits_customer": ("employees",),
        "evaluates_soon": ("horizon",),
        "will_talk": ("will_talk",),
        "runs_our_systems": ("technology",),
        "is_hiring": ("open_vacancies",),
    }


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"contact": {"email": "x@y.example", "job_title": "Student"}}, "student"),
        ({"properties": {"employees": 4, "warehouses": 1}}, "too_small"),
        ({"answers": {"cause": "none", "problem": "none"}}, "tyre_kicker"),
        ({"contact": {"email": "spy@slotwise.example"}}, "competitor"),
    ],
)
def test_it_disqualifies_early_and_says_why(playbook: Playbook, changes: dict[str, Any], rule: str) -> None:
    verdicts = playbook.disqualifiers.judge(lead_view(playbook.definition, lead(**changes), NOW))
    assert [name for name, verdict in verdicts.items() if verdict.is_true] == [rule]


def first_rule(playbook: Playbook, given: dict[str, Any]) -> str:
    view = lead_view(playbook.definition, given, NOW)
    for rule in playbook.routing.rules:
        fits = all(
            name in view
            and any(
                postal_covers(value, view[name]) if name == "postal_code" else value.casefold() == view[name].casefold()
                for value in values
            )
            for name, values in rule.match.items()
        )
        if fits and (rule.when is None or playbook.residuals.judge_one(rule.id, view).is_true):
            return rule.id
    raise AssertionError("no rule")


@pytest.mark.parametrize(
    ("contact", "temperature", "rule"),
    [
        ({"country": "DE", "postal_code": "10115"}, "hot", "dach_nordics_hot"),
        ({"country": "SE"}, "warm", "dach_nordics"),
        ({"country": "GB"}, "hot", "uk_emea_hot"),
        ({"country": "ZA"}, "unknown", "uk_emea"),
        ({"country": "US"}, "hot", "americas_hot"),
        ({"country": "JP"}, "hot", "anywhere"),
        ({}, "hot", "anywhere"),
    ],
)
def test_every_lead_has_a_territory(playbook: Playbook, contact: dict[str, str], temperature: str, rule: str) -> None:
    assert first_rule(playbook, {**lead(contact=contact), "temperature": temperature}) == rule


def test_slotting_in_bavaria_goes_to_those_who_know_it(playbook: Playbook) -> None:
    given = lead(contact={"country": "DE", "postal_code": "80331"}, answers={"product": "slotting"})
    assert first_rule(playbook, given) == "bavaria_slotting"


def test_the_must_know_list_is_complete_for_a_complete_lead(playbook: Playbook) -> None:
    missing = [item.id for item, value in must_know(playbook.definition, lead(), NOW) if value is None]
    assert missing == ["phone"]


def test_lunch_is_closed_and_a_holiday_is_too(playbook: Playbook) -> None:
    berlin = playbook.calendar("berlin")
    assert not berlin.is_open(dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC))
    assert berlin.is_open(dt.datetime(2026, 11, 23, 13, 0, tzinfo=dt.UTC))
    assert not berlin.is_open(dt.datetime(2026, 12, 24, 10, 0, tzinfo=dt.UTC))


MAUTIC = {
    "mautic.lead_post_save_new": [
        {
            "contact": {
                "id": 71,
                "points": 4,
                "fields": {
                    "core": {
                        "email": {"value": "liv.dahl@nordkai.example"},
                        "firstname": {"value": "Liv"},
                        "mobile": {"value": "+47 22 85 50 50"},
                        "phone": {"value": None},
                        "country": {"value": "Norway"},
                    },
                    "social": [],
                    "professional": {"employees": {"value": "51-200"}},
                },
                "tags": [[]],
            },
            "timestamp": "2026-09-21T14:13:15+00:00",
        }
    ],
    "mautic.form_on_submit": [
        {
            "submission": {
                "id": 13,
                "form": {"id": 4, "alias": "demo_request"},
                "lead": {"id": 71, "fields": {"core": {"email": {"value": "liv.dahl@nordkai.example"}}}},
                "results": {"cause": "event"},
            },
            "timestamp": "2026-09-21T14:14:00+00:00",
        }
    ],
}


def mapped(playbook: Playbook, source_id: str, body: Any) -> list[dict[str, Any]]:
    """What the source's mappings make of a body: id, contact, properties and answers of each lead."""
    source = playbook.sources.find(source_id)
    assert source is not None
    posts = [taken.post for taken in Mapper(source).take(body)]
    return [
        {"id": post["external_id"], **post["contact"], **post["properties"], **post["answers"]}
        for post in posts
        if post is not None
    ]


def test_mautic_is_read_whether_its_groups_are_objects_or_empty_lists(playbook: Playbook) -> None:
    contact, form = mapped(playbook, "mautic", MAUTIC)
    assert contact == {
        "id": "71",
        "email": "liv.dahl@nordkai.example",
        "first_name": "Liv",
        "phone": "+47 22 85 50 50",
        "country": "Norway",
        "employees": "51-200",
        "mautic_points": 4,
    }
    assert form == {"id": "71", "email": "liv.dahl@nordkai.example", "cause": "event", "form_id": 4}


def test_the_legacy_contact_record_of_hubspot_is_read(playbook: Playbook) -> None:
    body = {
        "vid": 88,
        "portal-id": 5,
        "properties": {
            "firstname": {"value": "Jan"},
            "lifecyclestage": {"value": "lead"},
            "numemployees": {"value": "90"},
        },
        "identity-profiles": [{"identities": [{"type": "EMAIL", "value": "jan@most.example"}]}],
    }
    assert mapped(playbook, "hubspot-workflow", body) == [
        {
            "id": "88",
            "email": "jan@most.example",
            "first_name": "Jan",
            "employees": "90",
            "crm_lifecycle_stage": "lead",
            "portal_id": 5,
        }
    ]


def test_every_status_word_leads_to_one_of_our_reasons(playbook: Playbook) -> None:
    codes = {reason.code for reason in playbook.disqualify.reasons}
    used = {code for words in playbook.sources.status_words for code in words.reasons.values()}
    assert used <= codes
    assert json.dumps(playbook.document())
