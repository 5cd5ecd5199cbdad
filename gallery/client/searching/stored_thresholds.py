"""Thresholds that are stored with a gallery, sealed: calibrated on data, or set by its owner.

One of them is that of searches that bring none. Others have names, such as *door* and *watch list*,
by which searches ask for them.

A calibrated threshold says something about the distances that it was found on. The command finds it
on distances in clear, so nothing decrypted goes into it; sealing it keeps what those say about the
people from the server as well, and leaves no room for a mistake of a caller who does otherwise.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

import numpy as np

from gallery.client.integrity import clock
from gallery.client.integrity.printable_text import holds_controls, is_visible, normalize
from gallery.client.integrity.rollback import NewestState
from gallery.client.integrity.sealing import Sealer
from gallery.client.keys.secrets import GalleryKey
from gallery.client.searching.thresholds import Threshold, ThresholdSource
from gallery.client.session import GallerySession
from gallery.errors import (
    AuthenticationError,
    InvalidThresholdError,
    RolledBackError,
    ThresholdNotFoundError,
)
from gallery.hints import Hint

MAX_NAME: Final = 32
"""Characters of a threshold's name."""

_LAYOUT: Final = struct.Struct("<BQddIIIQ")
_CALIBRATED: Final = 1
_CHOSEN: Final = 2
_TAKEN_BACK: Final = 3
"""Forms of the sealed content; programs that know calibrations alone refuse the other two."""

_NAMED: Final = 640
"""Bytes of the thresholds that have names, however many there are; none where there are none, as
programs wrote it that know no names. Those refuse what has names as newer than they."""


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
        """The origin of the threshold, in words."""
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
        As for `Calibration`; both are counted together.
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


@dataclass(frozen=True)
class StoredThresholds:
    """All thresholds that are stored with a gallery.

    Attributes
    ----------
    default
        That of searches that bring none; None if there never was one.
    named
        Those that have names.
    """

    default: StoredThreshold | None = None
    named: Mapping[str, ChosenThreshold] = field(default_factory=dict)

    @property
    def serial(self) -> int:
        """The number of the last change."""
        return self.default.serial if self.default else 0

    def numbered(self, serial: int) -> StoredThresholds:
        """Return the same as the change of that number."""
        default = self.default or ChosenThreshold(None, clock.seconds())
        return replace(self, default=replace(default, serial=serial))


class CalibrationSealer:
    """Seals and opens the stored thresholds of one gallery."""

    def __init__(self, key: GalleryKey, gallery_id: bytes) -> None:
        self._sealer = Sealer(key.subkey("calibration", gallery_id), gallery_id)

    def seal(self, stored: StoredThresholds) -> bytes:
        """Seal thresholds that have a number; with names all have one size, and without another.

        Raises
        ------
        InvalidThresholdError
            If the names take more room than there is.
        """
        default = stored.default
        if isinstance(default, Calibration):
            kind, threshold, fpir = _CALIBRATED, default.threshold, default.fpir
            counts = default.non_mated, default.mated, default.gallery_size
        elif default is not None:
            kind = _TAKEN_BACK if default.threshold is None else _CHOSEN
            threshold, fpir, counts = default.threshold or 0.0, 0.0, (0, 0, 0)
        else:
            raise ValueError("thresholds are sealed when they have a number")
        packed = _LAYOUT.pack(kind, default.serial, threshold, fpir, *counts, default.made)
        return self._sealer.seal(packed + _pack_named(stored.named))

    def open(self, sealed: bytes) -> StoredThresholds:
        """Open thresholds.

        Raises
        ------
        AuthenticationError
            If they were sealed for another gallery, or changed, or by a newer program.
        """
        try:
            plain = self._sealer.open(sealed)
            packed, named = plain[: _LAYOUT.size], plain[_LAYOUT.size :]
            kind, serial, threshold, fpir, non_mated, mated, size, made = _LAYOUT.unpack(packed)
            if kind not in (_CALIBRATED, _CHOSEN, _TAKEN_BACK) or len(named) not in (0, _NAMED):
                raise ValueError("unknown kind")
            known = _unpack_named(named)
        except (AuthenticationError, ValueError, TypeError, AttributeError, struct.error) as error:
            raise AuthenticationError(
                "the calibrated threshold was not sealed for this gallery, was changed since, or "
                "was made by a newer program",
                hint=Hint.CALIBRATE_ANEW,
            ) from error
        if kind == _CALIBRATED:
            calibration = Calibration(threshold, fpir, non_mated, mated, size, made, serial)
            return StoredThresholds(calibration, known)
        chosen = ChosenThreshold(threshold if kind == _CHOSEN else None, made, serial)
        return StoredThresholds(chosen, known)


def normalize_threshold_name(name: str) -> str:
    """Return the name of a threshold as it is stored (`InvalidThresholdError` if not valid)."""
    normal = normalize(name)
    if not is_visible(normal) or holds_controls(normal) or len(normal) > MAX_NAME:
        raise InvalidThresholdError(
            f"the name of a threshold must be printable text of 1 to {MAX_NAME} characters"
        )
    try:
        float(normal)
    except ValueError:
        return normal
    raise InvalidThresholdError(f"{normal!r} is a number, and cannot be the name of a threshold")


def _pack_named(named: Mapping[str, ChosenThreshold]) -> bytes:
    if not named:
        return b""
    stated = {name: [item.threshold, item.made] for name, item in named.items()}
    packed = json.dumps(stated, separators=(",", ":"), sort_keys=True).encode("ascii")
    if len(packed) > _NAMED:
        raise InvalidThresholdError(
            f"{len(named)} thresholds with names take {len(packed)} bytes, and at most {_NAMED} "
            "can be kept; take one back that is not needed, or shorten their names"
        )
    return packed.ljust(_NAMED, b"\0")


def _unpack_named(packed: bytes) -> dict[str, ChosenThreshold]:
    stated = json.loads(packed.rstrip(b"\0") or b"{}")
    return {
        name: ChosenThreshold(float(threshold), int(made))
        for name, (threshold, made) in stated.items()
    }


def find_stored(session: GallerySession) -> StoredThresholds:
    """Return the thresholds that were stored last with a gallery, checked.

    Raises
    ------
    AuthenticationError
        If they are not what the owner sealed.
    RolledBackError
        If newer ones were seen before.
    """
    place = session.seen.calibration
    floor = session.states.newest(place)
    found = _open(session)
    if floor is not None and _seen(session, found) != floor:
        # Another process may have stored some since this session was opened.
        session.refresh_description()
        found = _open(session)
    seen = _seen(session, found)
    if floor is not None and (seen.version < floor.version or _differs(seen, floor)):
        raise RolledBackError(
            "the database holds an older threshold of the gallery than you have seen: an older "
            "state was put back",
            hint=Hint.ACCEPT_OLD_CALIBRATION,
        )
    if found.default is not None and seen != floor:
        session.states.remember(place, seen)
    return found


def find_named(session: GallerySession, name: str) -> Threshold:
    """Return the threshold of a name (`ThresholdNotFoundError`); raises what `find_stored` does."""
    named, wanted = find_stored(session).named, normalize(name)
    if wanted not in named:
        # It may be newer than this session; the state file does not know on every machine.
        session.refresh_description()
        named = find_stored(session).named
    if wanted not in named:
        raise _no_such(session, wanted, named)
    return named_threshold(wanted, named[wanted])


def named_threshold(name: str, chosen: ChosenThreshold) -> Threshold:
    """Return a threshold that has a name, with its origin."""
    assert chosen.threshold is not None
    day = clock.in_utc(chosen.made).partition("T")[0]
    return Threshold(chosen.threshold, f"set as {name!r} on {day}", ThresholdSource.SET)


def store(session: GallerySession, stored: Stored) -> Stored:
    """Store the threshold of searches that bring none; return it with its number.

    Raises
    ------
    WriteConflictError
        If another process stored one at the same time.
    """
    serial = _put(session, lambda present: replace(present, default=stored))
    return replace(stored, serial=serial)


def store_named(session: GallerySession, name: str, threshold: float | None) -> None:
    """Store a threshold under a name, or with None take back what has it.

    Raises
    ------
    ThresholdNotFoundError
        If there is nothing to take back.
    InvalidThresholdError
        If the name is not valid, or there are too many.
    WriteConflictError
        If another process stored one at the same time.
    """
    wanted = normalize_threshold_name(name)

    def change(present: StoredThresholds) -> StoredThresholds:
        named = dict(present.named)
        if threshold is not None:
            named[wanted] = ChosenThreshold(threshold, clock.seconds())
        elif named.pop(wanted, None) is None:
            raise _no_such(session, wanted, named)
        return replace(present, named=named)

    _put(session, change)


def reseal_stored(old: GallerySession, new: GallerySession) -> bytes:
    """Return a gallery's stored thresholds sealed for its copy under another key; empty without.

    Their number starts anew, as everything else that the copy's owner can have seen of it.
    """
    old.refresh_description()
    found = find_stored(old)
    if found.default is None:
        return b""
    return CalibrationSealer(new.key, new.gallery_id).seal(found.numbered(1))


def _put(session: GallerySession, change: Callable[[StoredThresholds], StoredThresholds]) -> int:
    """Store what becomes of a gallery's thresholds by a change; return its number."""
    place = session.seen.calibration
    newest = session.states.newest(place)
    session.refresh_description()
    present = _open(session)
    serial = max(present.serial, newest.version if newest else 0) + 1
    numbered = change(present).numbered(serial)
    sealed = CalibrationSealer(session.key, session.gallery_id).seal(numbered)
    former = session.description
    signed = session.authenticator.sign(replace(former, calibration=sealed))
    session.service.update_description(former.mac, signed)
    session.refresh_description()
    session.states.remember(place, _seen(session, numbered))
    return serial


def _no_such(
    session: GallerySession, name: str, named: Mapping[str, ChosenThreshold]
) -> ThresholdNotFoundError:
    gallery = session.description.name
    there = f"it has {', '.join(map(repr, sorted(named)))}" if named else "none of its has a name"
    return ThresholdNotFoundError(
        f"gallery {gallery!r} has no threshold named {name!r}: {there}", hint=Hint.NAME_THRESHOLD
    )


def _open(session: GallerySession) -> StoredThresholds:
    sealed = session.description.calibration
    sealer = CalibrationSealer(session.key, session.gallery_id)
    return sealer.open(sealed) if sealed else StoredThresholds()


def _seen(session: GallerySession, found: StoredThresholds) -> NewestState:
    return NewestState(found.serial, hashlib.sha256(session.description.calibration).digest())


def _differs(seen: NewestState, floor: NewestState) -> bool:
    return seen.version == floor.version and seen.mac != floor.mac
