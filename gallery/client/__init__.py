"""The secret side: keys, embeddings, labels and decrypted distances stay in here.

A name here is loaded when it is first asked for, so that a program loads only what it uses.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gallery.deprecation import renamed_attributes

if TYPE_CHECKING:
    from gallery.client.cache import (
        CachedGallery,
        CacheFolder,
        EmbeddingCache,
    )
    from gallery.client.editing.people import Person
    from gallery.client.editing.relabelling import AnnotatedPerson, AnnotationReport
    from gallery.client.editing.selection import Reference
    from gallery.client.embeddings.embedding_files import (
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
    from gallery.client.enrolling.photo_outcome import (
        OnDuplicate,
        PhotoDuplicate,
        PhotoEnrollment,
    )
    from gallery.client.gallery_client import GalleryClient
    from gallery.client.grouping.group_folders import GroupFolders, WrittenFace
    from gallery.client.grouping.unknown_faces import UnknownFace, UnknownFaces
    from gallery.client.integrity.person_details import DetailsChange, PersonDetails
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
    from gallery.client.searching.results import (
        RESULT_KINDS,
        FacePlace,
        ResultFile,
        Results,
        places_of,
    )
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
    from gallery.messages import ModelOrigin, Preprocessing

__all__ = [
    "RESULT_KINDS",
    "Addition",
    "AnnotatedPerson",
    "AnnotationReport",
    "BulkEnrollment",
    "CacheFolder",
    "CachedGallery",
    "Calibration",
    "ClosePair",
    "DetailsChange",
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


if not TYPE_CHECKING:  # what type checkers know is above, and none knows the former names
    _HOMES = {
        "gallery.client.cache": ("CachedGallery", "CacheFolder", "EmbeddingCache"),
        "gallery.client.editing.people": ("Person",),
        "gallery.client.editing.relabelling": ("AnnotatedPerson", "AnnotationReport"),
        "gallery.client.editing.selection": ("Reference",),
        "gallery.client.embeddings.embedding_files": (
            "EmbeddingFile",
            "EmbeddingSource",
            "SourceKind",
            "brings_labels",
            "kind_of",
            "open_embeddings",
            "read_embeddings",
        ),
        "gallery.client.enrolling.bulk": ("BulkEnrollment",),
        "gallery.client.enrolling.closest_pairs": ("ClosePair",),
        "gallery.client.enrolling.duplicates": ("Duplicate",),
        "gallery.client.enrolling.enrollment": ("Enrollment",),
        "gallery.client.enrolling.outliers": ("Outlier",),
        "gallery.client.enrolling.photo_outcome": (
            "OnDuplicate",
            "PhotoDuplicate",
            "PhotoEnrollment",
        ),
        "gallery.client.gallery_client": ("GalleryClient",),
        "gallery.client.grouping.group_folders": ("GroupFolders", "WrittenFace"),
        "gallery.client.grouping.unknown_faces": ("UnknownFace", "UnknownFaces"),
        "gallery.client.integrity.person_details": ("DetailsChange", "PersonDetails"),
        "gallery.client.integrity.rollback": ("StateFile", "TransientStates"),
        "gallery.client.keys.keyfile": (
            "change_passphrase",
            "is_protected",
            "read_key_file",
            "write_key_file",
        ),
        "gallery.client.keys.secrets": ("GalleryKey",),
        "gallery.client.methods.upkeep_methods": ("Summary",),
        "gallery.client.photos.containers": ("is_video",),
        "gallery.client.photos.embedder": ("PhotoEmbedder", "WeightsWarning"),
        "gallery.client.photos.faces": ("EmbeddedFace", "FaceBox", "FaceSelection"),
        "gallery.client.photos.failures": ("PhotoFailure",),
        "gallery.client.photos.folder_walk": ("PassedOver",),
        "gallery.client.photos.folders": (
            "FoundPhotos",
            "LabelledPhoto",
            "find_photos",
            "find_probe_photos",
        ),
        "gallery.client.photos.inventory": (
            "PartReport",
            "WeightsReport",
            "WeightsState",
            "find_part",
            "take_inventory",
        ),
        "gallery.client.photos.quality": ("FaceQuality", "Flaw"),
        "gallery.client.photos.sources": ("HeldPhoto", "PhotoName", "hold"),
        "gallery.client.photos.trusted_weights": ("TrustedWeights", "UnknownWeights"),
        "gallery.client.photos.web_photos": ("PhotoUrl",),
        "gallery.client.photos.weights": ("WeightsSource", "fetch_weights"),
        "gallery.client.photos.weights_transfer": (
            "Transfer",
            "TransferredFile",
            "export_weights",
            "import_weights",
        ),
        "gallery.client.renewal": ("Renewal", "discard_renewal", "renew_gallery"),
        "gallery.client.searching.candidates": ("Identification",),
        "gallery.client.searching.photo_identification": ("PhotoIdentification", "ProbeFace"),
        "gallery.client.searching.release": ("release",),
        "gallery.client.searching.results": (
            "RESULT_KINDS",
            "FacePlace",
            "ResultFile",
            "Results",
            "places_of",
        ),
        "gallery.client.searching.stored_thresholds": ("Calibration",),
        "gallery.client.searching.thresholds": ("Threshold", "ThresholdSource"),
        "gallery.client.syncing.folder_sync": ("FolderSync", "SyncReport"),
        "gallery.client.syncing.plan": ("Addition", "Relabelling", "Removal", "SyncPlan"),
        "gallery.client.syncing.watch": ("watch_folder",),
        "gallery.client.video.best_frames": ("save_frame",),
        "gallery.client.video.files": ("VideoFile",),
        "gallery.client.video.frames": ("Frame",),
        "gallery.client.video.live": ("LiveSource",),
        "gallery.client.video.sightings": ("Sighting",),
        "gallery.client.video.tracks": ("Shot",),
        "gallery.messages": ("ModelOrigin", "Preprocessing"),
    }
    """The names by the modules that they are defined in."""

    _home_of = {name: home for home, names in _HOMES.items() for name in names}

    def _load(name: str) -> Any:
        if name not in _home_of:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(_home_of[name]), name)
        return found

    __getattr__ = renamed_attributes(
        __name__, {"FileMemory": "StateFile", "SessionMemory": "TransientStates"}, _load
    )

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
