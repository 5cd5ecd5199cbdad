"""The question before an enrollment erases the former references of people."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gallery.commands.counts import counted
from gallery.commands.photo_arguments import GivenPhoto
from gallery.commands.prompts import confirm
from gallery.commands.reference_wording import whom
from gallery.commands.settings import Settings
from gallery.errors import InvalidLabelError

if TYPE_CHECKING:
    from gallery.client import GalleryClient

_ROWS_AT_ONCE = 4096


def labels_of(files: Iterable[Path], label: str | None, photos: Sequence[GivenPhoto]) -> set[str]:
    """Return the labels of photos and of files; ``label`` is that of files without any.

    Names of folders that cannot be labels are left out: photos in those are not enrolled.
    """
    from gallery.client import open_embeddings

    labels = {shown for _, shown in photos if _can_be_label(shown)}
    for path in files:
        with open_embeddings(path, need_labels=True, label=label) as source:
            for _, some in source.batches(_ROWS_AT_ONCE):
                labels.update(some)
    return labels


def _can_be_label(name: str) -> bool:
    from gallery.client.integrity.labels import normalize_label

    try:
        normalize_label(name)
    except InvalidLabelError:
        return False
    return True


def ask_to_replace(settings: Settings, client: GalleryClient, labels: Iterable[str]) -> None:
    """Ask whether what is there of some labels may be erased, if there is anything."""
    there = list(client.references(labels))
    if there:
        confirm(
            f"Replace {counted(len(there), 'reference')} in gallery {settings.gallery!r}: "
            f"{whom(there)}? "
            "They are erased when the new ones are in, but for those that are enrolled again "
            "unchanged."
        )
