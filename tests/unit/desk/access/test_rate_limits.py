"""Rate limits of searches: the probes that count, and the holders who are limited."""

from __future__ import annotations

import pytest

from gallery.desk.access.rate_limits import SearchRates
from gallery.desk.access.scopes import DeskScope, Holder
from gallery.desk.errors import TooManySearchesError

KIOSK = Holder("kiosk", DeskScope.IDENTIFY)


def test_every_face_of_a_photo_is_counted() -> None:
    rates = SearchRates("5/hour")
    rates.take(KIOSK, 2)

    rates.take_faces(KIOSK, [1, 4])

    with pytest.raises(TooManySearchesError, match="5 faces per hour: wait a little"):
        rates.take(KIOSK, 1)


def test_a_photo_without_faces_counts_as_one() -> None:
    rates = SearchRates("2/hour")
    for _ in range(2):
        rates.take(KIOSK, 1)
        rates.take_faces(KIOSK, [0])

    with pytest.raises(TooManySearchesError):
        rates.take(KIOSK, 1)


def test_tokens_are_counted_apart_and_those_that_manage_not_at_all() -> None:
    rates = SearchRates("2/hour")

    rates.take(KIOSK, 2)

    rates.take(Holder("door", DeskScope.ENROLL), 2)
    rates.take(Holder("owner", DeskScope.MANAGE), 1000)
