"""The description of a gallery: authenticated by its owner, and fixed but for two properties.

These are the calibrated threshold, and the origin of the embeddings of photos.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

from gallery.ciphertexts.seeds import SEED_SIZE
from gallery.distances import Metric
from gallery.errors import MalformedMessageError
from gallery.messages.wire import MessageType, Reader, Writer
from gallery.parameters import MAX_DIMENSION, PARAMETER_SETS, find_parameters

ID_SIZE = 16
MAC_SIZE = 32
DIGEST_SIZE = 32

MAX_DESCRIPTION = 512 * 1024
"""Above the bytes of the largest: six texts of up to 64 KiB, and less than 2 KiB of the rest."""

MAX_CALIBRATION = 1024
"""Bytes of a sealed calibration, with the seed before it; far more than both take."""

_WITH_ORIGIN = 2
"""Format version of a description that names an origin; without one it has the first."""


@dataclass(frozen=True)
class Preprocessing:
    """The steps from a photo to an embedding; embeddings compare only if all of them are the same.

    Attributes
    ----------
    model
        DeepFace's name of the face model, or "" for embeddings of unknown origin.
    detector
        DeepFace's name of the face detector, or "".
    align
        Whether the face is rotated so that its eyes are level.
    normalization
        DeepFace's name of the scaling of pixel values, or "".
    longest_side
        Pixels that photos are shrunk to before detection, or 0.
    """

    model: str = ""
    detector: str = ""
    align: bool = False
    normalization: str = ""
    longest_side: int = 0

    @property
    def statement(self) -> str:
        """One line of ``name=value`` pairs, equal exactly where the preprocessing is."""
        return " ".join(f"{field.name}={getattr(self, field.name)!r}" for field in fields(self))


@dataclass(frozen=True)
class ModelOrigin:
    """The origin of a gallery's embeddings: the programs and the weights that made them.

    Attributes
    ----------
    runtime
        DeepFace's runtime, ``onnx`` or ``tensorflow``, each with weights files of its own.
    deepface
        DeepFace's version.
    model_digest, detector_digest
        Digests of the weights files of face model and detector, 32 bytes each.
    """

    runtime: str
    deepface: str
    model_digest: bytes
    detector_digest: bytes


@dataclass(frozen=True)
class GalleryDescription:
    """The public properties of a gallery.

    Attributes
    ----------
    gallery_id
        16 random bytes.
    key_id
        Fingerprint of the owner's key, 16 bytes.
    name
        The name in the database.
    preprocessing
        Where its embeddings come from.
    metric
        The distance that candidates are ranked and decided by.
    dimension
        Values of an embedding.
    parameters
        Name of the parameter set.
    norm_bound
        The divisor of raw embeddings, which makes their norms at most 1; 1 for the metrics that
        normalise.
    threshold
        The owner's default threshold in units of the metric, or None.
    created
        Time of creation, seconds since 1970 UTC.
    seed
        The seed of the gallery's public matrices, 32 bytes; of the hinted scheme only.
    calibration
        A threshold that the owner found on data of the gallery's kind, sealed; empty without one.
    origin
        The origin of the embeddings of the gallery's photos, or None where it is not known.
    mac
        Authentication code over all of the above, 32 bytes.
    """

    gallery_id: bytes
    key_id: bytes
    name: str
    preprocessing: Preprocessing
    metric: Metric
    dimension: int
    parameters: str
    norm_bound: float
    threshold: float | None
    created: int
    seed: bytes = b""
    calibration: bytes = b""
    origin: ModelOrigin | None = None
    mac: bytes = bytes(MAC_SIZE)

    @property
    def columns(self) -> int:
        """Columns of the gallery's blocks."""
        parameters = find_parameters(self.parameters)
        return parameters.column_count(self.dimension, normalized=self.metric.normalizes)

    def statement(self) -> bytes:
        """Return the bytes that the MAC covers."""
        made_by = self.preprocessing
        writer = Writer(MessageType.DESCRIPTION, 1 if self.origin is None else _WITH_ORIGIN)
        writer.fixed(self.gallery_id).fixed(self.key_id).text(self.name)
        writer.text(made_by.model).text(made_by.detector)
        writer.u8(made_by.align).text(made_by.normalization).u32(made_by.longest_side)
        writer.text(self.metric).u32(self.dimension).text(self.parameters)
        writer.f64(self.norm_bound)
        writer.u8(self.threshold is not None).f64(self.threshold or 0.0)
        writer.u64(self.created)
        # In one field: programs that do not know the parameter set read it as a calibration that
        # they cannot open, and so can list the gallery and refuse it by the set's name.
        last = self.seed + self.calibration
        if last or self.origin is not None:
            writer.blob(last)
        if (origin := self.origin) is not None:
            writer.text(origin.runtime).text(origin.deepface)
            writer.fixed(origin.model_digest).fixed(origin.detector_digest)
        return writer.bytes()

    def differs_in_properties(self, other: GalleryDescription) -> bool:
        """Tell whether more differs than what may change: calibration and origin."""
        same = replace(other, calibration=self.calibration, origin=self.origin, mac=self.mac)
        return self != same

    def with_mac(self, mac: bytes) -> GalleryDescription:
        """Return the description with its authentication code."""
        return replace(self, mac=mac)

    def to_bytes(self) -> bytes:
        """Return the message."""
        return self.statement() + self.mac

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> GalleryDescription:
        """Read a message.

        Raises
        ------
        MalformedMessageError
            If the bytes are not what `to_bytes` writes.
        """
        reader = Reader(data, MessageType.DESCRIPTION, newest=_WITH_ORIGIN)
        description = cls(
            gallery_id=reader.fixed(ID_SIZE),
            key_id=reader.fixed(ID_SIZE),
            name=reader.text(),
            preprocessing=_read_preprocessing(reader),
            metric=_read_metric(reader),
            dimension=reader.u32(),
            parameters=(parameters := reader.text()),
            norm_bound=reader.f64(),
            threshold=_read_optional(reader),
            created=reader.u64(),
            seed=(last := _read_last(reader))[: SEED_SIZE * has_seed(parameters)],
            calibration=last[SEED_SIZE * has_seed(parameters) :],
            origin=_read_origin(reader) if reader.version == _WITH_ORIGIN else None,
            mac=reader.fixed(MAC_SIZE),
        )
        reader.end()
        if has_seed(parameters) and len(description.seed) != SEED_SIZE:
            raise reader.malformed("there is no seed of public matrices")
        if not 1 <= description.dimension <= MAX_DIMENSION:
            raise reader.malformed(f"dimension {description.dimension}")
        if not description.norm_bound > 0.0:
            raise reader.malformed("the bound of norms is not positive")
        return description


def has_seed(parameters: str) -> bool:
    """Tell whether galleries of a parameter set have public matrices; False for unknown sets."""
    known = PARAMETER_SETS.get(parameters)
    return known is not None and known.hint_shape is not None


def _read_preprocessing(reader: Reader) -> Preprocessing:
    return Preprocessing(reader.text(), reader.text(), reader.flag(), reader.text(), reader.u32())


def _read_metric(reader: Reader) -> Metric:
    name = reader.text()
    try:
        return Metric(name)
    except ValueError as error:
        raise MalformedMessageError(f"malformed description message: metric {name!r}") from error


def _read_optional(reader: Reader) -> float | None:
    present, value = reader.flag(), reader.f64()
    if not present and value != 0.0:
        raise reader.malformed("a value that is marked absent is not 0")
    if present and math.copysign(1.0, value) < 0.0:
        raise reader.malformed("the threshold is negative")
    return value if present else None


def _read_last(reader: Reader) -> bytes:
    """Take the seed and the calibration, as far as a description has them."""
    if reader.version < _WITH_ORIGIN and reader.remaining == MAC_SIZE:
        return b""
    found = reader.blob()
    least = 1 if reader.version < _WITH_ORIGIN else 0
    if not least <= len(found) <= MAX_CALIBRATION:
        raise reader.malformed(f"a calibration of {len(found)} bytes")
    return found


def _read_origin(reader: Reader) -> ModelOrigin:
    return ModelOrigin(
        reader.text(), reader.text(), reader.fixed(DIGEST_SIZE), reader.fixed(DIGEST_SIZE)
    )
