"""The secret side: keys, embeddings, labels and decrypted distances stay in here."""

from gallery.client.embeddings.sources import (
    EmbeddingFile,
    EmbeddingSource,
    SourceKind,
    kind_of,
    open_embeddings,
    read_embeddings,
)
from gallery.client.enrolling.bulk import BulkEnrollment
from gallery.client.enrolling.duplicates import Duplicate
from gallery.client.enrolling.enrollment import Enrollment
from gallery.client.enrolling.from_photos import OnDuplicate, PhotoDuplicate, PhotoEnrollment
from gallery.client.facade import GalleryClient
from gallery.client.facade.upkeep import Reference, Summary
from gallery.client.integrity.memory import FileMemory, SessionMemory
from gallery.client.keys.keyfile import (
    change_passphrase,
    is_protected,
    read_key_file,
    write_key_file,
)
from gallery.client.keys.secrets import GalleryKey
from gallery.client.photos.embedder import PhotoEmbedder, PhotoFailure
from gallery.client.photos.folders import LabelledPhoto, find_photos, find_probe_photos
from gallery.client.photos.quality import FaceQuality
from gallery.client.renewal import Renewal, discard_renewal, renew_gallery
from gallery.client.searching.calibration import Calibration
from gallery.client.searching.candidates import Identification
from gallery.client.searching.from_photos import PhotoIdentification
from gallery.client.searching.release import release
from gallery.client.searching.results import RESULT_KINDS, ResultFile, Results

__all__ = [
    "RESULT_KINDS",
    "BulkEnrollment",
    "Calibration",
    "Duplicate",
    "EmbeddingFile",
    "EmbeddingSource",
    "Enrollment",
    "FaceQuality",
    "FileMemory",
    "GalleryClient",
    "GalleryKey",
    "Identification",
    "LabelledPhoto",
    "OnDuplicate",
    "PhotoDuplicate",
    "PhotoEmbedder",
    "PhotoEnrollment",
    "PhotoFailure",
    "PhotoIdentification",
    "Reference",
    "Renewal",
    "ResultFile",
    "Results",
    "SessionMemory",
    "SourceKind",
    "Summary",
    "change_passphrase",
    "discard_renewal",
    "find_photos",
    "find_probe_photos",
    "is_protected",
    "kind_of",
    "open_embeddings",
    "read_embeddings",
    "read_key_file",
    "release",
    "renew_gallery",
    "write_key_file",
]
