"""The search with photos as commands do it: a row for each face, and for each photo that failed."""

from __future__ import annotations

from collections import defaultdict
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


def search_photos(
    settings: Settings,
    client: GalleryClient,
    photos: GivenPhotos,
    top: int,
    threshold: float | str | None,
    *,
    per_reference: bool,
    faces: FaceSelection,
) -> Results:
    """Search with photos; those that fail have a row, too."""
    from gallery.client import Identification

    with settings.progress("searching", len(photos.photos)) as advance:
        done = client.identify_photos(
            photos.photos,
            top,
            threshold,
            per_reference=per_reference,
            faces=faces,
            progress=advance,
        )
    found = done.identification
    if found is None:
        limit = client.threshold(threshold)
        found = Identification.empty(1, limit, client.description.metric)
    return _results_of(photos, done, found)


def _results_of(photos: GivenPhotos, done: PhotoIdentification, found: Identification) -> Results:
    """Return what was found as rows, by photo and from left to right."""
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
