"""Stores: sync functions over a SQLAlchemy Core `Connection`, one transaction at a time, on SQLite or Postgres."""

from baton.runtime.store.port import NotNow, Store, after_commit, open_store
from baton.runtime.store.rows import fetch, insert_missing, upsert
from baton.runtime.store.tables import new_metadata, wake
from baton.runtime.store.types import Instant, Json

__all__ = [
    "Instant",
    "Json",
    "NotNow",
    "Store",
    "after_commit",
    "fetch",
    "insert_missing",
    "new_metadata",
    "open_store",
    "upsert",
    "wake",
]
