"""The playbook: load, check, compile and version a directory of YAML.

playbook = load(path)                                   # raises PlaybookErrors with file:line:column of every fault
view = lead_view(playbook.definition, lead, now)        # plain dict in, CEL map out, pure
verdicts = playbook.criteria.judge(view)                # {id: Verdict}: true, false, or unknown with the missing fields
energy = energy_of(playbook, lead["answers"])           # points and temperature, unknown without the needed answers
due = playbook.calendar("berlin").add(start, playbook.sla.policy("hot").first_attempt)
"""

from baton.playbook.conditions import FALSE, TRUE, Condition, Formula, LeadView, RuleSet, Truth, Verdict
from baton.playbook.definition import ActivityMatch, Criterion, Definition, LeadField, MustKnow
from baton.playbook.difference import Change, differences, documents_differ
from baton.playbook.disqualify import Disqualify, DisqualifyRule, Reason
from baton.playbook.doors import Handshake, Redirect, Signature
from baton.playbook.draft import drafted
from baton.playbook.energy import EnergyReading, energy_of
from baton.playbook.loading import check, load, load_source
from baton.playbook.nurture import Nurture, Track
from baton.playbook.paths import Path, PathError, parse_path
from baton.playbook.playbook import Models, Playbook
from baton.playbook.problems import PlaybookErrors, Problem
from baton.playbook.roster import RepSeed, Roster
from baton.playbook.routing import (
    Caps,
    Member,
    Pool,
    RepTrait,
    Routing,
    RoutingRule,
    Select,
    match_key,
    postal_covers,
)
from baton.playbook.scoring import Energy, EnergyPart, FitRule, Scoring, Signal, Temperature
from baton.playbook.secret import Secret, SecretMissing, resolve
from baton.playbook.signals import SignalReading, interest_of, signals_of
from baton.playbook.signing import SIDES, Side, Signatures
from baton.playbook.signing import Signature as SideSignature
from baton.playbook.sla import AfterWork, MinimumTouches, Policy, Sla, StopRule
from baton.playbook.sources import (
    ActivityPick,
    ElementMapping,
    LeadReference,
    Pick,
    Source,
    Sources,
    StatusWords,
)
from baton.playbook.targets import Target, Targets
from baton.playbook.view import lead_view, must_know
from baton.playbook.watching import Draft, Watch

__all__ = [
    "FALSE",
    "SIDES",
    "TRUE",
    "ActivityMatch",
    "ActivityPick",
    "AfterWork",
    "Caps",
    "Change",
    "Condition",
    "Criterion",
    "Definition",
    "Disqualify",
    "DisqualifyRule",
    "Draft",
    "ElementMapping",
    "Energy",
    "EnergyPart",
    "EnergyReading",
    "FitRule",
    "Formula",
    "Handshake",
    "LeadField",
    "LeadReference",
    "LeadView",
    "Member",
    "MinimumTouches",
    "Models",
    "MustKnow",
    "Nurture",
    "Path",
    "PathError",
    "Pick",
    "Playbook",
    "PlaybookErrors",
    "Policy",
    "Pool",
    "Problem",
    "Reason",
    "Redirect",
    "RepSeed",
    "RepTrait",
    "Roster",
    "Routing",
    "RoutingRule",
    "RuleSet",
    "Scoring",
    "Secret",
    "SecretMissing",
    "Select",
    "Side",
    "SideSignature",
    "Signal",
    "SignalReading",
    "Signature",
    "Signatures",
    "Sla",
    "Source",
    "Sources",
    "StatusWords",
    "StopRule",
    "Target",
    "Targets",
    "Temperature",
    "Track",
    "Truth",
    "Verdict",
    "Watch",
    "check",
    "differences",
    "documents_differ",
    "drafted",
    "energy_of",
    "interest_of",
    "lead_view",
    "load",
    "load_source",
    "match_key",
    "must_know",
    "parse_path",
    "postal_covers",
    "resolve",
    "signals_of",
]
