"""The threshold of a search, and where it comes from: given, calibrated, set, or the model's.

A calibrated threshold says something about the distances that it was found on. The command finds it
on distances in clear, so nothing decrypted goes into it; sealing it keeps what those say about the
people from the server as well, and leaves no room for a mistake of a caller who does otherwise.
"""

from __future__ import annotations

import hashlib
import math
import struct
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from gallery.client.integrity.rollback import NewestState
from gallery.client.integrity.sealing import Sealer
from gallery.client.keys.secrets import GalleryKey
from gallery.client.photos.model_table import MODELS
from gallery.client.session import GallerySession
from gallery.errors import AuthenticationError, RolledBackError, ThresholdRequiredError
from gallery.hints import Hint
from gallery.messages import GalleryDescription

_LAYOUT: Final = struct.Struct("<BQddIIIQ")
_VERSION: Final = 1


@dataclass(frozen=True)
class Threshold:
    """A threshold in units of the gallery's metric, and where it comes from."""

    value: float
    origin: str


def find_threshold(description: GalleryDescription, given: float | None = None) -> Threshold:
    """Return the given threshold, else the gallery's own, else DeepFace's for its model.

    Raises
    ------
    ThresholdRequiredError
        If there is none, or the given one is not a number of at least 0.
    """
    if given is not None:
        if not (math.isfinite(given) and given >= 0.0):
            raise ThresholdRequiredError("a threshold must be a number of at least 0")
        return Threshold(float(given), "given")
    if description.threshold is not None:
        return Threshold(description.threshold, "set for the gallery at its creation")
    model = description.preprocessing.model
    if model in MODELS:
        value = MODELS[model].thresholds[description.metric]
        return Threshold(float(value), f"DeepFace's for {model} and {description.metric}")
    raise ThresholdRequiredError(
        f"gallery {description.name!r} names no face model, so no table has a threshold for it",
        hint=Hint.GIVE_THRESHOLD,
    )


@dataclass(frozen=True)
class Calibration:
    """A threshold, and what it was found on.

    Attributes
    ----------
    threshold
        In units of the gallery's metric.
    fpir
        The false positive identification rate that was wanted, above 0 and below 1.
    non_mated, mated
        Searches that it was found on.
    gallery_size
        References that each of these searches was compared with.
    made
        Time, seconds since 1970 UTC.
    serial
        Number of the calibration in its gallery, from 1; set when it is stored.
    """

    threshold: float
    fpir: float
    non_mated: int
    mated: int
    gallery_size: int
    made: int
    serial: int = 0

    @property
    def origin(self) -> str:
        """Where the threshold comes from, in words."""
        day = datetime.fromtimestamp(self.made, UTC).date().isoformat()
        return f"calibrated for FPIR {self.fpir:g} on {day}, {self.non_mated:,} non-mated searches"

    def as_threshold(self) -> Threshold:
        """Return the threshold with its origin."""
        return Threshold(self.threshold, self.origin)


class CalibrationSealer:
    """Seals and opens the calibrations of one gallery."""

    def __init__(self, key: GalleryKey, gallery_id: bytes) -> None:
        self._sealer = Sealer(key.subkey("calibration", gallery_id), gallery_id)

    def seal(self, calibration: Calibration) -> bytes:
        """Seal a calibration; all have the same size."""
        plain = _LAYOUT.pack(
            _VERSION,
            calibration.serial,
            calibration.threshold,
            calibration.fpir,
            calibration.non_mated,
            calibration.mated,
            calibration.gallery_size,
            calibration.made,
        )
        return self._sealer.seal(plain)

    def open(self, sealed: bytes) -> Calibration:
        """Open a calibration.

        Raises
        ------
        AuthenticationError
            If it was sealed for another gallery, or changed, or by a newer program.
        """
        try:
            version, serial, threshold, fpir, non_mated, mated, size, made = _LAYOUT.unpack(
                self._sealer.open(sealed)
            )
            if version != _VERSION:
                raise ValueError("unknown version")
        except (AuthenticationError, ValueError, struct.error) as error:
            raise AuthenticationError(
                "the calibrated threshold was not sealed for this gallery, was changed since, or "
                "was made by a newer program",
                hint=Hint.CALIBRATE_ANEW,
            ) from error
        return Calibration(threshold, fpir, non_mated, mated, size, made, serial)


def find_calibration(session: GallerySession) -> Calibration | None:
    """Return a gallery's calibration, checked, or None if it has none.

    Raises
    ------
    AuthenticationError
        If it is not what the owner sealed.
    RolledBackError
        If a newer one was seen before.
    """
    place = session.seen.calibration
    floor = session.states.newest(place)
    found = _open(session)
    if floor is not None and _seen(session, found) != floor:
        # Another process may have calibrated since this session was opened.
        session.refresh_description()
        found = _open(session)
    seen = _seen(session, found)
    if floor is not None and (seen.version < floor.version or _differs(seen, floor)):
        raise RolledBackError(
            "the database holds an older calibration of the gallery than you have seen: an older "
            "state was put back",
            hint=Hint.ACCEPT_OLD_CALIBRATION,
        )
    if found is not None and seen != floor:
        session.states.remember(place, seen)
    return found


def store_calibration(session: GallerySession, calibration: Calibration) -> Calibration:
    """Store a calibration with its gallery in place of the one before; return it with its number.

    Raises
    ------
    WriteConflictError
        If another process calibrated the gallery at the same time.
    """
    place = session.seen.calibration
    newest = session.states.newest(place)
    session.refresh_description()
    present = _open(session)
    last = max(present.serial if present else 0, newest.version if newest else 0)
    numbered = replace(calibration, serial=last + 1)
    sealed = CalibrationSealer(session.key, session.gallery_id).seal(numbered)
    former = session.description
    signed = session.authenticator.sign(replace(former, calibration=sealed))
    session.service.update_description(former.mac, signed)
    session.refresh_description()
    session.states.remember(place, _seen(session, numbered))
    return numbered


def reseal_calibration(old: GallerySession, new: GallerySession) -> bytes:
    """Return a gallery's calibration sealed for its copy under another key; empty if it has none.

    Its number starts anew, as everything else that the copy's owner can have seen of it.
    """
    old.refresh_description()
    found = find_calibration(old)
    if found is None:
        return b""
    return CalibrationSealer(new.key, new.gallery_id).seal(replace(found, serial=1))


def _open(session: GallerySession) -> Calibration | None:
    sealed = session.description.calibration
    return CalibrationSealer(session.key, session.gallery_id).open(sealed) if sealed else None


def _seen(session: GallerySession, found: Calibration | None) -> NewestState:
    digest = hashlib.sha256(session.description.calibration).digest()
    return NewestState(found.serial if found else 0, digest)


def _differs(seen: NewestState, floor: NewestState) -> bool:
    return seen.version == floor.version and seen.mac != floor.mac
