"""The warning of embeddings whose file does not say which face model made them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gallery.commands.settings import Settings

if TYPE_CHECKING:
    from gallery.messages import GalleryDescription


def warn_of_origin(settings: Settings, description: GalleryDescription, model: str | None) -> bool:
    """Say so if a file names no model and the gallery does; return whether it was said.

    Embeddings of another model are as far from the gallery's as those of strangers, or closer.
    """
    wanted = description.preprocessing.model
    if model is not None or not wanted:
        return False
    settings.notice(
        f"warning: the file of embeddings does not say which face model made them; the gallery is "
        f"for {wanted}, and embeddings of another model match at random"
    )
    return True
