"""The loading of face models and references before the first search asks for them."""

from __future__ import annotations

from gallery.desk.state import DeskState
from gallery.errors import GalleryError


def warm_up(desk: DeskState) -> None:
    """Load what searches of all galleries need; what fails is told by the first search."""
    for name in desk.owner.names:
        if desk.stopping.is_set():
            return
        try:
            with desk.owner.gallery(name) as opened:
                opened.client.summary()
                embedder = desk.reader.embedder(opened.client)
            desk.reader.prepare(embedder)
        except (GalleryError, OSError):  # OSError: no process can be started
            continue
