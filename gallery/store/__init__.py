"""Ciphertext in a SQL database, and who may reach it: models, schema versions, repositories."""

from gallery.store.audit import Action, AuditEvent, AuditStore
from gallery.store.database import Database
from gallery.store.opening import open_database
from gallery.store.repository import GalleryStore, Snapshot
from gallery.store.tokens import Scope, StoredToken, TokenStore

__all__ = [
    "Action",
    "AuditEvent",
    "AuditStore",
    "Database",
    "GalleryStore",
    "Scope",
    "Snapshot",
    "StoredToken",
    "TokenStore",
    "open_database",
]
