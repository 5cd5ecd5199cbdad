"""``gallery identify``: search a gallery with photos or ready embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gallery.commands.decision_exit_code import code_of, exit_code_option
from gallery.commands.destination import Destination
from gallery.commands.identified import released
from gallery.commands.options import (
    common_options,
    force_option,
    max_age_option,
    search_threshold_option,
)
from gallery.commands.origin_of_files import warn_of_origin
from gallery.commands.paths import NamedPath
from gallery.commands.photo_arguments import (
    Given,
    GivenPhotos,
    PhotoArgument,
    check_standard_input,
    faces_option,
    kind_of_given,
    private_urls_option,
    refuse_options_of_photos,
)
from gallery.commands.photo_processes import jobs_option
from gallery.commands.photo_search import ProbeSearch, search_photos
from gallery.commands.records import TableFormat, table_options
from gallery.commands.settings import KEPT_FOR_PROBES, Settings
from gallery.commands.trust_weights import trust_weights_option
from gallery.commands.video import SearchChoice, VideoChoice, identify_videos, video_options

if TYPE_CHECKING:
    from gallery.client import (
        EmbeddingFile,
        FaceSelection,
        GalleryClient,
        Results,
    )

_EPILOG = """
\b
Examples:
  gallery identify visitor.jpg
  gallery identify group.jpg --faces all --draw seen/
  curl camera.local/now.jpg | gallery identify -
  gallery identify probes.npz --threshold 0.4 --top 5 --json
  gallery identify many.npz --output results.parquet
  gallery identify clip.mp4 --every 0.5s --frames seen
  gallery identify --camera rtsp://camera.example/stream --json
"""


@click.command("identify", epilog=_EPILOG)
@click.argument(
    "probes",
    metavar="[PROBE]...",
    nargs=-1,
    type=PhotoArgument(),
)
@faces_option(
    "Which faces of a photo are searched with. A photo of several fails with one; with all, each "
    "is a probe. Of videos, all are."
)
@search_threshold_option()
@click.option(
    "--top",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="K",
    help="People to show for each probe, each with the closest reference.",
)
@click.option(
    "--per-reference",
    is_flag=True,
    help="Show the K closest references instead, several of which may be one person's.",
)
@exit_code_option
@table_options("probe", of_csv="candidate, or track of a video")
@click.option(
    "--output",
    type=NamedPath(dir_okay=False, path_type=Path),
    help="Write results to a new .npz, .parquet or .jsonl file instead.",
)
@force_option("Replace the file of --output if it is there.")
@click.option(
    "--draw",
    "drawn",
    metavar="FOLDER",
    type=NamedPath(file_okay=False, path_type=Path),
    help="Write copies of the photos into this folder, with a frame around each face, its name and "
    "its distance. Nothing in it is overwritten.",
)
@private_urls_option
@click.option(
    "--full-precision",
    is_flag=True,
    help="Give distances with all digits. By default those that noise of the encryption reaches "
    "are cut off, and all after the fourth decimal: published, they help an attacker to find the "
    "key.",
)
@video_options
@jobs_option
@trust_weights_option
@max_age_option(
    "Refuse to search a state of the gallery that its owner signed longer ago, by a change or by "
    "gallery refresh, such as 90m, 12h, 7d or 2w, so that no old state is shown for ever."
)
@common_options
def command(
    settings: Settings,
    probes: tuple[Given, ...],
    faces: FaceSelection,
    threshold: float | str | None,
    top: int,
    per_reference: bool,
    exit_code: bool,
    form: TableFormat | None,
    output: Path | None,
    force: bool,
    drawn: Path | None,
    private_urls: bool,
    full_precision: bool,
    max_age: timedelta | None,
    video: VideoChoice,
) -> int:
    """Search a gallery with the faces of photos or videos, or the rows of a file of embeddings.

    A photo is a file, http:// or https:// and the rest of a URL, or - for standard input. A file of
    embeddings is a .npz, .npy, Parquet or CSV file and may have any number of rows.

    The faces of a video or a camera are followed from frame to frame, and printed with the times
    at which they were first and last seen. A file is read to its end first, and the best frame of
    each face is searched with. A face before a camera is searched for as soon as it appears, and
    once more with a better frame.

    The result for each probe is match or non-match, the label, the distance, the threshold and the
    candidates. Photos without a face, and with more than one unless --faces says which, are
    reported as failed; the exit code is 1 then. The exit code says nothing of matches, unless
    --exit-code asks for that.

    People who have expired are no match, and are listed all the same: where the closest candidate
    has expired, the probe is a non-match, whatever candidate comes next. --csv has a line for each
    candidate.
    """
    search = ProbeSearch(top, threshold, per_reference, faces)
    if video.is_meant(probes):
        if per_reference or output is not None or drawn is not None:
            raise click.UsageError("--per-reference, --output and --draw are not for videos")
        choice = SearchChoice(
            top, threshold, exit_code, form, full_precision, force, max_age, KEPT_FOR_PROBES
        )
        paths = [probe for probe in probes if isinstance(probe, Path)]
        return identify_videos(settings, paths, video, choice)
    of_photos = _check_sources(probes)
    to = Destination.chosen(form, output, force, drawn, of_photos)
    given = _Probes.read(probes, of_photos, private_urls)
    kept = KEPT_FOR_PROBES if given.may_be_several(faces) else 0
    with settings.open_client(cache_size=kept, max_age=max_age) as client:
        done = given.searched(settings, client, search)
        if not full_precision:
            done = released(done, client.description)
    to.show(settings, done, given.photos, top)
    return code_of(done.found, done.failures, exit_code)


def _check_sources(probes: tuple[Given, ...]) -> bool:
    """Check what is to be searched with; return whether it is photos, not embeddings."""
    from gallery.client import SourceKind

    if not probes:
        raise click.UsageError("Missing argument 'PROBE...'.")
    check_standard_input(probes)
    if SourceKind.EMBEDDINGS not in map(kind_of_given, probes):
        return True
    if len(probes) > 1:
        raise click.UsageError("give photos, or one .npz, .npy, .parquet or .csv file")
    refuse_options_of_photos("embeddings")
    return False


@dataclass(frozen=True, eq=False)
class _Probes:
    """The probes of a search.

    Attributes
    ----------
    source
        A file of embeddings, or None.
    photos
        Else the photos.
    """

    source: EmbeddingFile | None
    photos: GivenPhotos

    @classmethod
    def read(cls, probes: tuple[Given, ...], of_photos: bool, private_urls: bool) -> _Probes:
        """Read a file of embeddings, or find photos."""
        from gallery.client import read_embeddings

        if of_photos:
            return cls(None, GivenPhotos.of(probes, private_urls))
        return cls(read_embeddings(Path(probes[0])), GivenPhotos())

    def may_be_several(self, faces: FaceSelection) -> bool:
        """Whether there may be several: a single search reads each block once and keeps none."""
        if self.source is not None:
            return len(self.source.embeddings) > 1
        return faces == "all" or len(self.photos.photos) > 1

    def searched(self, settings: Settings, client: GalleryClient, search: ProbeSearch) -> Results:
        """Search the gallery with them."""
        if self.source is None:
            return search_photos(settings, client, self.photos, search)
        warn_of_origin(settings, client.description, self.source.model)
        return _search_embeddings(settings, client, self.source, search)


def _search_embeddings(
    settings: Settings, client: GalleryClient, source: EmbeddingFile, search: ProbeSearch
) -> Results:
    from gallery.client import Results

    with settings.progress("searching", len(source.embeddings)) as advance:
        found = client.identify(
            source.embeddings,
            search.top,
            search.threshold,
            per_reference=search.per_reference,
            model=source.model,
            progress=advance,
        )
    return Results(list(range(len(found))), found, found.distances, found.second_distances)
