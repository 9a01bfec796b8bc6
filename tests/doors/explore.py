"""Ask every operation of all five OpenAPI documents odd questions: no 5xx, and nothing that was not announced.

`python -m tests.doors.explore --cases 50000`: schemathesis over each document of a fresh Baton, in rounds of
other seeds until that many were judged; it is `baton up` on SQLite, or with `--distributed` five processes over
Kafka and PostgreSQL.
Exit code 1 if any answer was a server error, had a status, content type, header or body its document does not announce,
or came without the token it says it needs.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from schemathesis.cli import schemathesis

from tests.journeys.running import ROOT, SERVICES, Baton, distributed, embedded
from tests.world.servers import kafka_node, postgres_server

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_headers_conformance",
    "response_schema_conformance", "ignored_auth", "unsupported_method", "allow_header_conformance",
)  # fmt: skip
CONFIG = """\
# Waiting for news is tried elsewhere; here it would only take time.
[[operations]]
include-path-regex = "/v1/events$"
parameters = { wait = 0 }
"""


def explore(baton: Baton, service: str, *, with_token: bool, examples: int, phases: str, seed: int) -> tuple[int, str]:
    """Return how many requests one document was worth, and what schemathesis complains of; empty if of nothing."""
    # It keeps notes where it stands.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        config = Path(folder, "schemathesis.toml")
        config.write_text(CONFIG)
        arguments = ["--config-file", str(config), "run", baton.url(f"/{service}/openapi.json"), "-n", str(examples)]
        arguments += ["--phases", phases, "--seed", str(seed), "--checks", ",".join(CHECKS), "--warnings", "off"]
        arguments += ["--continue-on-failure", "--no-shrink", "--request-timeout", "60", "--no-color"]
        if with_token:
            arguments += ["-H", f"Authorization: Bearer {baton.token}"]
        code, said = _run(arguments)
    found = re.search(r"^ *(\d+) generated", said, flags=re.MULTILINE)
    return int(found[1]) if found else 0, "" if code == 0 and found else said


def _run(arguments: Sequence[str]) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            schemathesis.main(list(arguments), prog_name="schemathesis", standalone_mode=True)
        except SystemExit as end:
            return int(end.code or 0), said.getvalue()
    return 0, said.getvalue()


def rounds(baton: Baton, cases: int, seed: int, *, is_brief: bool) -> Iterator[tuple[str, int, str]]:
    """Explore all documents again and again until `cases` requests were judged: first the borders, then chance."""
    done, number = 0, 0
    while done < cases:
        phases = "examples,coverage,fuzzing" if number == 0 and not is_brief else "fuzzing"
        for service in SERVICES:
            for with_token in (True, False):
                examples = (8 if with_token else 2) if is_brief else (100 if with_token else 30)
                count, complaint = explore(
                    baton, service, with_token=with_token, examples=examples, phases=phases, seed=seed + number
                )
                done += count
                yield f"{service} {'with' if with_token else 'without'} a token, seed {seed + number}", count, complaint
        number += 1


@contextlib.contextmanager
def running(*, is_distributed: bool) -> Iterator[Baton]:
    """A fresh Baton, in one process or in five."""
    playbook = ROOT / "deploy/playbook"
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if is_distributed:
            kafka, postgres = stack.enter_context(kafka_node()), stack.enter_context(postgres_server())
            yield stack.enter_context(distributed(folder, playbook, kafka.bootstrap, postgres.new_database))
        else:
            yield stack.enter_context(embedded(folder, playbook))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.doors.explore", description=__doc__)
    parser.add_argument("--cases", type=int, default=50_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--brief", action="store_true", help="a few requests an operation")
    parser.add_argument("--distributed", action="store_true", help="over Kafka and PostgreSQL")
    asked = parser.parse_args()
    total, faults = 0, 0
    with running(is_distributed=asked.distributed) as baton:
        started = time.monotonic()
        for what, count, complaint in rounds(baton, asked.cases, asked.seed, is_brief=asked.brief):
            total, faults = total + count, faults + bool(complaint)
            print(f"{count:6} requests  {what}: {'FAILED' if complaint else 'as announced'}", flush=True)
            if complaint:
                print(complaint, flush=True)
        failed = sum(baton.said(name).count('"request_failed"') for name in baton.processes)
    seconds = time.monotonic() - started
    print(f"{total} requests in {seconds:.0f} s; {faults} runs with complaints, {failed} failures logged")
    return 1 if faults or failed else 0


if __name__ == "__main__":
    sys.exit(main())
