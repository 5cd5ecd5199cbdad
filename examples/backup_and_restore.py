"""A backup: a gallery in one file, restored elsewhere, and refused if damaged or of another key.

Run it with an empty folder to keep the files:

    python examples/backup_and_restore.py [FOLDER]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from gallery.client import GalleryClient, GalleryKey
from gallery.demo.embeddings import make_embeddings
from gallery.errors import BackupError, KeyMismatchError
from gallery.server import open_service


def main(folder: Path) -> None:
    """Write a backup, change the gallery, and go back to it in another database."""
    samples, key = make_embeddings(), GalleryKey.generate()
    backup = folder / "gallery.backup"

    with (
        open_service(f"sqlite:///{folder / 'first.db'}", create=True) as service,
        GalleryClient.create(service, key, dimension=128, threshold=0.4) as client,
    ):
        client.enroll(samples.people.embeddings, samples.people.labels)
        # All of the gallery is checked first, so that a backup is never of something damaged.
        client.export(backup)
        client.remove(["Marie Curie"])
        print(f"{backup.name}: {backup.stat().st_size / 1e6:.1f} MB, encrypted as the database is")
        print(f"the gallery has {client.summary().references} references by now")

    with open_service(f"sqlite:///{folder / 'second.db'}", create=True) as service:
        # A file that lost its end, or in which one byte is another, restores nothing at all.
        damaged = folder / "damaged.backup"
        content = bytearray(backup.read_bytes())
        content[len(content) // 2] ^= 1
        damaged.write_bytes(content)
        try:
            GalleryClient.restore(service, key, damaged)
        except BackupError:
            print(f"a damaged backup is refused, and {len(service.gallery_names())} are restored")

        # The backup opens with its owner's key alone, so keep a copy of that elsewhere.
        try:
            GalleryClient.restore(service, GalleryKey.generate(), backup)
        except KeyMismatchError:
            print("another key does not open it")

        with GalleryClient.restore(service, key, backup, "restored") as client:
            found = client.identify(samples.probes.embeddings[4])
            print(f"restored {client.summary().references} references; found {found.labels[0, 0]}")
            print(f"sound: {not client.verify(deep=True).findings}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
