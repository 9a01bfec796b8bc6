"""Fairness is an invariant: what a rep got is what he was owed, under weights, absence, caps and bursts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from baton.calendars import Block, Calendar, CalendarSpec
from baton.contracts import Rep, TimeOff
from baton.playbook import Caps
from baton.routing.domain.books import MOST_BY_HAND, Books, within_bound
from baton.routing.domain.roster import Member, Roster
from baton.routing.domain.rotation import Chosen, Nobody, Terms, choose_rep

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ALWAYS = Calendar(CalendarSpec("UTC", tuple((Block(0, 1440),) for _ in range(7))))
OFFICE = Calendar(CalendarSpec("UTC", (*(((Block(540, 1020),),) * 5), (), ())))
CALENDARS = {"always": ALWAYS, "office": OFFICE}


def member(rep_id: str, weight: float = 1.0, **more: Any) -> Member:
    known: dict[str, Any] = {"name": rep_id, "zone": "UTC", "calendar": "always"}
    return Member(Rep(id=rep_id, **(known | more)), weight)


@dataclass
class Rotation:
    """A pool at work: who gets each lead, what everybody was owed meanwhile."""

    books: Books
    got: dict[str, int]
    owed: dict[str, float]

    @classmethod
    def fresh(cls) -> Rotation:
        return cls(Books(0, Roster.of(0, ())), {}, {})

    def give(self, members: list[Member], caps: Caps | None = None, now: datetime = NOW, at: Any = None) -> str | None:
        accounts = self.books.accounts("p", [one.rep.id for one in members])
        answer = choose_rep(members, accounts, Terms(caps or Caps()), at or CALENDARS.__getitem__, now)
        if isinstance(answer, Nobody):
            return None
        self.books = self.books.assigned("p", answer.rep, answer.shares, now.date().isoformat()).carried(
            None, answer.rep
        )
        self.got[answer.rep] = self.got.get(answer.rep, 0) + 1
        for rep, share in answer.shares.items():
            self.owed[rep] = self.owed.get(rep, 0.0) + share
        return answer.rep

    def claim(self, members: list[Member], rep: str) -> None:
        answer = choose_rep(members, {}, Terms(Caps()), CALENDARS.__getitem__, NOW)
        shares = answer.shares if isinstance(answer, Chosen) else {}
        self.books = self.books.assigned("p", rep, shares, NOW.date().isoformat(), by_hand=True)

    def is_settled(self) -> bool:
        """True if credits add up to exactly nothing, and nobody is owed as many leads as there are members."""
        owed = self.books.credits.get("p", {}).values()
        most = max((abs(credit) for credit in owed), default=0.0)
        ever = self.books.furthest.get("p", 0.0)
        exact = sum(round(credit * 10**9) for credit in owed) == 0
        return exact and within_bound(owed) and most <= max(len(owed) - 1, 0) and most <= ever + 1e-9

    def furthest(self) -> float:
        reps = {*self.got, *self.owed}
        return max((abs(self.got.get(rep, 0) - self.owed.get(rep, 0.0)) for rep in reps), default=0.0)


names = [f"rep{n}" for n in range(12)]


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.sampled_from(names), st.sampled_from([0.5, 1.0, 2.0, 3.0, 7.0]), min_size=1), st.integers(1, 200)
)
def test_everybody_gets_his_share_of_a_burst_by_weight(weights: dict[str, float], leads: int) -> None:
    rotation = Rotation.fresh()
    members = [member(name, weight) for name, weight in weights.items()]
    for _ in range(leads):
        rotation.give(members)
    total = sum(weights.values())
    for name, weight in weights.items():
        assert abs(rotation.got.get(name, 0) - leads * weight / total) < 2


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sets(st.sampled_from(names), max_size=11), min_size=1, max_size=120),
    st.lists(st.sampled_from([0.5, 1.0, 2.0, 5.0]), min_size=12, max_size=12),
)
def test_whoever_is_away_whenever_nobody_gets_more_or_less_than_he_was_owed(
    absences: list[set[str]], weights: list[float]
) -> None:
    rotation = Rotation.fresh()
    for away in absences:
        rotation.give([member(n, w, active=n not in away) for n, w in zip(names, weights, strict=True)])
        assert rotation.is_settled()
    assert rotation.furthest() <= 11


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 9), st.integers(1, 80))
def test_where_all_are_alike_nobody_is_ever_a_whole_lead_from_his_due(reps: int, leads: int) -> None:
    rotation = Rotation.fresh()
    for number in range(1, leads + 1):
        rotation.give([member(name) for name in names[:reps]])
        assert all(abs(rotation.got.get(name, 0) - number / reps) < 1 for name in names[:reps])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["give", "claim", "back"]),
            st.sampled_from(names[:5]),
            st.sets(st.sampled_from(names[:5]), max_size=4),
        ),
        max_size=80,
    ),
    st.lists(st.sampled_from([0.5, 1.0, 2.0, 5.0]), min_size=5, max_size=5),
)
def test_whatever_people_do_credits_add_up_to_nothing_and_stay_within_the_bound(
    history: list[tuple[str, str, set[str]]], weights: list[float]
) -> None:
    rotation = Rotation.fresh()
    for what, rep, away in history:
        members = [member(n, w, active=n not in away) for n, w in zip(names, weights, strict=False)]
        if what == "back":
            owing = {one.rep.id: one.weight for one in members if one.rep.active}
            rotation.books = rotation.books.given_back("p", rep, owing)
        elif what == "claim":
            rotation.claim(members, rep)
        else:
            rotation.give(members)
        assert rotation.is_settled()


def test_a_claim_or_a_lead_given_back_moves_nobody_far() -> None:
    members = [member(name) for name in names]
    owing = dict.fromkeys(names, 1.0)
    rotation = Rotation.fresh()
    for _ in range(50):
        rotation.claim(members, "rep0")
    assert rotation.books.credits["p"]["rep0"] >= -MOST_BY_HAND
    for _ in range(50):
        rotation.books = rotation.books.given_back("p", "rep1", owing)
    assert MOST_BY_HAND - 1 < rotation.books.credits["p"]["rep1"] <= MOST_BY_HAND
    turns = rotation.books.turns_of("p", "rep0")
    assert (turns.offered, turns.got) == (3, 3)
    assert rotation.books.turns_of("p", "rep1").given_back == 3


def test_the_caps_of_a_week_and_a_month_end_with_the_rep_s_own() -> None:
    rotation = Rotation.fresh()
    ada = [member("ada", zone="America/New_York")]
    assert [rotation.give(ada, Caps(per_week=2)) for _ in range(3)] == ["ada", "ada", None]
    answer = choose_rep(ada, rotation.books.accounts("p", ["ada"]), Terms(Caps(per_week=2)), CALENDARS.__getitem__, NOW)
    assert isinstance(answer, Nobody)
    assert answer.next_try_at == datetime(2026, 11, 9, 5, 0, tzinfo=UTC)
    assert answer.standings[0].objection is not None
    assert answer.standings[0].objection.why == "at the weekly cap: 2 of 2 this week"
    assert rotation.give(ada, Caps(per_week=2), NOW + timedelta(days=7)) == "ada"
    assert rotation.give(ada, Caps(per_month=3), NOW + timedelta(days=27)) is None
    assert rotation.give(ada, Caps(per_month=3), NOW + timedelta(days=30)) == "ada"


@settings(max_examples=100, deadline=None)
@given(st.integers(5, 60), st.integers(5, 60))
def test_a_returning_rep_is_neither_flooded_nor_starved(gone_for: int, after: int) -> None:
    rotation = Rotation.fresh()
    for number in range(gone_for):
        rotation.give([member("ada"), member("bo"), member("cy", active=number < 2)])
    before = rotation.got.get("cy", 0)
    turns = [rotation.give([member("ada"), member("bo"), member("cy")]) for _ in range(after)]
    assert abs((rotation.got.get("cy", 0) - before) - after / 3) < 2
    assert all(turns[n : n + 3] != ["cy"] * 3 for n in range(after))


def test_a_new_colleague_starts_level_and_gets_no_backlog() -> None:
    rotation = Rotation.fresh()
    for _ in range(99):
        rotation.give([member("ada"), member("bo")])
    turns = [rotation.give([member("ada"), member("bo"), member("new")]) for _ in range(6)]
    assert sorted(turn or "" for turn in turns) == ["ada", "ada", "bo", "bo", "new", "new"]


def test_whoever_is_at_his_cap_is_not_owed_what_he_could_not_take() -> None:
    rotation = Rotation.fresh()
    for _ in range(40):
        rotation.give([member("ada"), member("bo", capacity=2)])
    assert rotation.got == {"ada": 38, "bo": 2}
    turns = [rotation.give([member("ada"), member("bo", capacity=100)]) for _ in range(10)]
    assert turns.count("bo") <= 6


def test_the_daily_cap_ends_with_the_rep_s_own_day() -> None:
    rotation = Rotation.fresh()
    ada = [member("ada")]
    assert [rotation.give(ada, Caps(per_day=2)) for _ in range(3)] == ["ada", "ada", None]
    assert rotation.give(ada, Caps(per_day=2), NOW + timedelta(hours=15)) == "ada"
    accounts = Rotation.fresh().books.assigned("p", "ada", {"ada": 1.0}, "2026-11-02").accounts("p", ["ada"])
    tokyo = [member("ada", zone="Asia/Tokyo")]
    answer = choose_rep(tokyo, accounts, Terms(Caps(per_day=1)), CALENDARS.__getitem__, NOW)
    assert isinstance(answer, Nobody)
    assert answer.next_try_at == datetime(2026, 11, 2, 15, 0, tzinfo=UTC)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(["give", "ada", "bo"]), min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_the_same_inputs_give_the_same_rep_whatever_order_reps_are_listed_in(history: list[str], chance: Any) -> None:
    members = [member("ada", 2), member("bo"), member("cy"), member("dee", calendar="office")]
    rotation = Rotation.fresh()
    for _ in history:
        rotation.give(members)
    accounts = rotation.books.accounts("p", ["ada", "bo", "cy", "dee"])
    shuffled = list(members)
    chance.shuffle(shuffled)
    one = choose_rep(members, accounts, Terms(Caps()), CALENDARS.__getitem__, NOW)
    other = choose_rep(shuffled, dict(reversed(accounts.items())), Terms(Caps()), CALENDARS.__getitem__, NOW)
    assert isinstance(one, Chosen)
    assert one == other


def test_the_order_reps_are_listed_in_never_changes_who_wins() -> None:
    members = [member("bo"), member("ada"), member("cy")]
    answers = {
        choose_rep(order, {}, Terms(Caps()), CALENDARS.__getitem__, NOW).standings for order in permutations(members)
    }
    assert len(answers) == 1
    assert next(iter(answers))[0].rep == "ada"


def test_every_objection_is_said_and_when_it_ends() -> None:
    off = TimeOff(starts_at=NOW - timedelta(hours=1), ends_at=NOW + timedelta(hours=3))
    next_off = TimeOff(starts_at=NOW + timedelta(hours=3), ends_at=NOW + timedelta(hours=5))
    members = [
        member("away", time_off=[next_off, off]),
        member("full", capacity=0),
        member("gone", active=False),
        member("had"),
        member("lost", calendar="nowhere"),
        member("night", calendar="office"),
    ]
    answer = choose_rep(
        members, {}, Terms(Caps(), must_be_on_shift=True, excluded={"had": "had it"}), CALENDARS.__getitem__, NOW
    )
    assert isinstance(answer, Chosen)
    assert answer.rep == "night"
    said = {s.rep: s.objection.why for s in answer.standings if s.objection}
    assert said == {
        "away": "time off until 2026-11-02T14:00Z",
        "full": "at capacity: 0 of 0 open",
        "gone": "inactive",
        "had": "had it",
        "lost": "his calendar nowhere is not in the playbook",
    }


def test_credit_is_neither_made_nor_lost() -> None:
    rotation = Rotation.fresh()
    for number in range(50):
        rotation.give([member(name, 1 + n) for n, name in enumerate(names) if (number + n) % 4])
    assert abs(sum(rotation.books.credits["p"].values())) < 1e-6
