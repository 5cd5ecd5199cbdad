"""The outcome of an enrollment of photos, and the policy for those that match other people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from gallery.client.editing.selection import Reference
from gallery.client.enrolling.duplicates import Duplicate
from gallery.client.enrolling.outliers import Outlier
from gallery.client.photos.failures import PhotoFailure
from gallery.client.photos.quality import FaceQuality
from gallery.client.photos.sources import PhotoName

OnDuplicate = Literal["add", "skip", "fail"] | Callable[[PhotoName, Duplicate], bool]
"""The policy for a face that matches a reference of another label.

``add`` enrolls it without looking for duplicates at all, ``skip`` leaves it out, and ``fail``
enrolls nothing of the whole run. A function is given each and says whether to enroll it. A photo of
which one face is left out is left out whole.
"""


@dataclass(frozen=True)
class PhotoDuplicate:
    """A photo whose face matches a reference of another label, and whether it was enrolled.

    The path of a photo that is no file is its name, here and in `PhotoEnrollment`.

    Attributes
    ----------
    path
        The photo.
    duplicate
        The reference that its face matches, with the distance.
    enrolled
        Whether it was enrolled all the same.
    """

    path: PhotoName
    duplicate: Duplicate
    enrolled: bool


@dataclass(frozen=True)
class PhotoEnrollment:
    """The outcome of an enrollment of photos.

    Attributes
    ----------
    added
        Path and reference identifier of each face that was enrolled.
    skipped
        Path and reference identifier of each face that was enrolled before, or whose photo is a
        copy of another one of this run.
    failures
        Photos that could not be enrolled.
    measured
        Path and quality of each face that was embedded, also where it was then left out.
    duplicates
        Faces that match references of other labels; empty where none were looked for.
    outliers
        Path of each face that is far from all others of its label, and how far; see
        `Enrollment`.
    erased
        The references that were replaced.
    """

    added: tuple[tuple[PhotoName, str], ...]
    skipped: tuple[tuple[PhotoName, str], ...]
    failures: tuple[PhotoFailure, ...]
    measured: tuple[tuple[PhotoName, FaceQuality], ...]
    duplicates: tuple[PhotoDuplicate, ...]
    outliers: tuple[tuple[PhotoName, Outlier], ...] = ()
    erased: tuple[Reference, ...] = ()
