"""What types cannot say: names that lead somewhere, rules that can match, conditions that compile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from cel_expr_python import cel

from baton.playbook import leadpath, signing
from baton.playbook.celcheck import check_condition, check_formula, check_untyped
from baton.playbook.conditions import element_environment, formula_environment, run_environment
from baton.playbook.disqualify import Use
from baton.playbook.endpointcheck import faults_of
from baton.playbook.mapping import picks_of
from baton.playbook.pipelinecheck import check_pipeline
from baton.playbook.playbook import SCORE_NAMES, Playbook
from baton.playbook.positions import Document, Loc, twice
from baton.playbook.problems import Problem
from baton.playbook.rewrite import names_in
from baton.playbook.routingcheck import check_routing
from baton.playbook.secret import Secret, SecretMissing, is_set, resolve
from baton.playbook.slacheck import check_sla
from baton.playbook.sources import ElementMapping, Source
from baton.playbook.territories import check_territories, idle_reps

SUBSCRIPTION = "sub-"
"""What the ids of endpoints begin with that were made by the API, so that the playbook's never meet them."""


@dataclass(frozen=True)
class Context:
    """A playbook whose files each are well formed, with the places of everything in them."""

    playbook: Playbook
    documents: Mapping[str, Document]
    environ: Mapping[str, str] | None = None

    @cached_property
    def run(self) -> cel.Env:
        return run_environment()

    def condition(self, file: str, loc: Loc, text: str, *, decided: bool = False) -> Iterator[Problem]:
        """A condition in a file; only routing (`decided`) may use fields that come from the decision."""
        document = self.documents[file]
        yield from check_condition(document, loc, text, self.playbook.schema, self.run)
        if decided:
            return
        late = {field.name for field in self.playbook.definition.fields if field.source.startswith("decision.")}
        for name in names_in(text).fields:
            if name in late:
                yield document.problem(loc, f"lead.{name} comes from the decision and is known to routing.yaml only")

    def reason(self, file: str, loc: Loc, code: str, *uses: Use) -> Iterator[Problem]:
        """A reason code must be on the one list (D6) and be meant for this outcome."""
        known = self.playbook.disqualify
        allowed = [known_code for use in uses for known_code in known.codes(use)]
        if code not in allowed:
            listed = ", ".join(dict.fromkeys(allowed)) or "none"
            why = f"{code!r} is no reason for {' or '.join(uses)}; those in disqualify.yaml are {listed}"
            yield self.documents[file].problem(loc, why)


def check_playbook(context: Context) -> list[Problem]:
    """Errors and warnings of the whole."""
    checks: tuple[Callable[[Context], Iterator[Problem]], ...] = (
        _definition,
        _scoring,
        _learned,
        _nurture,
        _disqualify,
        check_sla,
        _sources,
        _calendars,
        _roster,
        _signatures,
        _targets,
    )
    found = [problem for check in checks for problem in check(context)]
    found.extend(_routing(context))
    return found


def _definition(context: Context) -> Iterator[Problem]:
    document, definition = context.documents["definition"], context.playbook.definition
    yield from twice(document, "fields", definition.fields, "name")
    yield from twice(document, "criteria", definition.criteria)
    yield from twice(document, "must_know", definition.must_know)
    for index, field in enumerate(definition.fields):
        if why := leadpath.fault(field.source):
            yield document.problem(("fields", index, "from"), why)
        if field.activity is not None and not field.source.startswith("activity."):
            yield document.problem(
                ("fields", index, "activity"), "activity: narrows `from: activity.…` only", at_key=True
            )
    places: list[tuple[Loc, str]] = [
        (("must_know", index, "path"), item.path) for index, item in enumerate(definition.must_know)
    ]
    places += [(("campaign",), definition.campaign)] if definition.campaign is not None else []
    places += [(("account", name), path) for name, path in definition.account]
    for at, path in places:
        if why := leadpath.fault(path):
            yield document.problem(at, why)
    for index, criterion in enumerate(definition.criteria):
        yield from context.condition("definition", ("criteria", index, "when"), criterion.when)
    reachable = sum(criterion.points for criterion in definition.criteria)
    if definition.min_points > reachable:
        yield document.problem(("min_points",), f"no lead can qualify: all criteria together give {reachable} points")


def _scoring(context: Context) -> Iterator[Problem]:
    document, scoring = context.documents["scoring"], context.playbook.scoring
    yield from twice(document, "fit", scoring.fit)
    yield from twice(document, "signals", scoring.signals)
    for index, rule in enumerate(scoring.fit):
        yield from context.condition("scoring", ("fit", index, "when"), rule.when)
    parts = [part.id for part in scoring.energy.parts]
    for index, part in enumerate(parts):
        if part in parts[:index]:
            yield document.problem(("energy", "parts", index, "id"), f"{part!r} is taken")
    energy = formula_environment(list(dict.fromkeys(parts)))
    yield from check_formula(document, ("energy", "formula"), scoring.energy.formula, energy)
    yield from check_formula(document, ("score",), scoring.score, formula_environment(SCORE_NAMES))


def _learned(context: Context) -> Iterator[Problem]:
    learned = context.playbook.models.learned
    types = context.playbook.schema.types
    for index, field in enumerate(() if learned is None else learned.fields):
        document, loc = context.documents["learned"], ("fields", index, "field")
        wanted = ("int", "double") if field.points else ("string", "bool")
        if field.field not in types:
            yield document.problem(loc, f"definition.yaml has no field {field.field!r}: run `baton train` again")
        elif types[field.field] not in wanted:
            yield document.problem(loc, f"{field.field} is a {types[field.field]} now: run `baton train` again")


def _nurture(context: Context) -> Iterator[Problem]:
    document, nurture = context.documents["nurture"], context.playbook.nurture
    yield from twice(document, "tracks", nurture.tracks)
    signals = {signal.id for signal in context.playbook.scoring.signals}
    for index, signal in enumerate(nurture.re_entry.signals):
        if signal not in signals:
            yield document.problem(("re_entry", "signals", index), f"scoring.yaml has no signal {signal!r}")
    claimed: set[str] = set()
    for index, track in enumerate(nurture.tracks):
        if track.when is not None:
            yield from context.condition("nurture", ("tracks", index, "when"), track.when)
        elif track.horizon and set(track.horizon) <= claimed:
            yield document.problem(("tracks", index, "horizon"), "never taken: tracks above claim these horizons")
        claimed |= set(track.horizon)


def _disqualify(context: Context) -> Iterator[Problem]:
    document, disqualify = context.documents["disqualify"], context.playbook.disqualify
    yield from twice(document, "reasons", disqualify.reasons, "code")
    yield from twice(document, "rules", disqualify.rules)
    for index, rule in enumerate(disqualify.rules):
        yield from context.condition("disqualify", ("rules", index, "when"), rule.when)
        use: Use = "junk" if rule.closes == "junk" else "disqualify"
        yield from context.reason("disqualify", ("rules", index, "reason"), rule.reason, use)
    yield from check_pipeline(document, disqualify)


def _routing(context: Context) -> Iterator[Problem]:
    document, playbook = context.documents["routing"], context.playbook
    yield from twice(document, "pools", playbook.routing.pools)
    yield from twice(document, "rules", playbook.routing.rules)
    found = list(check_routing(document, playbook))
    yield from found
    told = {problem.line for problem in found}  # what is hidden by several ways is said once
    yield from (problem for problem in check_territories(document, playbook) if problem.line not in told)
    for index, rule in enumerate(playbook.routing.rules):
        if rule.when is not None:
            yield from context.condition("routing", ("rules", index, "when"), rule.when, decided=True)


def _sources(context: Context) -> Iterator[Problem]:
    document, sources = context.documents["sources"], context.playbook.sources
    yield from twice(document, "sources", sources.sources)
    yield from twice(document, "status_words", sources.status_words, "system")
    for index, source in enumerate(sources.sources):
        yield from check_source(document, ("sources", index), source, context.environ)
    for index, words in enumerate(sources.status_words):
        for word, code in words.reasons.items():
            at: Loc = ("status_words", index, "reasons", word)
            yield from context.reason("sources", at, code, "recycle", "unreachable", "junk", "lost", "disqualify")


def check_source(document: Document, at: Loc, source: Source, environ: Mapping[str, str] | None) -> Iterator[Problem]:
    """One source: its mappings' names and CEL, what its signature needs, and secrets nobody has set (a warning)."""
    signature = source.signature
    if signature is not None:
        if _needs_url(source, environ):
            why = "hubspot-v3 signs the URL: without public_url or BATON_PUBLIC_URL it is taken from the request"
            yield document.problem((*at, "id"), why, severity="warning")
        for index, secret in enumerate(signature.secrets):
            yield from _secret(document, (*at, "signature", "secrets", index), secret, environ)
    if source.fetch is not None:
        yield from _token(document, (*at, "fetch", "auth", "secrets"), source.fetch.auth.secrets, environ)
    environment = element_environment()
    names: set[str] = set()
    for index, mapping in enumerate(source.mapping):
        where: Loc = (*at, "mapping", index)
        if mapping.id in names:
            yield document.problem((*where, "id"), f"{mapping.id!r} is taken")
        names.add(mapping.id)
        for loc, text in _cel_of(mapping):
            yield from check_untyped(document, (*where, *loc), text, environment)


def _needs_url(source: Source, environ: Mapping[str, str] | None) -> bool:
    signs_url = source.signature is not None and source.signature.scheme == "hubspot-v3"
    return signs_url and source.public_url is None and environ is not None and not environ.get("BATON_PUBLIC_URL")


def _secret(document: Document, at: Loc, secret: Secret, environ: Mapping[str, str] | None) -> Iterator[Problem]:
    if environ is None:
        return
    try:
        resolve(secret, environ)
    except SecretMissing as missing:
        yield document.problem(at, f"{missing}: posts of this source will be refused", severity="warning")


def _token(
    document: Document, at: Loc, secrets: tuple[Secret, ...], environ: Mapping[str, str] | None
) -> Iterator[Problem]:
    """A warning where none is set: of the two, one is enough."""
    if environ is None or any(is_set(secret, environ) for secret in secrets):
        return
    yield document.problem(at, "no token is set: what this source's notices name is not fetched", severity="warning")


def _cel_of(mapping: ElementMapping) -> Iterator[tuple[Loc, str]]:
    if mapping.when is not None:
        yield ("when",), mapping.when
    for loc, pick in picks_of(mapping):
        if pick.cel is not None:
            yield (*loc, "cel"), pick.cel


def _calendars(context: Context) -> Iterator[Problem]:
    document = context.documents["calendars"]
    yield from twice(document, "calendars", context.playbook.models.calendars.calendars)
    for index, name in enumerate(context.playbook.calendar_ids):
        if name == "owner":
            yield document.problem(("calendars", index, "id"), "`owner` means the owner's calendar: take another id")
    known = ("owner", *context.playbook.calendar_ids)
    calendars = context.playbook.models.calendars
    named: list[tuple[Loc, str]] = [(("teams", team), calendar) for team, calendar in calendars.teams.items()]
    if calendars.prospects is not None:
        named.append((("prospects", "otherwise"), calendars.prospects.otherwise))
    for at, name in named:
        if name not in known:
            yield document.problem(at, f"there is no calendar {name!r}; there are {', '.join(known)}")


def _roster(context: Context) -> Iterator[Problem]:
    roster = context.playbook.roster
    if roster is None:
        return
    document, known = context.documents["roster"], context.playbook.calendar_ids
    yield from twice(document, "reps", roster.reps)
    yield from twice(document, "reps", roster.reps, "email")
    yield from idle_reps(document, context.playbook)
    claimed: dict[tuple[str, str], str] = {}
    for index, rep in enumerate(roster.reps):
        if rep.calendar not in known:
            text = f"there is no calendar {rep.calendar!r}; there are {', '.join(known)}"
            yield document.problem(("reps", index, "calendar"), text)
        for system, external in rep.external_ids.items():
            other = claimed.setdefault((system, external), rep.id)
            if other != rep.id:
                yield document.problem(
                    ("reps", index, "external_ids", system), f"{other!r} has this id in {system} already"
                )


def _signatures(context: Context) -> Iterator[Problem]:
    for index, key, why in signing.faults_of(context.playbook.signatures):
        yield context.documents["signatures"].problem(("signatures", index, key), why)


def _targets(context: Context) -> Iterator[Problem]:
    document, targets = context.documents["targets"], context.playbook.targets
    yield from twice(document, "targets", targets.targets, "measure")
    yield from twice(document, "endpoints", targets.endpoints)
    yield from twice(document, "notices", targets.notices)
    taken = {endpoint.id for endpoint in targets.endpoints}
    for index, notice in enumerate(targets.notices):
        if notice.id in taken:
            yield document.problem(("notices", index, "id"), f"{notice.id!r} is the id of an endpoint")
    for index, endpoint in enumerate(targets.endpoints):
        if endpoint.id.startswith(SUBSCRIPTION):
            yield document.problem(("endpoints", index, "id"), f"ids that begin with {SUBSCRIPTION} are the API's")
        for loc, message in faults_of(endpoint):
            yield document.problem(("endpoints", index, *loc), message)
