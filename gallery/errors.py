"""The errors that the project raises on purpose, in one hierarchy.

A message says what is wrong and where, and a hint what to do about it in terms of this library. A
message never holds an embedding, a distance or key material: messages end up in bug reports. It may
name the path of an input, on the machine of the owner who gave it; the keyless side never sees one.

Each class has the exit code of the command line, so that a script can tell the kinds apart. Codes 0
(done), 1 (done, but some inputs failed) and 2 (usage) belong to the commands themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from gallery.deprecation import renamed_attributes

if not TYPE_CHECKING:  # no type checker knows the former names
    __getattr__ = renamed_attributes(
        __name__, {"MemoryFileError": "StateFileError", "FaceEngineError": "FaceRuntimeError"}
    )

from gallery.hints import Hint


class GalleryError(Exception):
    """Base of all errors raised on purpose.

    Its text is the message, and the hint if there is one.

    Parameters
    ----------
    message
        What is wrong, and where.
    hint
        What to do about it, if that is a call or an argument of this library.

    Attributes
    ----------
    message, hint
        The same.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, message: str, *, hint: Hint | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}; {self.hint.value}"


class MachineError(GalleryError):
    """The machine, or the user's account on it, lacks what the program needs.

    A home folder, a folder that can be written to, or an instruction of the processor.
    """

    exit_code = 4


# --- keys ---------------------------------------------------------------------------------------


class KeyFileError(GalleryError):
    """The key file cannot be used."""

    exit_code = 9


class KeyFileNotFoundError(KeyFileError):
    """There is no key file at the given path."""

    exit_code = 11


class KeyFileExistsError(KeyFileError):
    """A key file is there already and is never overwritten."""

    exit_code = 12


class KeyFilePermissionsError(KeyFileError):
    """Others than its owner can read or change the key file."""

    exit_code = 13


class KeyFileCorruptedError(KeyFileError):
    """The key file is truncated, damaged, or of another format or version."""

    exit_code = 14


class PassphraseRequiredError(KeyFileError):
    """The key file is sealed with a passphrase and none was given."""

    exit_code = 15


class WrongPassphraseError(KeyFileError):
    """The passphrase does not open the key file."""

    exit_code = 16


class KeyMismatchError(GalleryError):
    """Data was made under another key than the one at hand."""

    exit_code = 17


class StateFileError(GalleryError):
    """The file that remembers the newest state of galleries cannot be used."""

    exit_code = 19


class SecretExposureError(GalleryError):
    """Code tried to copy, print or pickle a secret."""

    exit_code = 18


# --- galleries and what is put into them --------------------------------------------------------


class GalleryNotFoundError(GalleryError):
    """The database holds no gallery of this name."""

    exit_code = 20


class GalleryExistsError(GalleryError):
    """The database holds a gallery of this name already."""

    exit_code = 21


class ModelMismatchError(GalleryError):
    """Embeddings of one model (or detector) meet a gallery of another."""

    exit_code = 22


class DimensionMismatchError(GalleryError):
    """Embeddings of one dimension meet a gallery of another."""

    exit_code = 23


class InvalidEmbeddingError(GalleryError):
    """An embedding is NaN, infinite, zero, too long, or of the wrong shape."""

    exit_code = 24


class InvalidLabelError(GalleryError):
    """A label is empty, too long, or not text."""

    exit_code = 25


class InvalidAttributeError(GalleryError):
    """An attribute or the expiry of a person is empty, too long, not text, or no date."""

    exit_code = 38


class ParameterSetError(GalleryError):
    """A parameter set is unknown, insecure, or too small for the job."""

    exit_code = 26


class ThresholdRequiredError(GalleryError):
    """No threshold was given and the gallery's model has none in the table."""

    exit_code = 27


class InvalidThresholdError(ThresholdRequiredError):
    """A threshold is not a number of at least 0, or one at which everybody matches."""

    exit_code = 5


class ThresholdNotFoundError(ThresholdRequiredError):
    """The gallery has no threshold of this name, or the name is not valid for one."""

    exit_code = 39


class ReferenceNotFoundError(GalleryError):
    """The gallery holds no reference with this label or identifier."""

    exit_code = 28


class AmbiguousNameError(GalleryError):
    """A name is the label of some references and the identifier of another one."""

    exit_code = 6


class LabelExistsError(GalleryError):
    """Another label was to become this one, and references have it already."""

    exit_code = 8


class DuplicateSubjectError(GalleryError):
    """A face that was to be enrolled matches a reference of another label."""

    exit_code = 29


# --- database -----------------------------------------------------------------------------------


class DatabaseError(GalleryError):
    """The database cannot be opened, read or written."""

    exit_code = 30


class SchemaVersionError(DatabaseError):
    """The database is at another schema version than this program."""

    exit_code = 31


class WriteConflictError(GalleryError):
    """Another process changed the gallery first, again and again."""

    exit_code = 32


class ErasurePendingError(DatabaseError):
    """Data was erased from the tables, but traces of it are still in the database's files."""

    exit_code = 33


# --- integrity ----------------------------------------------------------------------------------


class MalformedMessageError(GalleryError):
    """Bytes do not follow the format."""

    exit_code = 40


class IntegrityError(GalleryError):
    """Stored or received data is not what the key owner wrote."""

    exit_code = 41


class BlockCorruptedError(IntegrityError):
    """A block's bytes do not have the digest that they were stored with."""

    exit_code = 42


class AuthenticationError(IntegrityError):
    """A MAC or an AEAD tag does not verify: forged, swapped or damaged."""

    exit_code = 43


class SwappedBlockError(AuthenticationError):
    """A block is where another one, or another version of it, belongs."""

    exit_code = 47


class MissingBlockError(IntegrityError):
    """The manifest names a block that is not there."""

    exit_code = 44


class WrongResultError(IntegrityError):
    """Canaries show that encrypted distances do not belong to this probe, block or key."""

    exit_code = 45


class RolledBackError(IntegrityError):
    """The database holds an older state of the gallery than this owner has seen."""

    exit_code = 46


class StaleManifestError(IntegrityError):
    """The gallery's state was signed longer ago than its reader allows, or has no usable date."""

    exit_code = 48


class UnseenStateError(IntegrityError):
    """A state is to be signed as the newest on a machine that has seen none of the gallery yet."""

    exit_code = 49


# --- photos and other inputs --------------------------------------------------------------------


class SourceError(GalleryError):
    """A file or folder given as input cannot be used."""

    exit_code = 50


class PhotoError(SourceError):
    """A photo gives no embedding."""

    exit_code = 51


class UnreadablePhotoError(PhotoError):
    """A file is no photo, or a damaged one."""


class NoFaceError(PhotoError):
    """No face was found in a photo."""


class SeveralFacesError(PhotoError):
    """More than one face was found in a photo."""


class VideoError(SourceError):
    """A video or a camera gives no frames."""

    exit_code = 67


class MissingDependencyError(GalleryError):
    """A package of an extra is needed and not installed, or a package cannot be loaded."""

    exit_code = 52


class WeightsError(GalleryError):
    """The weights of a model are missing, cannot be fetched, or fail their hash."""

    exit_code = 53


class UnknownModelError(GalleryError):
    """No face model of this name is known."""

    exit_code = 54


class UnknownDetectorError(UnknownModelError):
    """No face detector of this name is known."""


class FaceRuntimeError(GalleryError):
    """DeepFace's runtime is unknown, not installed, or another one already runs."""

    exit_code = 55


# --- backups ------------------------------------------------------------------------------------


class BackupError(GalleryError):
    """A backup cannot be written or read, or is truncated, damaged, or not its owner's."""

    exit_code = 56


class BackupExistsError(BackupError):
    """There is a file already where a backup was to be written; it is never overwritten."""

    exit_code = 57


# --- folders in step ----------------------------------------------------------------------------


class EmptiedFolderError(GalleryError):
    """Nothing is left of what came from a folder: it may be another one, or not be mounted."""

    exit_code = 58


class LedgerError(GalleryError):
    """The ledger of the references that came from a folder cannot be read or written."""

    exit_code = 59


# --- a server on another machine ----------------------------------------------------------------


class ServerError(GalleryError):
    """A server cannot be reached, or does not answer as this program expects."""

    exit_code = 60


class AccessDeniedError(GalleryError):
    """A token is missing, unknown, expired or revoked, or its scope does not allow what is asked.

    Attributes
    ----------
    reason
        Which of these it is, for the server's own log; the message does not tell.
    token_id, token_name
        Whose token it is, or None as long as that is not proven.
    """

    exit_code = 61

    def __init__(
        self,
        message: str,
        *,
        hint: Hint | None = None,
        reason: str = "",
        token_id: str | None = None,
        token_name: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
        self.token_id = token_id
        self.token_name = token_name


class ServerBusyError(ServerError):
    """A server is at one of its limits, or shutting down."""

    exit_code = 62


class RequestTooLargeError(ServerError):
    """A request is larger than the server takes."""

    exit_code = 63


class ServeError(GalleryError):
    """The server cannot start: its address, its certificate or a limit is not usable."""

    exit_code = 64


class TokenNotFoundError(GalleryError):
    """The database holds no token of this name."""

    exit_code = 65


class TokenExistsError(GalleryError):
    """The database holds a token of this name already."""

    exit_code = 66
