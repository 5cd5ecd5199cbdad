"""An open gallery: the base class of all of its methods."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gallery.client.keys.secrets import Secret
from gallery.client.session import GallerySession
from gallery.closing import Closing
from gallery.deprecation import renamed_arguments
from gallery.errors import ModelMismatchError
from gallery.messages import GalleryDescription

if TYPE_CHECKING:
    from gallery.client.photos.embedder import PhotoEmbedder
    from gallery.client.photos.trusted_weights import TrustedWeights


class OpenedGallery(Closing, Secret):
    """A gallery that is open, and what reads its photos.

    Parameters
    ----------
    session
        The owner's session with it.
    trusted_weights, warn, jobs
        As for `GalleryClient`.
    """

    def __init__(
        self,
        session: GallerySession,
        trusted_weights: TrustedWeights | None,
        warn: Callable[[str], None] | None,
        jobs: int | None = None,
    ) -> None:
        self._session, self._jobs = session, jobs
        self._trusted_weights, self._warn = trusted_weights, warn

    def close(self) -> None:
        """Give up temporary files, and keep in the cache what was read. The service stays open."""
        self._session.close()

    @property
    def description(self) -> GalleryDescription:
        """The gallery's public properties, checked."""
        return self._session.description

    @renamed_arguments({"engine": "runtime"})
    def embedder(self, *, runtime: str | None = None) -> PhotoEmbedder:
        """Return the embedder of photos for this gallery (`ModelMismatchError`).

        Parameters
        ----------
        runtime
            ``onnx`` or ``tensorflow``; None to choose, see `PhotoEmbedder`.

        Returns
        -------
        PhotoEmbedder
            An embedder with the gallery's model and preprocessing.
        """
        from gallery.client.photos.compatibility import embedder_for

        return embedder_for(
            self.description,
            runtime,
            trusted=self._trusted_weights,
            warn=self._warn,
            jobs=self._jobs,
            memory=self._session.embeddings,
        )

    def _check_model(self, model: str | None) -> None:
        wanted = self.description.preprocessing.model
        if model is not None and wanted and model != wanted:
            raise ModelMismatchError(
                f"embeddings of model {model!r} cannot be compared with gallery "
                f"{self.description.name!r}, which holds embeddings of {wanted!r}"
            )
