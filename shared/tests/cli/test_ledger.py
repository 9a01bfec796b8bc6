"""The ledger identity: one fate for every lead, by the books of others than intake."""

from __future__ import annotations

import pytest

from baton.cli.ledger import FATES, IN_FLIGHT, balance, fate_of, unacknowledged


def entries(**fates: str | tuple[str, int] | None) -> dict[str, dict[str, object]]:
    found = {}
    for service, fate in fates.items():
        if fate is not None:
            word, round_ = fate if isinstance(fate, tuple) else (fate, 1)
            found[service] = {"lead_id": "a", "fate": word, "round": round_}
    return found


@pytest.mark.parametrize(
    ("scoring", "routing", "fate"),
    [
        ("nurtured", None, "nurtured"),
        ("disqualified", None, "disqualified"),
        ("disqualified", "disqualified", "disqualified"),
        ("nurtured", "recycled", "nurtured"),
        ("qualified", "held", "held"),
        ("qualified", "routed", "routed"),
        ("qualified", "accepted", "accepted"),
        ("qualified", "opportunity", "opportunity"),
        ("qualified", "won", "won"),
        ("qualified", "lost", "lost"),
        ("disqualified", "junk", "junk"),
    ],
)
def test_every_pair_of_books_that_agrees_gives_one_fate(scoring: str, routing: str | None, fate: str) -> None:
    found = fate_of(entries(intake="received", scoring=scoring, routing=routing, reporting=fate), is_parked=False)
    assert found == (fate, None)


@pytest.mark.parametrize(
    ("scoring", "routing", "why"),
    [
        (None, None, "not judged"),
        ("open", None, "not judged"),
        ("qualified", None, "neither routed nor held"),
        ("qualified", "recycled", "has not closed the round"),
        ("nurtured", "routed", "two fates"),
        ("disqualified", "held", "two fates"),
        (("qualified", 2), ("won", 1), "neither routed nor held"),
        (("qualified", 2), ("routed", 1), "neither routed nor held"),
        ("bewitched", None, "a fate nobody knows"),
    ],
)
def test_books_that_do_not_agree_leave_the_lead_in_flight_with_the_reason(
    scoring: str | None, routing: str | None, why: str
) -> None:
    fate, fault = fate_of(entries(intake="received", scoring=scoring, routing=routing, reporting="x"), is_parked=False)
    assert fate == IN_FLIGHT
    assert fault
    assert why in fault


def test_a_lead_reporting_has_not_heard_of_or_tells_otherwise_is_in_flight() -> None:
    for told in (None, "held"):
        fate, fault = fate_of(
            entries(intake="received", scoring="qualified", routing="routed", reporting=told), is_parked=False
        )
        assert fate == IN_FLIGHT
        assert fault
        assert "reporting" in fault


def test_intake_decides_what_it_merged_and_a_parked_lead_has_that_as_its_fate() -> None:
    assert fate_of(entries(intake="merged"), is_parked=False) == ("merged", None)
    assert fate_of(entries(intake="received"), is_parked=True) == ("parked", None)
    assert fate_of({"intake": {"lead_id": "a", "is_test": True}}, is_parked=False) == ("test", None)


def test_the_columns_add_up_and_a_lead_only_others_know_is_named() -> None:
    def ledger(*items: tuple[str, str]) -> list[dict[str, object]]:
        return [{"lead_id": lead_id, "fate": fate, "round": 1} for lead_id, fate in items]

    found = balance(
        {
            "intake": ledger(("a", "received"), ("b", "received"), ("d", "received")),
            "scoring": ledger(("a", "nurtured"), ("b", "qualified"), ("c", "nurtured")),
            "routing": ledger(("b", "routed")),
            "reporting": ledger(("a", "nurtured"), ("b", "routed")),
        },
        parked=[],
    )
    assert {fate: count for fate in FATES if (count := found.fates[fate])} == {"nurtured": 1, "routed": 1, IN_FLIGHT: 1}
    assert found.leads == 3
    assert found.adds_up
    assert set(found.faults) == {"c", "d"}


def test_a_ledger_out_of_order_is_not_believed() -> None:
    with pytest.raises(ValueError, match="not sorted"):
        balance({"intake": [{"lead_id": "b", "fate": "received"}, {"lead_id": "a", "fate": "received"}]}, parked=[])


def test_an_erased_lead_must_be_wiped_by_everybody() -> None:
    both = frozenset({"a", "b"})
    wiped = {"intake": both, "scoring": both, "routing": frozenset({"b"}), "sla-monitor": both, "reporting": both}
    assert unacknowledged(wiped) == {"a": "erased, and not wiped by routing"}
    assert unacknowledged({**wiped, "routing": both | {"of old"}}) == {}


def test_erased_is_a_fate_whatever_others_still_say() -> None:
    assert fate_of(entries(intake="erased", scoring="qualified", routing="routed"), is_parked=True) == ("erased", None)
