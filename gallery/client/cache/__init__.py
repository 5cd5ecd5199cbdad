"""The owner's cache on disk: parts of galleries, and embeddings of photos."""

from gallery.client.cache.cache_folder import CachedGallery, CacheFolder
from gallery.client.cache.embedding_cache import (
    EmbeddingCache,
    clear_embeddings,
    kept_embeddings,
)
from gallery.client.cache.gallery_cache import GalleryCache
from gallery.client.cache.known_parts import KnownParts

__all__ = [
    "CacheFolder",
    "CachedGallery",
    "EmbeddingCache",
    "GalleryCache",
    "KnownParts",
    "clear_embeddings",
    "kept_embeddings",
]
