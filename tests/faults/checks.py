"""What must be true afterwards. Each check returns the sentences that are not; pure, over what the reader found."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.crm import Told
from tests.faults.reader import Said
from tests.faults.rest import Rest, named

BY_ROUTING = {"lead.routed": "routed", "lead.reassigned": "routed", "lead.held": "held", "lead.recycled": "recycled"}
BY_SCORING = {"lead.qualified": "qualified", "lead.nurtured": "nurtured", "lead.disqualified": "disqualified"}
OWNS = ("lead.routed", "lead.reassigned")
ONCE = ("sla.started", "sla.warned", "sla.met", "sla.breached")
FIRST = "first_response"
TOLD = {"lead.touched": "touches", "lead.answered": "answers", "lead.status_reported": "statuses"}
ENDS = {"met": "sla.met", "breached": "sla.breached", "waived": "sla.waived"}

Row = tuple[Any, ...]


@dataclass
class Found:
    """Everything the reader brought."""

    promised: Sequence[tuple[str, str, str]]
    """External id, lead id, status: what the client's own log says of each element."""
    facts: Sequence[Said]
    leads: Sequence[Row] = ()
    """intake.lead: lead id, external id."""
    persons: Mapping[str, str] = field(default_factory=dict)
    """scoring.person: lead id to outcome."""
    owned: Mapping[str, tuple[str, str | None]] = field(default_factory=dict)
    """routing.lead: lead id to fate and bearer."""
    load: Mapping[str, int] = field(default_factory=dict)
    """routing.books: rep to the number of leads he has."""
    reported: Mapping[str, str] = field(default_factory=dict)
    """reporting.lead: lead id to fate."""
    obligations: Sequence[Row] = ()
    """sla-monitor.obligation: lead id, round, attempt, promise, state, overdue."""
    journals: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    """Per publisher: subject, sequence, event id, type, digest of the value."""
    heard: Mapping[str, Mapping[str, Mapping[str, int]]] = field(default_factory=dict)
    """Per service and subject: how far each publisher was applied."""
    hears: Mapping[str, set[str]] = field(default_factory=dict)
    """Per service: the topics it reads."""
    parked: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    about_those_at_rest: Sequence[Said] = ()
    """What this round said about the leads of earlier ones."""
    rest: Rest = field(default_factory=Rest)
    told: Sequence[Told] = ()
    """What intake accepted of sales."""
    touches: Mapping[str, int] = field(default_factory=dict)
    """reporting.lead: lead id to how many touches it has counted, of those that have any."""

    def distinct(self) -> list[Said]:
        """The facts without their later copies, in order within each lane."""
        seen: dict[str, Said] = {}
        for fact in self.facts:
            seen.setdefault(fact.id, fact)
        return list(seen.values())


def accepted_leads_exist_once(found: Found) -> Iterable[str]:
    ids: dict[str, set[str]] = defaultdict(set)
    for external_id, lead_id, status in found.promised:
        ids[external_id].add(lead_id)
        if status not in ("accepted", "duplicate"):
            yield f"lead {external_id} was answered {status}"
    stored: dict[str, set[str]] = defaultdict(set)
    for lead_id, external_id in found.leads:
        stored[external_id].add(lead_id)
    received = Counter(fact.subject for fact in found.distinct() if fact.type == "lead.received")
    for external_id, promised in ids.items():
        if len(promised) != 1 or stored[external_id] != promised:
            yield f"lead {external_id} was promised as {promised} and is stored as {stored[external_id] or 'nothing'}"
        for lead_id in promised:
            if received[lead_id] != 1:
                yield f"lead {external_id} was said to be received {received[lead_id]} times"


def every_lead_has_one_fate(found: Found) -> Iterable[str]:
    """By the facts alone; and scoring, routing and reporting have it in their stores."""
    fates = found.rest.fates | fates_of(found.distinct())
    for lead_id in {lead_id for _, lead_id, _ in found.promised} | {row[0] for row in found.leads}:
        judged, owned = fates.get(lead_id, (None, None))
        fate = owned if judged == "qualified" else judged
        routing = found.owned.get(lead_id, (None, None))[0] if judged == "qualified" else fate
        stores = (found.persons.get(lead_id), routing, found.reported.get(lead_id))
        if fate is None or stores != (judged, fate, fate):
            yield f"lead {lead_id}: by its facts {judged}, {owned}; by scoring, routing and reporting {stores}"


def fates_of(facts: Iterable[Said]) -> dict[str, tuple[str | None, str | None]]:
    """Lead id to what scoring said of it last, and to what routing said, or sales: each says so once at most."""
    judged: dict[str, str] = {}
    owned: dict[str, str] = {}
    sales: dict[str, str] = {}
    for fact in facts:
        if fact.type in BY_SCORING:
            judged[fact.subject] = BY_SCORING[fact.type]
        elif fact.type in BY_ROUTING:
            owned[fact.subject] = BY_ROUTING[fact.type]
        elif fact.type == "lead.status_reported" and fact.status:
            sales[fact.subject] = fact.status
    owned |= sales
    return {lead_id: (judged.get(lead_id), owned.get(lead_id)) for lead_id in judged.keys() | owned.keys()}


def nothing_is_routed_twice(found: Found) -> Iterable[str]:
    routed = [fact for fact in found.distinct() if fact.type == "lead.routed"]
    for what, number in Counter((fact.subject, fact.round) for fact in routed).items():
        if number > 1:
            yield f"{number} lead.routed for {what}"
    for cause, number in Counter(fact.cause for fact in routed).items():
        if number > 1:
            yield f"{number} lead.routed for the cause {cause}"


def sequences_have_no_gap_and_no_inversion(found: Found) -> Iterable[str]:
    """1, 2, 3 … per subject and publisher, first occurrences in order; one sequence is one fact for ever."""
    highest: Counter[tuple[str, str]] = Counter()
    said: dict[tuple[str, str, int], tuple[str, bytes]] = {}
    for fact in found.facts:
        whose, fact_of = (fact.source, fact.subject), (fact.id, fact.digest)
        if said.setdefault((*whose, fact.sequence), fact_of) != fact_of:
            yield f"{whose} said two facts as number {fact.sequence}: {fact.id}"
        if fact.sequence > highest[whose] + 1:
            yield f"{whose} said {fact.sequence} after {highest[whose]} ({fact.topic}/{fact.lane} at {fact.offset})"
        highest[whose] = max(highest[whose], fact.sequence)


def journals_are_what_the_topics_say(found: Found) -> Iterable[str]:
    said: dict[str, set[Row]] = defaultdict(set)
    for fact in found.facts:
        said[fact.source].add((fact.subject, fact.sequence, fact.id, fact.type, fact.digest))
    for publisher, rows in found.journals.items():
        journal = set(rows)
        yield from (f"{publisher} wrote down but never published {row[:4]}" for row in journal - said[publisher])
        yield from (f"{publisher} published but never wrote down {row[:4]}" for row in said[publisher] - journal)


def every_consumer_has_applied_everything(found: Found) -> Iterable[str]:
    last: dict[tuple[str, str, str], int] = {}
    for fact in found.facts:
        key = (fact.topic, fact.subject, fact.source)
        last[key] = max(last.get(key, 0), fact.sequence)
    for service, topics in found.hears.items():
        heard = found.heard[service]
        for (topic, subject, source), sequence in last.items():
            applied = heard.get(subject, {}).get(source, 0)
            if topic in topics and applied != sequence:
                yield f"{service} has applied {applied} of {sequence} by {source} about {subject}"


def every_hand_off_has_its_clocks_and_no_timer_fired_twice(found: Found) -> Iterable[str]:
    """A promise starts, warns and breaches at most once; none is open past its time."""
    facts = found.distinct()
    clocks = {(row[0], row[1], row[2]) for row in found.obligations}
    started = {(fact.subject, fact.round, fact.attempt) for fact in facts if fact.type == "sla.started"}
    for fact in (fact for fact in facts if fact.type in OWNS):
        key = (fact.subject, fact.round, (fact.attempt or 0) if fact.type == "lead.reassigned" else 0)
        if key not in clocks or key not in started:
            yield f"{fact.type} {key} has no clock: in the store {key in clocks}, on the topic {key in started}"
    fired = Counter((f.type, f.subject, f.round, f.attempt, f.promise) for f in facts if f.type in ONCE)
    yield from (f"{number} times {what}" for what, number in fired.items() if number > 1)
    yield from (f"{row[:4]} is {row[4]} though its time is over" for row in found.obligations if row[5])


def owners_of(facts: Sequence[Said]) -> dict[str, str | None]:
    """Lead id to the last owner that routing named; None where nobody has it any more."""
    owners = {fact.subject: fact.owner if fact.type in OWNS else None for fact in facts if fact.type in BY_ROUTING}
    return owners | {fact.subject: None for fact in facts if fact.status == "junk"}


def no_lead_has_two_owners(found: Found) -> Iterable[str]:
    """The last owner the topic names is the one routing has; and each rep's load is the leads he bears."""
    last = found.rest.owners | owners_of(found.distinct())
    for lead_id, owner in last.items():
        fate, bearer = found.owned.get(lead_id, ("unknown", None))
        if bearer != owner:
            yield f"lead {lead_id} ({fate}) is {owner}'s by the topic and {bearer}'s by the store"
    borne = Counter(bearer for _, bearer in found.owned.values() if bearer)
    if {rep: number for rep, number in found.load.items() if number} != dict(borne):
        yield f"the books say {dict(found.load)}, the leads {dict(borne)}"
    running = Counter((row[0], row[3]) for row in found.obligations if row[4] == "open")
    yield from (f"{number} open clocks for {what}" for what, number in running.items() if number > 1)


def nothing_is_parked(found: Found) -> Iterable[str]:
    for service, rows in found.parked.items():
        yield from (f"{service} has parked {row}" for row in rows)


def those_at_rest_are_only_repeated(found: Found) -> Iterable[str]:
    for fact in found.about_those_at_rest:
        if named(fact) not in found.rest.said:
            yield f"{fact.source} said {fact.type} as number {fact.sequence} about {fact.subject}, which was at rest"


def what_was_told_is_said_once(found: Found) -> Iterable[str]:
    """Touches, answers and statuses: what was accepted is a fact, once, and reporting has counted each touch once."""
    said = Counter((TOLD[fact.type], fact.subject) for fact in found.distinct() if fact.type in TOLD)
    told = Counter((one.door, one.lead_id) for one in found.told)
    accepted = Counter((one.door, one.lead_id) for one in found.told if one.answered_at is not None)
    for key in told.keys() | said.keys():
        # One whose answer was cut off may have been taken in, or not.
        if not accepted[key] <= said[key] <= told[key]:
            yield f"of {told[key]} {key} {accepted[key]} were accepted and {said[key]} were said"
    for (door, lead_id), number in said.items():
        if door == "touches" and found.touches.get(lead_id, 0) != number:
            yield f"{number} touches of {lead_id} were said, reporting counts {found.touches.get(lead_id, 0)}"


def promises_end_as_the_touches_say(found: Found) -> Iterable[str]:
    """A touch that was accepted in time meets its promise, whatever broke; none is met without one."""
    states = {tuple(row[:4]): row[4] for row in found.obligations}
    for one in found.told:
        state = states.get((one.lead_id, one.round, one.attempt, FIRST))
        if one.was_in_time and state != "met":
            yield f"{one} was accepted in time, its promise is {state}"
    touched = {fact.subject for fact in found.distinct() if fact.type == "lead.touched"}
    said = {(fact.type, fact.subject, fact.round, fact.attempt, fact.promise) for fact in found.distinct()}
    for key, state in states.items():
        if key[0] in found.rest.subjects:
            continue
        if state == "met" and key[0] not in touched:
            yield f"{key} is met, but nobody touched the lead"
        if state in ENDS and (ENDS[state], *key) not in said:
            yield f"{key} is {state}, but nobody said so"


CHECKS = (
    what_was_told_is_said_once,
    promises_end_as_the_touches_say,
    those_at_rest_are_only_repeated,
    accepted_leads_exist_once,
    every_lead_has_one_fate,
    nothing_is_routed_twice,
    sequences_have_no_gap_and_no_inversion,
    journals_are_what_the_topics_say,
    every_consumer_has_applied_everything,
    every_hand_off_has_its_clocks_and_no_timer_fired_twice,
    no_lead_has_two_owners,
    nothing_is_parked,
)


AT_ANY_TIME = (
    those_at_rest_are_only_repeated,
    nothing_is_routed_twice,
    sequences_have_no_gap_and_no_inversion,
    nothing_is_parked,
)
"""These hold while work is still under way; the others are about what has come to rest."""


def check_all(found: Found, *, is_quiet: bool = True) -> dict[str, list[str]]:
    """What is wrong, by the sentence that is not true."""
    checks = CHECKS if is_quiet else AT_ANY_TIME
    wrong = {check.__name__.replace("_", " "): list(check(found)) for check in checks}
    return {sentence: cases for sentence, cases in wrong.items() if cases}
