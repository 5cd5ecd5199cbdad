"""The secret side: keys, embeddings, labels and decrypted distances stay in here."""

from typing import TYPE_CHECKING

from gallery.client.cache import (
    CachedGallery,
    CacheFolder,
    EmbeddingCache,
)
from gallery.client.editing.people import Person
from gallery.client.editing.selection import Reference
from gallery.client.embeddings.sources import (
    EmbeddingFile,
    EmbeddingSource,
    SourceKind,
    brings_labels,
    kind_of,
    open_embeddings,
    read_embeddings,
)
from gallery.client.enrolling.bulk import BulkEnrollment
from gallery.client.enrolling.closest_pairs import ClosePair
from gallery.client.enrolling.duplicates import Duplicate
from gallery.client.enrolling.enrollment import Enrollment
from gallery.client.enrolling.outliers import Outlier
from gallery.client.enrolling.photo_enrollment import OnDuplicate, PhotoDuplicate, PhotoEnrollment
from gallery.client.gallery_client import GalleryClient
from gallery.client.grouping.group_folders import GroupFolders, WrittenFace
from gallery.client.grouping.unknown_faces import UnknownFace, UnknownFaces
from gallery.client.integrity.person_details import PersonDetails
from gallery.client.integrity.rollback import StateFile, TransientStates
from gallery.client.keys.keyfile import (
    change_passphrase,
    is_protected,
    read_key_file,
    write_key_file,
)
from gallery.client.keys.secrets import GalleryKey
from gallery.client.methods.upkeep_methods import Summary
from gallery.client.photos.containers import is_video
from gallery.client.photos.embedder import PhotoEmbedder, WeightsWarning
from gallery.client.photos.faces import EmbeddedFace, FaceBox, FaceSelection
from gallery.client.photos.failures import PhotoFailure
from gallery.client.photos.folder_walk import PassedOver
from gallery.client.photos.folders import (
    FoundPhotos,
    LabelledPhoto,
    find_photos,
    find_probe_photos,
)
from gallery.client.photos.inventory import (
    PartReport,
    WeightsReport,
    WeightsState,
    find_part,
    take_inventory,
)
from gallery.client.photos.quality import FaceQuality, Flaw
from gallery.client.photos.sources import HeldPhoto, PhotoName, hold
from gallery.client.photos.trusted_weights import TrustedWeights, UnknownWeights
from gallery.client.photos.web_photos import PhotoUrl
from gallery.client.photos.weights import WeightsSource, fetch_weights
from gallery.client.photos.weights_transfer import (
    Transfer,
    TransferredFile,
    export_weights,
    import_weights,
)
from gallery.client.renewal import Renewal, discard_renewal, renew_gallery
from gallery.client.searching.candidates import Identification
from gallery.client.searching.photo_identification import PhotoIdentification, ProbeFace
from gallery.client.searching.release import release
from gallery.client.searching.results import RESULT_KINDS, FacePlace, ResultFile, Results, places_of
from gallery.client.searching.stored_thresholds import Calibration
from gallery.client.searching.thresholds import Threshold, ThresholdSource
from gallery.client.syncing.folder_sync import FolderSync, SyncReport
from gallery.client.syncing.plan import Addition, Relabelling, Removal, SyncPlan
from gallery.client.syncing.watch import watch_folder
from gallery.client.video.best_frames import save_frame
from gallery.client.video.files import VideoFile
from gallery.client.video.frames import Frame
from gallery.client.video.live import LiveSource
from gallery.client.video.sightings import Sighting
from gallery.client.video.tracks import Shot
from gallery.deprecation import renamed_attributes
from gallery.messages import ModelOrigin, Preprocessing

if not TYPE_CHECKING:  # no type checker knows the former names
    __getattr__ = renamed_attributes(
        __name__, {"FileMemory": "StateFile", "SessionMemory": "TransientStates"}
    )

__all__ = [
    "RESULT_KINDS",
    "Addition",
    "BulkEnrollment",
    "CacheFolder",
    "CachedGallery",
    "Calibration",
    "ClosePair",
    "Duplicate",
    "EmbeddedFace",
    "EmbeddingCache",
    "EmbeddingFile",
    "EmbeddingSource",
    "Enrollment",
    "FaceBox",
    "FacePlace",
    "FaceQuality",
    "FaceSelection",
    "Flaw",
    "FolderSync",
    "FoundPhotos",
    "Frame",
    "GalleryClient",
    "GalleryKey",
    "GroupFolders",
    "HeldPhoto",
    "Identification",
    "LabelledPhoto",
    "LiveSource",
    "ModelOrigin",
    "OnDuplicate",
    "Outlier",
    "PartReport",
    "PassedOver",
    "Person",
    "PersonDetails",
    "PhotoDuplicate",
    "PhotoEmbedder",
    "PhotoEnrollment",
    "PhotoFailure",
    "PhotoIdentification",
    "PhotoName",
    "PhotoUrl",
    "Preprocessing",
    "ProbeFace",
    "Reference",
    "Relabelling",
    "Removal",
    "Renewal",
    "ResultFile",
    "Results",
    "Shot",
    "Sighting",
    "SourceKind",
    "StateFile",
    "Summary",
    "SyncPlan",
    "SyncReport",
    "Threshold",
    "ThresholdSource",
    "Transfer",
    "TransferredFile",
    "TransientStates",
    "TrustedWeights",
    "UnknownFace",
    "UnknownFaces",
    "UnknownWeights",
    "VideoFile",
    "WeightsReport",
    "WeightsSource",
    "WeightsState",
    "WeightsWarning",
    "WrittenFace",
    "brings_labels",
    "change_passphrase",
    "discard_renewal",
    "export_weights",
    "fetch_weights",
    "find_part",
    "find_photos",
    "find_probe_photos",
    "hold",
    "import_weights",
    "is_protected",
    "is_video",
    "kind_of",
    "open_embeddings",
    "places_of",
    "read_embeddings",
    "read_key_file",
    "release",
    "renew_gallery",
    "save_frame",
    "take_inventory",
    "watch_folder",
    "write_key_file",
]
