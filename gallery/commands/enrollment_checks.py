"""The checks of `gallery enroll`: warnings of photos' quality, and the policy for duplicates."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from gallery.commands.output import print_table
from gallery.commands.settings import Settings
from gallery.commands.terminal import ask_yes_or_no, is_interactive
from gallery.errors import ThresholdRequiredError

if TYPE_CHECKING:
    from gallery.client import (
        Duplicate,
        FaceQuality,
        GalleryClient,
        OnDuplicate,
        Outlier,
        PhotoName,
    )

Policy = Literal["ask", "skip", "add", "fail"]
POLICIES: tuple[Policy, ...] = ("ask", "skip", "add", "fail")

_DIGITS = {"confidence": 2, "sharpness": 4, "roll": 1, "yaw": 2}


def somebody_to_ask() -> bool:
    """Whether questions can be answered: at a terminal."""
    return is_interactive()


def chosen_policy(
    settings: Settings, client: GalleryClient, given: Policy | None, default: Policy
) -> Policy:
    """Return the policy for duplicates: ``add`` by default where the gallery has no threshold.

    Raises
    ------
    ThresholdRequiredError
        If duplicates are asked for and the gallery has no threshold.
    """
    policy = given or default
    if policy != "add":
        try:
            client.threshold()
        except ThresholdRequiredError:
            if given is not None:
                raise
            settings.detail("the gallery has no threshold, so duplicates are not looked for")
            return "add"
    return policy


def what_to_do(policy: Policy, asking: bool) -> OnDuplicate:
    """Return the library's policy for duplicates among photos.

    Where somebody is asked, duplicates are left out at first, and asked about when all the others
    are enrolled: nobody has to sit by, and no progress bar is in the way.
    """
    if policy != "ask":
        return policy
    return "skip" if asking else _enroll_all_the_same


def _enroll_all_the_same(path: PhotoName, duplicate: Duplicate) -> bool:
    return True


@dataclass(frozen=True)
class FoundDuplicate:
    """A duplicate as it is shown: where it is from, and with its distance rounded.

    Attributes
    ----------
    path
        The photo or the file of embeddings.
    row
        The row in that file; None for a photo.
    duplicate
        The duplicate, with a distance that is fit to be released.
    enrolled
        Whether it was enrolled all the same.
    """

    path: PhotoName
    row: int | None
    duplicate: Duplicate
    enrolled: bool

    @classmethod
    def shown(
        cls,
        client: GalleryClient,
        path: PhotoName,
        row: int | None,
        duplicate: Duplicate,
        enrolled: bool,
    ) -> FoundDuplicate:
        """Round the distance as all that are printed (see `gallery.client.release`)."""
        from gallery.client import release

        (distance,) = release(np.array([duplicate.distance]), client.description).tolist()
        return cls(path, row, replace(duplicate, distance=distance), enrolled)

    @property
    def place(self) -> str:
        """The input, as notices name it."""
        return str(self.path) if self.row is None else f"{self.path}, row {self.row}"

    @property
    def statement(self) -> str:
        """The duplicate, in words."""
        item = self.duplicate
        where = "" if item.reference_id else ", which is new in this run too"
        return (
            f"the face of {item.label!r} matches {item.found_label!r}{where} "
            f"(distance {item.distance:g}, threshold {item.threshold:g})"
        )

    def asked(self) -> FoundDuplicate:
        """Ask whether to enroll it."""
        question = f"{self.place}: {self.statement}. Enroll it all the same?"
        return replace(self, enrolled=ask_yes_or_no(question))

    def notify(self, settings: Settings) -> None:
        """Print a notice of the duplicate, and whether it was enrolled."""
        done = "enrolled, but" if self.enrolled else "not enrolled:"
        settings.notice(f"{done} {self.place}: {self.statement}")

    def record(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        shown = {name: value for name, value in asdict(self.duplicate).items() if name != "row"}
        return {"path": str(self.path), "row": self.row, **shown, "enrolled": self.enrolled}


@dataclass(frozen=True)
class FoundOutlier:
    """A face that is far from all others of its label, as it is shown.

    Attributes
    ----------
    path
        The photo or the file of embeddings.
    outlier
        The outlier, with a distance that is fit to be released.
    """

    path: PhotoName
    outlier: Outlier

    @classmethod
    def shown(cls, client: GalleryClient, path: PhotoName, outlier: Outlier) -> FoundOutlier:
        """Round the distance as all that are printed (see `gallery.client.release`)."""
        from gallery.client import release

        (distance,) = release(np.array([outlier.distance]), client.description).tolist()
        return cls(path, replace(outlier, distance=distance))

    def notify(self, settings: Settings) -> None:
        """Print a notice of the outlier."""
        item = self.outlier
        settings.notice(
            f"enrolled, but {self.path}: this face of {item.label!r} is far from all others of "
            f"that label (distance {item.distance:g}, threshold {item.threshold:g}): is it another "
            f"person of the same name? Its reference is {item.reference_id}"
        )

    def record(self) -> dict[str, Any]:
        """Return it ready for JSON."""
        return {"path": str(self.path), **asdict(self.outlier)}


def warn_of_quality(settings: Settings, measured: Sequence[tuple[PhotoName, FaceQuality]]) -> None:
    """Print a line for each photo beyond a limit, and with ``--verbose`` all figures."""
    for path, quality in measured:
        if warnings := quality.warnings():
            settings.notice(f"poor photo: {path}: {'; '.join(warnings)}")
    if settings.verbose and measured and not settings.quiet:
        print_table(_FIGURES, [_figures(*item) for item in measured], file=sys.stderr)


_FIGURES = ("photo", "face", "as used", "confidence", "sharpness", "grey levels", "roll", "yaw")


def _figures(path: PhotoName, quality: FaceQuality) -> list[str]:
    cells = quality_figures(quality).values()
    return [str(path), *("-" if value is None else f"{value:g}" for value in cells)]


def quality_figures(quality: FaceQuality) -> dict[str, float | None]:
    """Return the figures by name, without meaningless digits."""
    return {
        name: round(value, _DIGITS[name]) if name in _DIGITS and value is not None else value
        for name, value in asdict(quality).items()
        if name not in {"turn", "rival"}  # said among the warnings
    }


def quality_records(measured: Sequence[tuple[PhotoName, FaceQuality]]) -> list[dict[str, Any]]:
    """Return figures and warnings of each photo, ready for JSON."""
    return [
        {
            "path": str(path),
            "quality": quality_figures(quality),
            "warnings": list(quality.warnings()),
        }
        for path, quality in measured
    ]
