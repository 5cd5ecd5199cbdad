"""The settings of the owner's cache: its place and its size, from environment variables."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from gallery.home_folder import has_home_folder

if TYPE_CHECKING:
    from gallery.client import CacheFolder

FOLDER_VARIABLE: Final = "GALLERY_CACHE_DIR"
SIZE_VARIABLE: Final = "GALLERY_CACHE_SIZE"

_MIB: Final = 1024 * 1024


def cache_path() -> Path | None:
    """Return the folder of the cache, or None if this user has no place for one."""
    if chosen := os.environ.get(FOLDER_VARIABLE):
        return Path(chosen)
    if not os.environ.get("XDG_CACHE_HOME") and not has_home_folder():
        return None
    import platformdirs

    cache = platformdirs.user_cache_path("encrypted-face-gallery", appauthor=False)
    return Path(cache) / "galleries"


def cache_limit() -> int | None:
    """Return most bytes of the cache, or None if nothing is said; 0 for no cache."""
    given = os.environ.get(SIZE_VARIABLE)
    if not given:
        return None
    if not given.isascii() or not given.isdecimal():
        raise click.UsageError(f"{SIZE_VARIABLE} is a number of MiB, 0 for no cache")
    return int(given) * _MIB


def find_cache(told: Callable[[str], None] | None = None) -> CacheFolder | None:
    """Return the cache, or None where nothing is kept; ``told`` is as for `CacheFolder`.

    Files from before its size was set to 0 are still there, and must be erased with their people.
    """
    limit, path = cache_limit(), cache_path()
    if path is None or (limit == 0 and not path.is_dir()):
        return None
    from gallery.client import CacheFolder

    return (
        CacheFolder(path, told=told) if limit is None else CacheFolder(path, limit=limit, told=told)
    )
