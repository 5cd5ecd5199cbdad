"""Backups: one gallery in one file, as the database holds it, authenticated as a whole.

A backup holds ciphertexts, sealed labels and keyed hashes, and in clear the public properties
alone. It needs the protection that the database needs, and opens with the owner's key alone. The
bytes are described in ``docs/format.md``.
"""

from gallery.client.backup.reading import Backup
from gallery.client.backup.writing import write_backup

__all__ = ["Backup", "write_backup"]
