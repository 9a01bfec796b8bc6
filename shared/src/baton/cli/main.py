"""The command `baton`: what can be typed. Each command imports what it needs when called, so help comes at once."""

from __future__ import annotations

import signal
import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

import typer

from baton.cli.faults import Exit, Fault
from baton.cli.whatif_commands import add_whatif

app = typer.Typer(
    name="baton",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Takes leads from marketing, hands each to the right salesperson, and watches over the promise.",
    epilog="BATON_URL and BATON_TOKEN say which Baton is meant; without them it is the embedded one of BATON_HOME "
    "(var), which keeps its address and its admin token there. Exit codes: 0 fine, 1 something is not in order, "
    "2 wrong usage, 3 nobody answers, 4 refused, 5 the data is in use.",
)
playbook_app = typer.Typer(no_args_is_help=True, help="Check and read the playbook.")
sources_app = typer.Typer(no_args_is_help=True, help="Try out what the playbook's sources make of posts.")
events_app = typer.Typer(no_args_is_help=True, help="Follow the facts the services publish.")
dead_app = typer.Typer(no_args_is_help=True, help="Leads a service has put aside because it could not handle a fact.")
personal_app = typer.Typer(no_args_is_help=True, help="What is known of one person: told to him, or forgotten.")
token_app = typer.Typer(no_args_is_help=True, help="Tokens for the file named by BATON_TOKENS.")
app.add_typer(playbook_app, name="playbook")
add_whatif(playbook_app)
app.add_typer(sources_app, name="sources")
app.add_typer(events_app, name="events")
app.add_typer(dead_app, name="dead")
app.add_typer(token_app, name="token")
app.add_typer(personal_app, name="personal-data")

PlaybookPath = Annotated[Path | None, typer.Argument(help="Directory of the playbook; BATON_PLAYBOOK by default.")]
ServiceName = Annotated[str | None, typer.Option("--service", help="Only this service.")]


@app.command()
def up(
    roll_forward: Annotated[
        list[str] | None,
        typer.Option("--roll-forward", help="A service whose file was brought back from a backup; may be repeated."),
    ] = None,
) -> None:
    """Start all five services in this process, with their data in BATON_HOME (var/), on BATON_PORT (8000)."""
    from baton.cli.serving import up

    up(roll_forward or [])


@app.command()
def run(
    service: Annotated[str, typer.Argument(help="intake, scoring, routing, sla-monitor or reporting.")],
    roll_forward: Annotated[
        bool, typer.Option("--roll-forward", help="Its database was brought back from a backup: bring it up to date.")
    ] = False,
    start_from: Annotated[
        Path | None, typer.Option("--start-from", help="With a new database: where `baton republish` says to begin.")
    ] = None,
) -> None:
    """Start one service of a distributed Baton, by BATON_BUS and BATON_DATABASE_URL; run as many as you like."""
    from baton.cli.serving import run

    run(service, roll_forward, start_from)


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="CSV with a header line, or NDJSON; in UTF-8; also .gz, .xz, .bz2.")],
    mapping: Annotated[
        Path | None, typer.Option("--mapping", "-m", help="For a CSV: YAML of one source with `kind: csv`.")
    ] = None,
    file_format: Annotated[
        Literal["csv", "ndjson"] | None,
        typer.Option("--format", help="NDJSON where the file is called .ndjson or .jsonl, otherwise CSV."),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, max=2000, help="Rows posted together.")] = 500,
    delimiter: Annotated[str | None, typer.Option(help="What separates fields; found by itself otherwise.")] = None,
    report: Annotated[
        Path | None, typer.Option("--report", help="Where to write what became of every line, as NDJSON.")
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Forget how far an earlier run came.")] = False,
    patience: Annotated[float, typer.Option(help="Seconds to go on trying while Baton cannot be reached.")] = 120.0,
) -> None:
    """Import leads from a file. Stop it at any moment and start it again: it goes on, and nothing comes in twice."""
    from baton.cli.import_command import import_file
    from baton.cli.import_start import Order

    import_file(Order(file, mapping, file_format, delimiter, report, restart), batch, patience)


@app.command()
def send(
    rate: Annotated[float, typer.Option("--rate", min=0.01, help="New leads a second.")] = 1.0,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after so many leads.")] = None,
    duration: Annotated[str | None, typer.Option("--for", help="Stop after this long, such as 90s or 10m.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same people again; otherwise new ones each time.")] = None,
) -> None:
    """Send believable demo traffic: people, what they do and answer, what their owners do. Ctrl-C stops it."""
    from baton.cli.demo.send import send

    send(rate, count, duration, seed)


@events_app.command()
def tail(
    topic: Annotated[list[str] | None, typer.Option("--topic", help="Only this topic; may be repeated.")] = None,
    from_start: Annotated[bool, typer.Option("--from-start", help="Begin with the oldest that is kept.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after so many.")] = None,
) -> None:
    """Follow the facts as they are published. They may repeat; a lead's facts come in order."""
    from baton.cli.events import tail

    tail(topic or [], from_start, as_json, count)


@app.command()
def audit(
    quiet: Annotated[
        float, typer.Option(min=0, help="Seconds without any lead in flight arriving, after which those left fail.")
    ] = 30.0,
    as_json: Annotated[bool, typer.Option("--json", help="The result as JSON.")] = False,
) -> None:
    """Balance the books: every lead taken in has exactly one fate. Exit code 1 and the ids where one has not."""
    from baton.cli.audit_command import report

    report(quiet, as_json)


@app.command()
def republish(
    service: Annotated[
        list[str] | None, typer.Option("--service", help="Only this publisher; may be repeated.")
    ] = None,
    since: Annotated[datetime | None, typer.Option(help="Only what was said since then; all of it otherwise.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write from where on it is told anew, as JSON.")
    ] = None,
) -> None:
    """Publish journals again, for a consumer that needs what the topics no longer have. Whoever knows it drops it."""
    from baton.cli.republish import republish

    republish(service or [], since, output)


@app.command()
def deliveries(
    endpoint: Annotated[str | None, typer.Option("--endpoint", help="Only of this endpoint.")] = None,
    state: Annotated[str | None, typer.Option("--state", help="pending, delivered or given_up.")] = None,
    lead: Annotated[str | None, typer.Option("--lead", help="Only of this lead.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Most lines, the newest first.")] = 50,
    endpoints: Annotated[bool, typer.Option("--endpoints", help="Who is told, and how each fares, instead.")] = False,
    replay: Annotated[int | None, typer.Option("--replay", help="Deliver the one with this id again.")] = None,
    replay_since: Annotated[
        datetime | None,
        typer.Option("--replay-since", help="Tell the endpoint everything anew that was said since then (UTC)."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Call the disabled endpoint again.")] = False,
) -> None:
    """List what CRMs and people outside are told, with what became of it; or tell them again."""
    from baton.cli.deliveries import deliveries

    deliveries(endpoint, state, lead, limit, endpoints, replay, replay_since, resume)


@dead_app.command(name="list")
def dead_list(service: ServiceName = None) -> None:
    """List what is parked, with the reason."""
    from baton.cli.dead import list_parked

    list_parked(service)


@dead_app.command(name="show")
def dead_show(
    service: Annotated[str, typer.Argument(help="As listed.")],
    parked_id: Annotated[int, typer.Argument(help="As listed.")],
) -> None:
    """Show one parked fact with everything known about it."""
    from baton.cli.dead import show_parked

    show_parked(service, parked_id)


@dead_app.command(name="replay")
def dead_replay(
    service: Annotated[str | None, typer.Argument(help="As listed.")] = None,
    parked_id: Annotated[int | None, typer.Argument(help="As listed.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that is parked.")] = False,
) -> None:
    """Try what is parked again, once its cause is mended. The lead's later facts follow in order."""
    from baton.cli.dead import replay_parked

    replay_parked(service, parked_id, everything)


@dead_app.command(name="discard")
def dead_discard(
    service: Annotated[str, typer.Argument(help="As listed.")],
    parked_id: Annotated[int, typer.Argument(help="As listed.")],
    reason: Annotated[str, typer.Option("--reason", help="Why; kept, so name nobody in it.")],
) -> None:
    """Give one parked fact up for good: the service goes on as if it had said nothing. What waits behind it follows."""
    from baton.cli.dead import discard_parked

    discard_parked(service, parked_id, reason)


@personal_app.command(name="export")
def personal_export(
    lead: Annotated[str, typer.Argument(help="The lead's id.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write it; the screen otherwise.")
    ] = None,
) -> None:
    """Write everything that all five services hold of a person, as one JSON document. Needs the scope admin."""
    from baton.cli.personal_data import export

    export(lead, output)


@personal_app.command(name="erase")
def personal_erase(
    lead: Annotated[str, typer.Argument(help="The lead's id.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask whether that is meant.")] = False,
) -> None:
    """Forget a person in all services, for good. Needs the scope admin."""
    from baton.cli.personal_data import erase

    if not yes:
        typer.confirm(f"Forget everything about {lead}? Nobody can bring it back.", abort=True)
    erase(lead)


@app.command()
def train(
    playbook: Annotated[
        Path | None, typer.Option("--playbook", help="Directory of the playbook; BATON_PLAYBOOK by default.")
    ] = None,
    goal: Annotated[
        Literal["accepted", "won"], typer.Option("--goal", help="What the system's own history is asked for.")
    ] = "accepted",
    file: Annotated[Path | None, typer.Option("--file", help="A CSV in place of the system's own history.")] = None,
    mapping: Annotated[
        Path | None, typer.Option("--mapping", "-m", help="For a CSV: the mapping an import of it has.")
    ] = None,
    outcome: Annotated[
        str | None, typer.Option("--outcome", help="For a CSV: column=value of a good end, such as Converted=1.")
    ] = None,
    order: Annotated[
        str | None, typer.Option("--order", help="For a CSV: the column that tells its time order.")
    ] = None,
    trust: Annotated[
        list[str] | None,
        typer.Option("--trust", help="A field known before the outcome, whatever it looks like; may be repeated."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where to write it; the playbook's learned.json otherwise.")
    ] = None,
    report: Annotated[Path | None, typer.Option("--report", help="Where to write all that was found, as JSON.")] = None,
) -> None:
    """Learn a score from what came of leads; say which criteria foretold it. Counts once it beats the rules."""
    from baton.cli.train import Order, table_of, train

    table = table_of(file, mapping, outcome, order)
    train(Order(playbook, goal, table, frozenset(trust or ()), output, report))


@app.command()
def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="The findings as JSON.")] = False,
) -> None:
    """Look at everything that can ail a Baton, and say what helps. Exit code 1 if anything does."""
    from baton.cli.doctor import examine

    examine(as_json)


@app.command()
def status(
    once: Annotated[bool, typer.Option("--once", help="Print it once and end, as where there is no terminal.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON document.")] = False,
    interval: Annotated[float, typer.Option("--interval", min=0.1, max=3600, help="Seconds between looks.")] = 1.0,
) -> None:
    """Show the pipeline live: who is ready, what waits, how fast leads go through, which promises are at risk."""
    from baton.cli.status.command import status

    status(once, as_json, interval)


@playbook_app.command()
def check(path: PlaybookPath = None) -> None:
    """Prove a playbook, or point at file:line:column of everything that is wrong with it."""
    from baton.cli.playbook import check

    check(path)


@playbook_app.command()
def show(path: PlaybookPath = None) -> None:
    """Say in words what a playbook decides, and which version it is."""
    from baton.cli.playbook import show

    show(path)


@playbook_app.command()
def diff(
    before: Annotated[str, typer.Argument(help="A directory, a version that was in force, or `current`.")],
    after: Annotated[str, typer.Argument(help="The same.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say in words what changed from one playbook to another: criteria, weights, rules, promises, people."""
    from baton.cli.playbook_versions import diff

    diff(before, after, as_json)


@playbook_app.command()
def sign(
    side: Annotated[Literal["marketing", "sales"], typer.Argument(help="For whom.")],
    name: Annotated[str, typer.Argument(help="Who signs.")],
    version: Annotated[
        str | None, typer.Option("--version", help="What is signed: asked for and shown if not given.")
    ] = None,
) -> None:
    """Sign the version in force for marketing or for sales."""
    from baton.cli.playbook_versions import sign

    sign(side, name, version)


PlaybookOption = Annotated[
    Path | None, typer.Option("--playbook", help="Directory of the playbook; BATON_PLAYBOOK by default.")
]


@sources_app.command(name="try")
def sources_try(
    source: Annotated[str, typer.Argument(help="Its id in sources.yaml.")],
    file: Annotated[Path, typer.Argument(help="A body as the platform posts it.")],
    content_type: Annotated[
        str | None, typer.Option("--content-type", help="As posted; by the looks of the body otherwise.")
    ] = None,
    playbook: PlaybookOption = None,
) -> None:
    """Show field by field what would be made of a body, and why something would be quarantined. Sends nothing."""
    from baton.cli.sources import try_

    try_(source, file, content_type, playbook)


@sources_app.command(name="verify")
def sources_verify(
    folder: Annotated[Path, typer.Argument(help="Recorded requests: bodies, each with its .meta.json.")],
    playbook: PlaybookOption = None,
) -> None:
    """Check recorded requests: whether each signature holds, and whether what is expected comes of it."""
    from baton.cli.sources import verify

    verify(folder, playbook)


@token_app.command()
def new(
    name: Annotated[str, typer.Argument(help="Who will use it.")],
    scope: Annotated[list[str], typer.Option("--scope", help="intake:write leads:read sales:write admin metrics.")],
) -> None:
    """Make a token: the secret goes to the one who will use it, the entry into the file named by BATON_TOKENS."""
    from baton.cli.token import new

    new(name, scope)


@app.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version

    typer.echo(f"baton {version('baton-shared')}")


def main() -> None:
    """Run the command line; the process ends with one of `Exit`."""
    if hasattr(signal, "SIGPIPE"):
        # `baton events tail | head` ends quietly, as any Unix tool does.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    try:
        app()
    except Fault as fault:
        from baton.cli.screen import tell

        tell(fault)
        sys.exit(fault.code)
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)


if __name__ == "__main__":
    main()
