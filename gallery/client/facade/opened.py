"""What all that an owner can ask of an open gallery has in common."""

from __future__ import annotations

from gallery.client.integrity.view import GalleryView
from gallery.client.keys.secrets import Secret
from gallery.errors import ModelMismatchError
from gallery.messages import GalleryDescription


class OpenGallery(Secret):
    """A gallery that its owner has opened."""

    _view: GalleryView

    @property
    def description(self) -> GalleryDescription:
        """The gallery's public properties, checked."""
        return self._view.description

    def _check_model(self, model: str | None) -> None:
        wanted = self.description.preprocessing.model
        if model is not None and wanted and model != wanted:
            raise ModelMismatchError(
                f"embeddings of model {model!r} cannot be compared with gallery "
                f"{self.description.name!r}, which holds embeddings of {wanted!r}"
            )
