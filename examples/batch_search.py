"""Many probes from a file, searched batch by batch, with results in a folder of Parquet files.

Only one batch of probes and results is in memory. A batch's file appears complete or not at all, so
after an interruption a search goes on where it was. Needs the extra ``parquet``. Run it with an
empty folder to keep the files:

    python examples/batch_search.py [FOLDER]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from gallery.client import (
    GalleryClient,
    GalleryKey,
    ResultFile,
    Results,
    open_embeddings,
    release,
)
from gallery.server import open_service

PEOPLE, PROBES, BATCH = 500, 1_000, 256


def write_inputs(people: Path, probes: Path) -> None:
    """Write random people to enroll, and probes of which every second is of one of them."""
    rng = np.random.default_rng(1)
    faces = rng.normal(size=(PEOPLE, 128))
    np.savez(people, embeddings=faces, labels=np.array([f"person {i}" for i in range(PEOPLE)]))
    searched = rng.normal(size=(PROBES, 128))
    searched[::2] = faces[np.arange(PROBES // 2) % PEOPLE] + rng.normal(0, 0.5, (PROBES // 2, 128))
    np.savez(probes, embeddings=searched)


def search(client: GalleryClient, probes: Path, results: Path) -> None:
    """Search with all rows of a file; the results of batch n go into ``part-n.parquet``."""
    results.mkdir(exist_ok=True)
    with open_embeddings(probes) as source:
        first = 0
        for number, (embeddings, _) in enumerate(source.batches(BATCH)):
            part = results / f"part-{number:05}.parquet"
            if not part.exists():
                found = client.identify(embeddings, k=3, model=source.model)
                names = range(first, first + len(embeddings))
                shown = release(found.distances, client.description)
                ResultFile(part).write(Results(names, found, shown))
                print(f"{part.name}: {int(found.decisions.sum())} matches of {len(found)} probes")
            first += len(embeddings)


def main(folder: Path) -> None:
    """Enroll a file, search with another, and read what came out."""
    people, probes, results = folder / "people.npz", folder / "probes.npz", folder / "results"
    write_inputs(people, probes)
    with (
        open_service(f"sqlite:///{folder / 'gallery.db'}", create=True) as service,
        GalleryClient.create(
            service, GalleryKey.generate(), dimension=128, threshold=0.4
        ) as client,
    ):
        with open_embeddings(people, need_labels=True) as source:
            client.enroll_file(source)  # a block's worth at a time
        search(client, probes, results)
    table = pq.read_table(results, columns=["probe", "decision", "label"])
    matches = table.column("decision").to_pylist().count("match")
    print(f"{table.num_rows} rows, {matches} matches; the first: {table.to_pylist()[0]}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(Path(temporary))
