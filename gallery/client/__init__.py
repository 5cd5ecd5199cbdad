"""The secret side: keys, embeddings, labels and decrypted distances stay in here."""

from gallery.client.candidates import Identification
from gallery.client.client import GalleryClient, Reference, Summary
from gallery.client.enrollment import Enrollment
from gallery.client.from_photos import PhotoEnrollment, PhotoFailure, PhotoIdentification
from gallery.client.keyfile import is_protected, read_key_file, write_key_file
from gallery.client.photos.embedder import PhotoEmbedder
from gallery.client.photos.folders import LabelledPhoto, find_photos
from gallery.client.secrets import GalleryKey
from gallery.client.sources import (
    EmbeddingFile,
    SourceKind,
    find_probe_photos,
    kind_of,
    read_embeddings,
)

__all__ = [
    "EmbeddingFile",
    "Enrollment",
    "GalleryClient",
    "GalleryKey",
    "Identification",
    "LabelledPhoto",
    "PhotoEmbedder",
    "PhotoEnrollment",
    "PhotoFailure",
    "PhotoIdentification",
    "Reference",
    "SourceKind",
    "Summary",
    "find_photos",
    "find_probe_photos",
    "is_protected",
    "kind_of",
    "read_embeddings",
    "read_key_file",
    "write_key_file",
]
