"""A gallery within one process: enroll, identify, erase, and see what the database holds.

The embeddings are synthetic; yours come from a face model. Run it with an empty folder to keep the
files:

    python examples/embedded_gallery.py [FOLDER]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from gallery.client import GalleryClient, GalleryKey, read_key_file, release, write_key_file
from gallery.demo.embeddings import make_embeddings
from gallery.server import open_service

PHRASE = "correct horse battery staple"  # protects the key file; a real one is in no program


def main(folder: Path) -> None:
    """Make a key and a gallery in a folder, and use both."""
    samples = make_embeddings()
    key_file, database = folder / "owner.key", folder / "gallery.db"

    # The key file is all that opens the gallery: keep a copy of it, and not beside the database.
    write_key_file(key_file, GalleryKey.generate(), PHRASE)
    key = read_key_file(key_file, PHRASE)

    # The service is the side without a key. Here it is in this process, on a SQLite file.
    with (
        open_service(f"sqlite:///{database}", create=True) as service,
        GalleryClient.create(service, key, dimension=128, threshold=0.4) as client,
    ):
        client.enroll(samples.people.embeddings, samples.people.labels)

        # All probes in one call: they share the passes over the gallery.
        found = client.identify(samples.probes.embeddings)
        # Distances are rounded before they leave the owner's hands: all their digits, published,
        # would help to find the key.
        shown = release(found.distances, client.description)
        for row, probe in enumerate(samples.probes.labels):
            decision = f"match: {found.labels[row, 0]}" if found.decisions[row] else "non-match"
            print(f"{probe:15} {decision:24} nearest at {shown[row, 0]:.4f}")

        erased = client.remove(["Leonhard Euler"])
        again = client.identify(samples.probes.embeddings[3])
        print(f"erased {len(erased)} references; found after that: {bool(again.decisions[0])}")

        report = client.verify(deep=True)
        print(f"{client.summary().references} references, damaged: {len(report.findings)}")

    stored = database.read_bytes()
    print(f"the database has {len(stored) / 1e6:.1f} MB; a name in it: {b'Lovelace' in stored}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
