"""The dump and restore that docs/operations.md describes, typed as it stands there."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from pathlib import Path

from deploy.postgres.run import binaries
from tests.journeys.people import somebody
from tests.journeys.running import Baton, distributed, forget_topics, playbook_with_short_promises, run_services
from tests.world.servers import PostgresServer


def plain(url: str) -> str:
    """As PostgreSQL's own programs write it."""
    return url.replace("+asyncpg", "")


def postgres_program(name: str, *arguments: str) -> None:
    subprocess.run([str(binaries() / name), *arguments], check=True, capture_output=True)


def move_to_restored_databases(baton: Baton, folder: Path, postgres: PostgresServer) -> None:
    for service, environment in baton.services.items():
        dump = str(folder / f"{service}.dump")
        postgres_program("pg_dump", "-Fc", "-f", dump, plain(environment["BATON_DATABASE_URL"]))
        environment["BATON_DATABASE_URL"] = postgres.new_database()
        restored = plain(environment["BATON_DATABASE_URL"])
        postgres_program("pg_restore", "--no-owner", "-d", restored, dump)
        postgres_program("psql", "-q", "-c", "UPDATE place SET next_off = 0", restored)


def test_databases_restored_with_new_topics_go_on_as_if_nothing_had_been(
    tmp_path: Path, own_kafka: str, postgres: PostgresServer
) -> None:
    playbook = playbook_with_short_promises(tmp_path)
    with distributed(tmp_path, playbook, own_kafka, postgres.new_database) as baton:
        receipts = baton.post("/intake/v1/leads", [somebody() for _ in range(30)])
        baton.cli("audit")
        baton.stop()
        move_to_restored_databases(baton, tmp_path, postgres)
        forget_topics(own_kafka)
        run_services(baton, tmp_path)
        lead_id = receipts[0]["lead_id"]
        owner = baton.await_fact("routing", "lead.routed", lead_id)["owner"]["id"]
        touch = {
            "lead": {"lead_id": lead_id},
            "rep": owner,
            "channel": "call",
            "direction": "out",
            "outcome": "reached",
        }
        baton.post("/intake/v1/touches", touch | {"occurred_at": datetime.now(UTC).isoformat()})
        baton.await_fact("sla-monitor", "sla.met", lead_id)
        (late,) = baton.post("/intake/v1/leads", somebody())
        baton.await_fact("routing", "lead.routed", late["lead_id"])
        baton.cli("audit")
        assert baton.cli("dead", "list").stdout.strip() == "nothing is parked"
