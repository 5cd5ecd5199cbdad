"""The commands' search with photos: a row for each face, and for each photo that failed."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gallery.commands.hints import worded
from gallery.commands.photo_arguments import GivenPhotos
from gallery.commands.settings import Settings

if TYPE_CHECKING:
    from gallery.client import (
        FaceSelection,
        GalleryClient,
        Identification,
        PhotoIdentification,
        Results,
    )


@dataclass(frozen=True)
class ProbeSearch:
    """The options of a search with photos.

    Attributes
    ----------
    top
        People to list, or references.
    threshold
        Largest distance of a match, its name, or None for the gallery's.
    per_reference
        Whether references are listed.
    faces
        Which faces of a photo are searched with.
    """

    top: int
    threshold: float | str | None
    per_reference: bool
    faces: FaceSelection


def search_photos(
    settings: Settings, client: GalleryClient, photos: GivenPhotos, search: ProbeSearch
) -> Results:
    """Search with photos; those that fail have a row, too."""
    with settings.progress("searching", len(photos.photos)) as advance:
        done = client.identify_photos(
            photos.photos,
            search.top,
            search.threshold,
            per_reference=search.per_reference,
            faces=search.faces,
            progress=advance,
        )
    return _rows_of(client, photos, done, search.threshold)


def match_photos(
    settings: Settings,
    client: GalleryClient,
    photos: GivenPhotos,
    label: str,
    threshold: float | str | None,
    faces: FaceSelection,
) -> Results:
    """Compare photos with one person; those that fail have a row, too."""
    with settings.progress("comparing", len(photos.photos)) as advance:
        done = client.match_photos(photos.photos, label, threshold, faces=faces, progress=advance)
    return _rows_of(client, photos, done, threshold)


def _rows_of(
    client: GalleryClient,
    photos: GivenPhotos,
    done: PhotoIdentification,
    threshold: float | str | None,
) -> Results:
    from gallery.client import Identification

    found = done.identification
    if found is None:
        limit = client.threshold(threshold)
        found = Identification.empty(1, limit, client.description.metric)
    return _results_of(photos, done, found)


def _results_of(photos: GivenPhotos, done: PhotoIdentification, found: Identification) -> Results:
    """Return the results as rows, by photo and from left to right."""
    from gallery.client import Results, places_of
    from gallery.client.photos.sources import photo_name

    reasons = {str(item.path): item for item in (*done.failures, *photos.failures)}
    faces_in = defaultdict[int, list[int]](list)
    for number, face in enumerate(done.faces):
        faces_in[face.position].append(number)
    probes: list[str] = []
    rows: list[int] = []
    failed: dict[int, str] = {}
    for position, photo in enumerate(photos.photos):
        name = str(photo_name(photo, position))
        if position in faces_in:
            rows += range(len(probes), len(probes) + len(faces_in[position]))
            probes += [name] * len(faces_in[position])
        else:
            failed[len(probes)] = worded(reasons[name].reason, reasons[name].hint)
            probes.append(name)
    for failure in photos.failures:
        failed[len(probes)] = worded(failure.reason, failure.hint)
        probes.append(str(failure.path))
    found = found.spread(rows, len(probes))
    said = ((row, face.quality.warnings()) for row, face in zip(rows, done.faces, strict=True))
    return Results(
        probes,
        found,
        found.distances,
        found.second_distances,
        failed,
        {row: warnings for row, warnings in said if warnings},
        dict(zip(rows, places_of(done.faces), strict=True)),
    )
