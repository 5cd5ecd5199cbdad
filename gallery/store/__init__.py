"""The SQL database: tables, schema versions, and stores of galleries, tokens and audit events."""

from gallery.store.audit_chain import AuditCheck, AuditGap
from gallery.store.audit_store import Action, AuditEvent, AuditStore
from gallery.store.database import Database
from gallery.store.gallery_store import GalleryStore
from gallery.store.opening import open_database
from gallery.store.snapshot import Snapshot
from gallery.store.token_store import Scope, StoredToken, TokenStore

__all__ = [
    "Action",
    "AuditCheck",
    "AuditEvent",
    "AuditGap",
    "AuditStore",
    "Database",
    "GalleryStore",
    "Scope",
    "Snapshot",
    "StoredToken",
    "TokenStore",
    "open_database",
]
