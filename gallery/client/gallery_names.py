"""Names of galleries, in the forms that people type and a database holds.

New galleries get names in one normal form, so that no two have names that look the same. A database
may hold names of any form from before; they are found by whatever form is given.
"""

from __future__ import annotations

from gallery.errors import GalleryExistsError, GalleryNotFoundError
from gallery.hints import Hint
from gallery.messages import GalleryDescription
from gallery.messages.naming import check_name, normal_name
from gallery.protocol import GalleryService


def find_description(service: GalleryService, name: str) -> GalleryDescription:
    """Return the description of the gallery of a name, whatever its form; nothing is checked yet.

    A gallery of exactly this name comes first, then one of the normal form, then the only one whose
    name has the same normal form.

    Raises
    ------
    GalleryNotFoundError
        If there is none.
    """
    normal = normal_name(name)
    if name == normal:
        try:
            return service.describe(name)
        except GalleryNotFoundError:
            alike = _alike(service, normal)
            if len(alike) != 1:
                raise
            return service.describe(alike[0])
    alike = _alike(service, normal)
    if name in alike or normal in alike or len(alike) != 1:
        return service.describe(name if name in alike else normal)
    return service.describe(alike[0])


def new_name(service: GalleryService, name: str) -> str:
    """Return the normal form of a name for a new gallery.

    Raises
    ------
    GalleryError
        If it cannot be a name.
    GalleryExistsError
        If there is a gallery of the same name in another form. One of exactly this name is for the
        service to refuse.
    """
    check_name(name)
    normal = normal_name(name)
    for other in _alike(service, normal):
        if other != normal:
            raise GalleryExistsError(
                f"there is a gallery named {other!r} already, which is the same name in another "
                "form",
                hint=Hint.OTHER_GALLERY_NAME,
            )
    return normal


def _alike(service: GalleryService, normal: str) -> list[str]:
    return [name for name in service.gallery_names() if normal_name(name) == normal]
