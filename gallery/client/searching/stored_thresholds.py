"""Thresholds that are stored with a gallery, sealed: calibrated on data, or set by its owner.

A calibrated threshold says something about the distances that it was found on. The command finds it
on distances in clear, so nothing decrypted goes into it; sealing it keeps what those say about the
people from the server as well, and leaves no room for a mistake of a caller who does otherwise.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, replace
from typing import Final, TypeVar

import numpy as np

from gallery.client.integrity import clock
from gallery.client.integrity.rollback import NewestState
from gallery.client.integrity.sealing import Sealer
from gallery.client.keys.secrets import GalleryKey
from gallery.client.searching.thresholds import Threshold, ThresholdSource
from gallery.client.session import GallerySession
from gallery.errors import AuthenticationError, RolledBackError
from gallery.hints import Hint

_LAYOUT: Final = struct.Struct("<BQddIIIQ")
_CALIBRATED: Final = 1
_CHOSEN: Final = 2
_TAKEN_BACK: Final = 3
"""What is sealed; programs that know calibrations alone refuse the other two as newer than they."""


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
        day = clock.in_utc(self.made).partition("T")[0]
        return f"calibrated for FPIR {self.fpir:g} on {day}, {self.non_mated:,} non-mated searches"

    def as_threshold(self) -> Threshold:
        """Return the threshold with its origin."""
        # The false match rate at which a gallery of that size has that FPIR.
        rate = -np.expm1(np.log1p(-self.fpir) / max(1, self.gallery_size))
        return Threshold(
            self.threshold,
            self.origin,
            ThresholdSource.CALIBRATED,
            false_match_rate=float(rate),
            calibrated_size=self.gallery_size,
        )


@dataclass(frozen=True)
class ChosenThreshold:
    """A threshold that the owner set on purpose, or took back.

    Attributes
    ----------
    threshold
        In units of the gallery's metric; None if what was stored before is taken back.
    made
        Time, seconds since 1970 UTC.
    serial
        As of `Calibration`; both are counted together.
    """

    threshold: float | None
    made: int
    serial: int = 0

    def as_threshold(self) -> Threshold | None:
        """Return the threshold with its origin, or None if it was taken back."""
        if self.threshold is None:
            return None
        day = clock.in_utc(self.made).partition("T")[0]
        return Threshold(self.threshold, f"set for the gallery on {day}", ThresholdSource.SET)


StoredThreshold = Calibration | ChosenThreshold
Stored = TypeVar("Stored", Calibration, ChosenThreshold)


class CalibrationSealer:
    """Seals and opens the stored thresholds of one gallery."""

    def __init__(self, key: GalleryKey, gallery_id: bytes) -> None:
        self._sealer = Sealer(key.subkey("calibration", gallery_id), gallery_id)

    def seal(self, stored: StoredThreshold) -> bytes:
        """Seal a threshold; all have the same size."""
        if isinstance(stored, Calibration):
            kind, threshold, fpir = _CALIBRATED, stored.threshold, stored.fpir
            counts = stored.non_mated, stored.mated, stored.gallery_size
        else:
            kind = _TAKEN_BACK if stored.threshold is None else _CHOSEN
            threshold, fpir, counts = stored.threshold or 0.0, 0.0, (0, 0, 0)
        return self._sealer.seal(
            _LAYOUT.pack(kind, stored.serial, threshold, fpir, *counts, stored.made)
        )

    def open(self, sealed: bytes) -> StoredThreshold:
        """Open a threshold.

        Raises
        ------
        AuthenticationError
            If it was sealed for another gallery, or changed, or by a newer program.
        """
        try:
            kind, serial, threshold, fpir, non_mated, mated, size, made = _LAYOUT.unpack(
                self._sealer.open(sealed)
            )
            if kind not in (_CALIBRATED, _CHOSEN, _TAKEN_BACK):
                raise ValueError("unknown kind")
        except (AuthenticationError, ValueError, struct.error) as error:
            raise AuthenticationError(
                "the calibrated threshold was not sealed for this gallery, was changed since, or "
                "was made by a newer program",
                hint=Hint.CALIBRATE_ANEW,
            ) from error
        if kind == _CALIBRATED:
            return Calibration(threshold, fpir, non_mated, mated, size, made, serial)
        return ChosenThreshold(threshold if kind == _CHOSEN else None, made, serial)


def find_stored(session: GallerySession) -> StoredThreshold | None:
    """Return the threshold that was stored last with a gallery, checked, or None without one.

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
        # Another process may have stored one since this session was opened.
        session.refresh_description()
        found = _open(session)
    seen = _seen(session, found)
    if floor is not None and (seen.version < floor.version or _differs(seen, floor)):
        raise RolledBackError(
            "the database holds an older threshold of the gallery than you have seen: an older "
            "state was put back",
            hint=Hint.ACCEPT_OLD_CALIBRATION,
        )
    if found is not None and seen != floor:
        session.states.remember(place, seen)
    return found


def store(session: GallerySession, stored: Stored) -> Stored:
    """Store a threshold with its gallery in place of the one before; return it with its number.

    Raises
    ------
    WriteConflictError
        If another process stored one at the same time.
    """
    place = session.seen.calibration
    newest = session.states.newest(place)
    session.refresh_description()
    present = _open(session)
    last = max(present.serial if present else 0, newest.version if newest else 0)
    numbered = replace(stored, serial=last + 1)
    sealed = CalibrationSealer(session.key, session.gallery_id).seal(numbered)
    former = session.description
    signed = session.authenticator.sign(replace(former, calibration=sealed))
    session.service.update_description(former.mac, signed)
    session.refresh_description()
    session.states.remember(place, _seen(session, numbered))
    return numbered


def reseal_stored(old: GallerySession, new: GallerySession) -> bytes:
    """Return a gallery's stored threshold sealed for its copy under another key; empty without one.

    Its number starts anew, as everything else that the copy's owner can have seen of it.
    """
    old.refresh_description()
    found = find_stored(old)
    if found is None:
        return b""
    return CalibrationSealer(new.key, new.gallery_id).seal(replace(found, serial=1))


def _open(session: GallerySession) -> StoredThreshold | None:
    sealed = session.description.calibration
    return CalibrationSealer(session.key, session.gallery_id).open(sealed) if sealed else None


def _seen(session: GallerySession, found: StoredThreshold | None) -> NewestState:
    digest = hashlib.sha256(session.description.calibration).digest()
    return NewestState(found.serial if found else 0, digest)


def _differs(seen: NewestState, floor: NewestState) -> bool:
    return seen.version == floor.version and seen.mac != floor.mac
