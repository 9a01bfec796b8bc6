"""Intake's tables, beside the runtime's."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, Table, Text

from baton.runtime.store import Instant, Json, new_metadata

_BIG_ID = BigInteger().with_variant(Integer, "sqlite")

METADATA: MetaData = new_metadata()

# Every body that was answered with 2xx, as it came. Deleted after BATON_RAW_RETENTION_DAYS unless quarantine needs it.
RAW = Table(
    "raw",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("received_at", Instant, nullable=False),
    Column("source", Text, nullable=False),
    Column("door", Text, nullable=False),  # lead, activity, touch, answer, status, hook, or fetch:<thing>
    Column("content_type", Text),
    Column("headers", Json, nullable=False),  # a few that help to understand the body; never credentials
    Column("body", LargeBinary, nullable=False),
    Column("sealed_at", Instant),  # somebody in it was erased; wiped, or shown to nobody while others wait for it
    Index("raw_received_at", "received_at"),
)

# Whom a body tells of, as far as its elements were taken in: where to look when a person is erased.
RAW_LEAD = Table(
    "raw_lead",
    METADATA,
    Column("raw_id", Text, primary_key=True),
    Column("lead_id", Text, primary_key=True),
    Index("raw_lead_lead_id", "lead_id"),
)

LEAD = Table(
    "lead",
    METADATA,
    Column("lead_id", Text, primary_key=True),
    Column("source", Text, nullable=False),
    Column("external_id", Text),
    Column("is_test", Boolean, nullable=False),
    Column("contact", Json, nullable=False),
    Column("properties", Json, nullable=False),
    Column("as_of", Instant, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("erased_at", Instant),  # then everything else is blank; the row stays, so that the books balance
    Column("merged_into", Text),  # the lead it goes on as
    Column("account_id", Text),  # the company it belongs to
    Column("layers", Json),  # of one that has absorbed others: what each of them knew, apart, so that it can be undone
    Index("lead_account_id", "account_id", "lead_id"),
)

# By which names the companies are known that have a domain. A name of two companies tells nothing.
ACCOUNT_NAME = Table(
    "account_name",
    METADATA,
    Column("name", Text, primary_key=True),
    Column("account_id", Text, primary_key=True),
    Index("account_name_account_id", "account_id"),
)

# Two leads that a post showed to be one person, or that somebody said are; by pair, whichever absorbed the other.
MERGE = Table(
    "merge",
    METADATA,
    Column("one", Text, primary_key=True),  # the smaller id
    Column("other", Text, primary_key=True),
    Column("state", Text, nullable=False),  # due, proposed, apart, merged
    Column("because", Text, nullable=False),
    Column("loser", Text),  # once merged, and after
    Column("keys", Json, nullable=False),  # the identities that the loser brought
    Column("times", Integer, nullable=False),  # how often they were merged or parted: names what was said of it
    Column("found_at", Instant, nullable=False),
    Column("decided_at", Instant),
    Column("decided_by", Text),
    Column("detail", Text),
    Index("merge_state", "state", "found_at"),
    Index("merge_other", "other"),
)

# By what a lead is known. A key without a lead was mentioned before its lead turned up, and something may wait for it:
# the row is where the mention and the lead's first post meet, whichever replica they arrive at.
IDENTITY = Table(
    "identity",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("lead_id", Text),
    Index("identity_lead_id", "lead_id"),
)

# By what erased people were known, as digests, for as long as something posted before may wait in quarantine: tried
# again it must not bring them back.
ERASED_IDENTITY = Table(
    "erased_identity",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("erased_at", Instant, nullable=False),
    Index("erased_identity_erased_at", "erased_at"),
)

# Every element ever taken in, by the digest of its dedupe key. No personal data; kept as long as the journal.
SEEN = Table(
    "seen",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("lead_id", Text, nullable=False),
    Column("event_id", Text, nullable=False),
)

QUARANTINE = Table(
    "quarantine",
    METADATA,
    Column("id", Text, primary_key=True),
    Column("received_at", Instant, nullable=False),
    Column("raw_id", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("fingerprint", Text),  # null: the body as a whole
    Column("cause", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("form", Json),  # as the native API would have it, where reading the raw body again would change nothing
    Column("awaits", Text),  # the identity whose lead it waits for, or the errand that fetches what it names
    Index("quarantine_awaits", "awaits"),
    Index("quarantine_raw_id", "raw_id"),
    Index("quarantine_source", "source", "id"),
)

# What was counted, a row a transaction and source, added up now and then: one hot row would make replicas queue.
TALLY = Table(
    "tally",
    METADATA,
    Column("id", _BIG_ID, primary_key=True, autoincrement=True),
    Column("source", Text, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("accepted", BigInteger, nullable=False),
    Column("duplicate", BigInteger, nullable=False),
    Column("quarantined", BigInteger, nullable=False),
    Column("ignored", BigInteger, nullable=False, server_default="0"),
)

# Answers given under an Idempotency-Key.
ANSWER = Table(
    "answer",
    METADATA,
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
    Column("receipts", Json, nullable=False),
    Column("at", Instant, nullable=False),
    Index("answer_at", "at"),
)
