"""A gallery's calibrated threshold: sealed, so that the keyless side never learns it.

A threshold says something about the distances that it was found on. The command finds it on
distances in clear, so nothing decrypted goes into it; sealing it keeps what those say about the
people from the server as well, and leaves no room for a mistake of a caller who does otherwise.
"""

from __future__ import annotations

import hashlib
import os
import struct
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from gallery.client.integrity.memory import Seen, calibration_id
from gallery.client.integrity.view import GalleryView
from gallery.client.keys.secrets import GalleryKey
from gallery.client.searching.thresholds import Threshold
from gallery.errors import AuthenticationError, RolledBackError

_LAYOUT: Final = struct.Struct("<BQddIIIQ")
_VERSION: Final = 1
_NONCE_SIZE: Final = 12


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
    """Seals and opens the calibrations of one gallery (ChaCha20-Poly1305 under a subkey)."""

    def __init__(self, key: GalleryKey, gallery_id: bytes) -> None:
        self._cipher = ChaCha20Poly1305(key.subkey("calibration", gallery_id).reveal())
        self._gallery_id = gallery_id

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
        nonce = os.urandom(_NONCE_SIZE)
        return nonce + self._cipher.encrypt(nonce, plain, self._gallery_id)

    def open(self, sealed: bytes) -> Calibration:
        """Open a calibration.

        Raises
        ------
        AuthenticationError
            If it was sealed for another gallery, or changed, or by a newer program.
        """
        nonce, body = sealed[:_NONCE_SIZE], sealed[_NONCE_SIZE:]
        try:
            version, serial, threshold, fpir, non_mated, mated, size, made = _LAYOUT.unpack(
                self._cipher.decrypt(nonce, body, self._gallery_id)
            )
            if version != _VERSION:
                raise ValueError("unknown version")
        except (InvalidTag, ValueError, struct.error) as error:
            raise AuthenticationError(
                "the calibrated threshold was not sealed for this gallery, was changed since, or "
                "was made by a newer program; restore the database from a backup, or run gallery "
                "calibrate again"
            ) from error
        return Calibration(threshold, fpir, non_mated, mated, size, made, serial)


def find_calibration(view: GalleryView) -> Calibration | None:
    """Return a gallery's calibration, checked, or None if it has none.

    Raises
    ------
    AuthenticationError
        If it is not what the owner sealed.
    RolledBackError
        If a newer one was seen before.
    """
    place = calibration_id(view.gallery_id)
    floor = view.memory.newest(place)
    found = _open(view)
    if floor is not None and _seen(view, found) != floor:
        # Another process may have calibrated since this view was opened.
        view.describe_anew()
        found = _open(view)
    seen = _seen(view, found)
    if floor is not None and (seen.version < floor.version or _differs(seen, floor)):
        raise RolledBackError(
            "the database holds an older calibration of the gallery than you have seen: an older "
            "state was put back. Restore the newest one, give --threshold, or run gallery "
            "calibrate again; if you put an older one back on purpose, accept it with: gallery "
            "verify --accept-rollback"
        )
    if found is not None:
        view.memory.remember(place, seen)
    return found


def store_calibration(view: GalleryView, calibration: Calibration) -> Calibration:
    """Store a calibration with its gallery in place of the one before; return it with its number.

    Raises
    ------
    WriteConflictError
        If another process calibrated the gallery at the same time.
    """
    place = calibration_id(view.gallery_id)
    newest = view.memory.newest(place)
    view.describe_anew()
    present = _open(view)
    last = max(present.serial if present else 0, newest.version if newest else 0)
    numbered = replace(calibration, serial=last + 1)
    sealed = CalibrationSealer(view.key, view.gallery_id).seal(numbered)
    former = view.description
    signed = view.authenticator.sign(replace(former, calibration=sealed))
    view.service.redescribe(former.mac, signed)
    view.describe_anew()
    view.memory.remember(place, _seen(view, numbered))
    return numbered


def sealed_anew(old: GalleryView, new: GalleryView) -> bytes:
    """Return a gallery's calibration sealed for its copy under another key; empty if it has none.

    Its number starts anew, as everything else that the copy's owner can have seen of it.
    """
    old.describe_anew()
    found = find_calibration(old)
    if found is None:
        return b""
    return CalibrationSealer(new.key, new.gallery_id).seal(replace(found, serial=1))


def _open(view: GalleryView) -> Calibration | None:
    sealed = view.description.calibration
    return CalibrationSealer(view.key, view.gallery_id).open(sealed) if sealed else None


def _seen(view: GalleryView, found: Calibration | None) -> Seen:
    digest = hashlib.sha256(view.description.calibration).digest()
    return Seen(found.serial if found else 0, digest)


def _differs(seen: Seen, floor: Seen) -> bool:
    return seen.version == floor.version and seen.mac != floor.mac
