"""Ciphertext in a SQL database: models, schema versions, and the repository."""

from gallery.store.database import Database
from gallery.store.repository import GalleryStore, Snapshot

__all__ = ["Database", "GalleryStore", "Snapshot"]
