"""The owner's cache on disk: references, hints and check sums that need not be asked for again."""

from gallery.client.cache.cache_folder import CachedGallery, CacheFolder
from gallery.client.cache.gallery_cache import GalleryCache

__all__ = ["CacheFolder", "CachedGallery", "GalleryCache"]
