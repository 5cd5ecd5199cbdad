"""Methods of an open gallery that search with photos and videos."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from gallery.client.integrity.labels import normalize_label
from gallery.client.methods.search_methods import SearchMethods
from gallery.client.progress import Progress
from gallery.client.searching.thresholds import Threshold
from gallery.client.searching.wanted import Wanted
from gallery.deprecation import renamed_arguments

if TYPE_CHECKING:
    from gallery.client.grouping.unknown_faces import UnknownFaces
    from gallery.client.photos.embedder import PhotoEmbedder
    from gallery.client.photos.faces import FaceSelection
    from gallery.client.photos.sources import PhotoSource
    from gallery.client.searching.photo_identification import PhotoIdentification
    from gallery.client.video.sightings import Sighting
    from gallery.client.video.watching import VideoSource


class PhotoSearchMethods(SearchMethods):
    """The methods that search a gallery with the faces of photos and videos."""

    @renamed_arguments({"paths": "photos"})
    def identify_photos(
        self,
        photos: Iterable[PhotoSource],
        k: int = 1,
        threshold: float | str | None = None,
        *,
        per_reference: bool = False,
        faces: FaceSelection = "one",
        embedder: PhotoEmbedder | None = None,
        progress: Progress | None = None,
    ) -> PhotoIdentification:
        """Search the whole gallery with the faces of photos; see `identify`.

        Raises what `identify` and `enroll_photos` raise; photos that give no embedding are
        returned with the reason.

        Parameters
        ----------
        photos
            Each a path, a URL (text that begins with ``http://`` or ``https://``, or a
            `PhotoUrl`), the bytes of a picture's file, a binary file object, a picture of Pillow,
            or pixels: uint8, shape (height, width, 3), in the order red, green, blue.
        k, threshold, per_reference
            As for `identify`.
        faces
            Which faces of a photo are searched with: ``"one"``, where a photo with several fails,
            ``"largest"``, or ``"all"``, which gives a row for each.
        embedder
            What embeds them; by default one for the gallery's own model and detector.
        progress
            Called with the number of photos that were just embedded.

        Returns
        -------
        PhotoIdentification
            The faces that were searched with, their candidates and decisions, and the photos that
            failed.
        """
        wanted, limit = Wanted(k, per_reference), self.threshold(threshold)
        return self._search_photos(photos, wanted, limit, faces, embedder, progress)

    @renamed_arguments({"paths": "photos"})
    def match_photos(
        self,
        photos: Iterable[PhotoSource],
        label: str,
        threshold: float | str | None = None,
        *,
        faces: FaceSelection = "one",
        embedder: PhotoEmbedder | None = None,
        progress: Progress | None = None,
    ) -> PhotoIdentification:
        """Compare the faces of photos with one person; see `match` and `identify_photos`.

        Raises what `match` and `enroll_photos` raise; photos that give no embedding are returned
        with the reason.

        Parameters
        ----------
        photos, faces, embedder, progress
            As for `identify_photos`.
        label
            The person's label.
        threshold
            As for `identify`.

        Returns
        -------
        PhotoIdentification
            As for `identify_photos`, with one candidate for each face: the person's closest
            reference.
        """
        wanted = Wanted(pseudonym=self._session.labels.pseudonym(normalize_label(label)))
        limit = self.threshold(threshold)
        done = self._search_photos(photos, wanted, limit, faces, embedder, progress)
        if done.identification is not None:
            self._check_matched(done.identification, label)
        return done

    def unknown_faces(
        self,
        photos: Iterable[str | os.PathLike[str]],
        threshold: float | str | None = None,
        *,
        least: int = 2,
        embedder: PhotoEmbedder | None = None,
        progress: Progress | None = None,
    ) -> UnknownFaces:
        """Find the faces of photos that match nobody, and group those that may be one person's.

        The gallery is searched with each face; the grouping is done here, and nothing leaves.

        Parameters
        ----------
        photos
            Their paths; each may show any number of faces.
        threshold
            Largest distance of a match, as for `identify`; between unknown faces too.
        least
            How many faces make a group, at least 2.
        embedder
            What embeds them; by default one for the gallery's own model and detector.
        progress
            Called with the number of photos that were just looked at.

        Returns
        -------
        UnknownFaces
            The groups, the faces that are in none, and the photos that could not be used.

        Raises
        ------
        MissingDependencyError
            If scikit-learn (the extra ``grouping``), DeepFace or the model is not there.
        ThresholdRequiredError, InvalidThresholdError, IntegrityError, ModelMismatchError
            As for `identify_photos`.
        """
        from gallery.client.grouping.unknown_faces import find_unknown_faces
        from gallery.client.photos.sources import check_several

        if least < 2:
            raise ValueError("a group has at least two faces")
        check_several(photos)
        limit, made = self.threshold(threshold), embedder or self.embedder()
        paths = [Path(photo) for photo in photos]
        return find_unknown_faces(self._session, made, paths, limit, least, progress)

    def identify_video(
        self,
        source: VideoSource,
        k: int = 1,
        threshold: float | str | None = None,
        *,
        keep_frames: bool = False,
        embedder: PhotoEmbedder | None = None,
        told: Callable[[str], None] | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Sighting]:
        """Search the whole gallery with the faces of a video, one search for each track of a face.

        A file is looked at to its end before the first sighting is given. A live source gives one
        as soon as a face was searched with, another if a better one came, and one when the track is
        over. After an interruption (Ctrl-C) the sightings so far come, and then it is raised again.

        Parameters
        ----------
        source
            A `VideoFile` or a `LiveSource`.
        k
            Length of the candidate lists, of people.
        threshold
            Largest distance of a match, or the name of a threshold of the gallery; by default its
            own.
        keep_frames
            Whether sightings have the pixels of their best frame.
        embedder
            The embedder; by default one for the gallery's own model and detector.
        told
            Called with a line about what goes wrong on the way and does not end it.
        progress
            Called with the number of frames that were just looked at.

        Yields
        ------
        Sighting
            A person in the video, with the moments of the first and the last frame.

        Raises
        ------
        VideoError
            The video cannot be read, or the camera not be opened.
        ModelMismatchError
            If the gallery is not for photos, or the embedder is not the gallery's.
        IntegrityError
            If the server's answer is not what the owner enrolled.
        """
        from gallery.client.video.watching import VideoWatch

        if not hasattr(source, "frames"):
            raise TypeError("a video is given as a VideoFile or a LiveSource")
        wanted, limit = Wanted(k), self.threshold(threshold)
        watch = VideoWatch(
            source,
            embedder or self.embedder(),
            self.description,
            lambda embeddings: self._search(embeddings, wanted, limit),
            checked_first=self._session.parameters.hint_shape is not None,
            keep_frames=keep_frames,
            told=told,
        )
        return watch.watch(progress)

    def _search_photos(
        self,
        photos: Iterable[PhotoSource],
        wanted: Wanted,
        threshold: Threshold,
        faces: FaceSelection,
        embedder: PhotoEmbedder | None,
        progress: Progress | None,
    ) -> PhotoIdentification:
        from gallery.client.searching.photo_identification import (
            PhotoIdentification,
            embed_probes,
        )

        chosen = embedder or self.embedder()
        probes = embed_probes(self.description, chosen, photos, faces, progress)
        embeddings = probes.embeddings
        found = self._search(np.stack(embeddings), wanted, threshold) if embeddings else None
        return PhotoIdentification(probes.faces, found, probes.failures)
