"""Messages between key owner and server: frozen types with strict bytes.

No message can hold an embedding, a label in clear, a distance in clear, or a key.
"""

from gallery.messages.block import (
    BlockHeader,
    BlockReferences,
    EncryptedBlock,
    columns_digest,
    pack_occupancy,
)
from gallery.messages.check_sums import NO_CHECK_SUMS, SealedCheckSums
from gallery.messages.content import (
    DescriptionUpdate,
    GalleryContent,
    GalleryReplacement,
)
from gallery.messages.description import (
    DIGEST_SIZE,
    ID_SIZE,
    GalleryDescription,
    ModelOrigin,
    Preprocessing,
)
from gallery.messages.encrypted_distances import EncryptedDistances
from gallery.messages.failure import Failure
from gallery.messages.listings import BlockIndices, GalleryNames
from gallery.messages.manifest import Manifest, ManifestEntry
from gallery.messages.probe import EncryptedProbe
from gallery.messages.references import (
    TAG_SIZE,
    IdentifierField,
    ReferenceTable,
    StoredReference,
)
from gallery.messages.relabelling import BlockRelabelling, relabelled_header
from gallery.messages.search import BlockResult, SearchRequest, SearchResult
from gallery.messages.update import BlockUpdate, GalleryUpdate

__all__ = [
    "DIGEST_SIZE",
    "ID_SIZE",
    "NO_CHECK_SUMS",
    "TAG_SIZE",
    "BlockHeader",
    "BlockIndices",
    "BlockReferences",
    "BlockRelabelling",
    "BlockResult",
    "BlockUpdate",
    "DescriptionUpdate",
    "EncryptedBlock",
    "EncryptedDistances",
    "EncryptedProbe",
    "Failure",
    "GalleryContent",
    "GalleryDescription",
    "GalleryNames",
    "GalleryReplacement",
    "GalleryUpdate",
    "IdentifierField",
    "Manifest",
    "ManifestEntry",
    "ModelOrigin",
    "Preprocessing",
    "ReferenceTable",
    "SealedCheckSums",
    "SearchRequest",
    "SearchResult",
    "StoredReference",
    "columns_digest",
    "pack_occupancy",
    "relabelled_header",
]
