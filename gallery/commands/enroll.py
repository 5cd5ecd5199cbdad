"""``gallery enroll``: enroll photos or ready embeddings."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from gallery.commands.desk import swept_thumbnails
from gallery.commands.details import attribute_option, details_of, expires_option
from gallery.commands.enrollment_checks import (
    POLICIES,
    FoundDuplicate,
    FoundOutlier,
    Policy,
    chosen_policy,
    somebody_to_ask,
    what_to_do,
)
from gallery.commands.enrollment_tally import EnrollmentTally
from gallery.commands.main import EXIT_PARTIAL
from gallery.commands.options import common_options, json_option, yes_option
from gallery.commands.origin_of_files import warn_of_origin
from gallery.commands.photo_arguments import (
    Given,
    GivenPhoto,
    PhotoArgument,
    check_standard_input,
    faces_option,
    kind_of_given,
    private_urls_option,
    read_given,
    refuse_options_of_photos,
)
from gallery.commands.photo_processes import jobs_option
from gallery.commands.replacement import ask_to_replace, labels_of
from gallery.commands.settings import Settings
from gallery.commands.trust_weights import trust_weights_option
from gallery.dates import FORMS
from gallery.errors import DuplicateSubjectError
from gallery.hints import Hint

if TYPE_CHECKING:
    from gallery.client import (
        EmbeddingFile,
        FaceSelection,
        GalleryClient,
        PersonDetails,
        PhotoEnrollment,
        SourceKind,
    )

_EPILOG = """
\b
Examples:
  gallery enroll ada.jpg --label "Ada Lovelace"
  curl https://example.com/ada.jpg | gallery enroll - --label "Ada Lovelace"
  gallery enroll people/            one sub-folder of photos per person
  gallery enroll embeddings.npz     arrays "embeddings" (n, d) and "labels" (n,)
  gallery enroll faces.parquet      columns "embedding" (lists of d numbers) and "label"
  gallery enroll faces.csv          a column "label" and d columns of numbers
  gallery enroll ada.npy --label "Ada Lovelace"
  gallery enroll visitor.jpg --label "Eve" --attribute id=4711 --expires 30d
"""


@click.command("enroll", epilog=_EPILOG)
@click.argument(
    "sources",
    metavar="SOURCE...",
    nargs=-1,
    required=True,
    type=PhotoArgument(),
)
@faces_option(
    "Which faces of a photo are enrolled under its label. A photo of several fails with one. All "
    "is for several pictures of one person in one file; it fails where two faces do not match."
)
@click.option("--label", help="Person whom single photos, or embeddings without labels, show.")
@click.option(
    "--replace",
    is_flag=True,
    help="Erase the references that these people had before. At a terminal you are asked first; "
    "everybody with the same label is the same person.",
)
@yes_option
@attribute_option(
    "Attribute of all of these people, such as a number in another system; it replaces theirs of "
    "the same name. May be given several times."
)
@expires_option(f"Time from which these people are no match any more: {FORMS}.")
@click.option(
    "--on-duplicate",
    type=click.Choice(POLICIES),
    help="Policy for a face that matches another label at the gallery's threshold: ask "
    "(without a terminal: enroll it and warn), skip it, add it without looking, or fail before "
    "anything is enrolled. To look, each new face is searched for; a server that counts sees how "
    "many were then left out. [default: ask for photos, add for embeddings]",
)
@json_option("Print the counts as a JSON object.")
@private_urls_option
@jobs_option
@trust_weights_option
@common_options
def command(
    settings: Settings,
    sources: tuple[Given, ...],
    faces: FaceSelection,
    label: str | None,
    replace: bool,
    yes: bool,
    attributes: dict[str, str],
    expires: int | None,
    on_duplicate: Policy | None,
    as_json: bool,
    private_urls: bool,
) -> int:
    """Enroll photos with a label, folders of photos, or files of embeddings.

    A photo is a file, http:// or https:// and the rest of a URL, or - for standard input.

    Photos are recognised by content. Hidden files, litter of systems and NAS boxes, and other files
    that are no photos are passed over and counted.

    Photos and embeddings that are enrolled already are skipped, so an interrupted run is finished
    by running it again.
    Photos without a face, and those of several unless --faces says which, people without a photo,
    and links that lead nowhere are reported and left out; the exit code is 1 then. Poor photos
    (small, blurred, dark or tilted faces) are enrolled with a warning; --verbose and --json show
    all figures. A face that is far from all others of its label is enrolled with a warning, as far
    as they are in the block that is written: 4,094 references.
    """
    from gallery.client import SourceKind

    check_standard_input(sources)
    kinds = {source: kind_of_given(source) for source in sources}
    _check_labels(kinds, label)
    if set(kinds.values()) == {SourceKind.EMBEDDINGS}:
        refuse_options_of_photos("embeddings")
    if on_duplicate == "fail" and SourceKind.EMBEDDINGS in kinds.values() and len(kinds) > 1:
        raise click.UsageError(
            "--on-duplicate fail takes photos and folders, or one file of embeddings"
        )
    details = details_of(attributes, expires)
    tally = EnrollmentTally()
    labelled = _labelled(kinds, label, private_urls, tally)
    files = [Path(path) for path, kind in kinds.items() if kind is SourceKind.EMBEDDINGS]
    with settings.open_client() as client:
        if replace and not yes and somebody_to_ask():
            ask_to_replace(settings, client, labels_of(files, label, labelled))
        with swept_thumbnails(settings.key, client) if replace else nullcontext():
            for path in files:
                policy = chosen_policy(settings, client, on_duplicate, "add")
                _enroll_embeddings(settings, client, path, label, replace, policy, tally, details)
            if labelled:
                policy = chosen_policy(settings, client, on_duplicate, "ask")
                _enroll_photos(settings, client, labelled, faces, replace, policy, tally, details)
    tally.report(settings, as_json)
    return EXIT_PARTIAL if tally.failures else 0


def _check_labels(kinds: dict[Given, SourceKind], label: str | None) -> None:
    """Check, before anything is enrolled, that each source has labels from one side."""
    from gallery.client import SourceKind, brings_labels, open_embeddings

    for path, kind in kinds.items():
        if kind is SourceKind.PHOTO:
            if label is None:
                raise click.UsageError(
                    f"{path} is taken for a photo: say with --label whom it shows"
                )
            continue
        labelled = kind is SourceKind.FOLDER or brings_labels(Path(path))
        if label is None and not labelled:
            with open_embeddings(Path(path), need_labels=True):
                pass
        if label is not None and labelled:
            raise click.UsageError(
                f"--label is for photos and for embeddings without labels; {path} brings its own"
            )


def _labelled(
    kinds: dict[Given, SourceKind], label: str | None, private_urls: bool, tally: EnrollmentTally
) -> list[GivenPhoto]:
    """Return all photos that are to be enrolled; what is none goes into the tally."""
    from gallery.client import SourceKind, find_photos

    found: list[GivenPhoto] = []
    for source, kind in kinds.items():
        if kind is SourceKind.FOLDER:
            folder = find_photos(source)
            found += [(photo.path, photo.label) for photo in folder]
            tally.failures += folder.failures
            tally.passed_over += folder.passed_over
        elif kind is SourceKind.PHOTO and label is not None:
            given = read_given(source, private_urls)
            found += [(photo, label) for photo in given]
            tally.failures += given.failures
    return found


def _enroll_embeddings(
    settings: Settings,
    client: GalleryClient,
    path: Path,
    label: str | None,
    replace: bool,
    policy: Policy,
    tally: EnrollmentTally,
    details: PersonDetails,
) -> None:
    from gallery.client import open_embeddings

    with open_embeddings(path, need_labels=True, label=label) as source:
        if source.taken is not None:
            settings.notice(f"{path}: {source.taken.statement}")
        if not tally.warned_of_origin:
            tally.warned_of_origin = warn_of_origin(settings, client.description, source.model)
        if policy != "add":
            _enroll_checked(settings, client, path, source.read(), replace, policy, tally, details)
            return
        with settings.progress(f"enrolling {path.name}", source.count) as advance:
            done = client.enroll_file(source, replace=replace, details=details, progress=advance)
    tally.enrolled += done.added
    tally.skipped += done.skipped
    tally.erased += done.erased
    tally.outliers += [FoundOutlier.shown(client, path, item) for item in done.outliers]


def _enroll_checked(
    settings: Settings,
    client: GalleryClient,
    path: Path,
    file: EmbeddingFile,
    replace: bool,
    policy: Policy,
    tally: EnrollmentTally,
    details: PersonDetails,
) -> None:
    """Look for duplicates among embeddings, and enroll those that are to be enrolled."""
    embeddings, asking = np.atleast_2d(file.embeddings), policy == "ask" and somebody_to_ask()
    with settings.progress(f"comparing {path.name}", len(embeddings)) as advance:
        duplicates = client.find_duplicates(
            embeddings, file.labels, model=file.model, progress=advance
        )
    if duplicates and policy == "fail":
        raise DuplicateSubjectError(
            f"{len(duplicates)} of {len(embeddings)} embeddings match references of other labels, "
            f"the first is row {duplicates[0].row} of {path}; nothing was enrolled",
            hint=Hint.SETTLE_DUPLICATES,
        )
    found = [
        FoundDuplicate.shown(client, path, item.row, item, policy == "ask") for item in duplicates
    ]
    if asking:
        found = [item.asked() for item in found]
    left_out = {item.row for item in found if not item.enrolled}
    rows = [row for row in range(len(embeddings)) if row not in left_out]
    labels = [file.labels[row] for row in rows]
    with settings.progress(f"enrolling {path.name}", len(rows)) as advance:
        done = client.enroll(
            embeddings[rows],
            labels,
            model=file.model,
            replace=replace,
            details=details,
            progress=advance,
        )
    tally.enrolled += int(done.added.sum())
    tally.skipped += int((~done.added).sum())
    tally.duplicates += found
    tally.erased += done.erased
    tally.outliers += [FoundOutlier.shown(client, path, item) for item in done.outliers]


def _enroll_photos(
    settings: Settings,
    client: GalleryClient,
    photos: list[GivenPhoto],
    faces: FaceSelection,
    replace: bool,
    policy: Policy,
    tally: EnrollmentTally,
    details: PersonDetails,
) -> None:
    asking = policy == "ask" and somebody_to_ask()
    with settings.progress("enrolling photos", len(photos)) as advance:
        done = client.enroll_photos(
            photos,
            faces=faces,
            replace=replace and not asking,
            on_duplicate=what_to_do(policy, asking),
            details=details,
            progress=advance,
        )
    tally.enrolled += len(done.added)
    tally.skipped += len(done.skipped)
    tally.failures += done.failures
    tally.measured += done.measured
    tally.erased += done.erased
    tally.outliers += [FoundOutlier.shown(client, path, item) for path, item in done.outliers]
    found = [
        FoundDuplicate.shown(client, item.path, None, item.duplicate, item.enrolled)
        for item in done.duplicates
    ]
    if asking:
        found = _answered(client, photos, faces, done, found, replace, tally, details)
    tally.duplicates += found


def _answered(
    client: GalleryClient,
    photos: list[GivenPhoto],
    faces: FaceSelection,
    done: PhotoEnrollment,
    found: list[FoundDuplicate],
    replace: bool,
    tally: EnrollmentTally,
    details: PersonDetails,
) -> list[FoundDuplicate]:
    """Ask about duplicates, and enroll the accepted ones, also if the questions are broken off."""
    answered: list[FoundDuplicate] = []
    try:
        for item in found:
            answered.append(item.asked())
    finally:
        everything = len(answered) == len(found)
        rest = _finish(client, photos, faces, done, answered, replace and everything, details)
        if rest is not None:
            tally.enrolled += len(rest.added)
            tally.erased += rest.erased
            tally.outliers += [
                FoundOutlier.shown(client, path, item) for path, item in rest.outliers
            ]
    return answered


def _finish(
    client: GalleryClient,
    photos: list[GivenPhoto],
    faces: FaceSelection,
    done: PhotoEnrollment,
    found: list[FoundDuplicate],
    replace: bool,
    details: PersonDetails,
) -> PhotoEnrollment | None:
    """Enroll the duplicates that were accepted; with ``replace`` erase what all photos replace."""
    from gallery.client.photos.sources import photo_name

    # A photo may have several faces, and none of it goes in against an answer.
    refused = {item.path for item in found if not item.enrolled}
    accepted = {item.path for item in found} - refused
    if not (accepted or replace):
        return None
    good = (accepted | {path for path, _ in (*done.added, *done.skipped)}) - refused
    wanted = [item for item in photos if photo_name(item[0]) in good]
    return client.enroll_photos(wanted, faces=faces, replace=replace, details=details)
