"""The beginning of a desk that has no gallery yet: its owner chooses, and a gallery is made."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from gallery.errors import GalleryExistsError


class Beginning:
    """Makes the key file, if there is none, and the gallery, once. Thread-safe.

    Parameters
    ----------
    key_file
        The key file, which may be there already.
    database
        The database, as the owner is told where it will be.
    models
        Names of the face models to choose from, the best first.
    make_key
        Makes the key file, sealed with a passphrase.
    make_gallery
        Makes the gallery with the key, which a passphrase opens or None, for photos of a model.
    restore_gallery
        Makes it of the backup in a file.
    """

    def __init__(
        self,
        key_file: Path,
        database: Path,
        models: Sequence[str],
        make_key: Callable[[str], None],
        make_gallery: Callable[[str | None, str], None],
        restore_gallery: Callable[[str | None, Path], None],
    ) -> None:
        self.key_file, self.database, self.models = key_file, database, tuple(models)
        self._make_key, self._make_gallery = make_key, make_gallery
        self._restore_gallery = restore_gallery
        self._making = threading.Lock()
        self._is_over = False

    @property
    def is_over(self) -> bool:
        """Whether the gallery is there."""
        return self._is_over

    @property
    def lacks_key(self) -> bool:
        """Whether there is no key file."""
        return not self.key_file.exists()

    def make(self, passphrase: str | None, model: str) -> None:
        """Make what is lacking; nothing happens where that is done.

        Raises
        ------
        GalleryError
            If it cannot be made, such as `WrongPassphraseError`; what was made before stays.
        """
        with self._making:
            if self._is_over:
                return
            if self.lacks_key and passphrase is not None:
                self._make_key(passphrase)
            with suppress(GalleryExistsError):  # made by a command meanwhile
                self._make_gallery(passphrase, model)
            self._is_over = True

    def restore(self, passphrase: str | None, backup: bytes) -> None:
        """Make the gallery of a backup, which is encrypted; nothing happens where there is one.

        Raises
        ------
        GalleryError
            If it is no backup, or one of another key; nothing is made then.
        """
        with self._making, tempfile.TemporaryDirectory(prefix="gallery-desk-") as folder:
            if self._is_over:
                return
            path = Path(folder) / "gallery.backup"
            path.write_bytes(backup)
            self._restore_gallery(passphrase, path)
            self._is_over = True
