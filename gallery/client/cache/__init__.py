"""The owner's cache on disk: references, hints and check sums that need not be asked for again."""

from gallery.client.cache.cache_folder import CachedGallery, CacheFolder
from gallery.client.cache.gallery_cache import GalleryCache
from gallery.client.cache.known_parts import KnownParts

__all__ = ["CacheFolder", "CachedGallery", "GalleryCache", "KnownParts"]
