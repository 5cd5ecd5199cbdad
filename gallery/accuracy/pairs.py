"""Lists of pairs in the layout of LFW's ``pairs.txt``, as a choice of labelled photos.

The first line holds the number of folds and of pairs, or of pairs alone; it is passed over. Then
come lines of fields between tabs: ``name  1  4`` (photos 1 and 4 of one person) or ``name  1
other  2`` (of two people). Photo n of a person is ``name/name_000n`` with an extension of a photo,
in the folder that holds the list (Huang et al., "Labeled Faces in the Wild", 2007).

An open-set evaluation needs to know for any two photos whether they show the same person. The names
tell, so all photos that the list mentions are compared, not the listed pairs alone.
"""

from __future__ import annotations

from pathlib import Path

from gallery.client.photos.folders import LabelledPhoto
from gallery.client.photos.formats import photo_suffixes
from gallery.errors import SourceError


def read_pairs(path: Path) -> list[LabelledPhoto]:
    """Return the photos that a list of pairs mentions, each once, sorted by label and path.

    Raises
    ------
    SourceError
        If the list cannot be read or has another layout, or a photo is missing.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise SourceError(f"cannot read the list of pairs {path}: {reason}") from error
    wanted: set[tuple[str, int]] = set()
    for number, line in enumerate(lines, start=1):
        fields = line.split("\t")
        if number == 1 and all(field.strip().isdigit() for field in fields):
            continue
        if line.strip():
            wanted |= _photos_of(fields, path, number)
    if not wanted:
        raise SourceError(f"the list of pairs {path} names no photos")
    return [LabelledPhoto(_find(path, name, index), name) for name, index in sorted(wanted)]


def _photos_of(fields: list[str], path: Path, number: int) -> set[tuple[str, int]]:
    try:
        match fields:
            case [name, first, second]:
                return {(_name(name), int(first)), (name, int(second))}
            case [name, first, other, second]:
                return {(_name(name), int(first)), (_name(other), int(second))}
    except ValueError:
        pass
    raise SourceError(
        f"line {number} of {path} is no pair: it must hold a name and two numbers, or two names "
        "with a number each, between tabs"
    )


def _name(field: str) -> str:
    """Return a name that is safe as a part of a path (`ValueError`)."""
    if not field or field.startswith(".") or Path(field).name != field:
        raise ValueError(field)
    return field


def _find(path: Path, name: str, index: int) -> Path:
    stem = path.parent / name / f"{name}_{index:04d}"
    for extension in photo_suffixes():
        if (found := stem.with_name(stem.name + extension)).is_file():
            return found
    raise SourceError(f"{path} names photo {index} of {name}, but there is no {stem}.jpg")
