"""The interface of a search scheme: the same steps for all, so that they can be compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from gallery.arrays import Floats
from gallery.ciphertexts.blocks import Positions


class Scheme(Protocol):
    """An encrypted search.

    Its gallery is a list of units. A unit is a ciphertext, or several, of one or more templates: a
    block, a batch, a face.

    Attributes
    ----------
    name
        Its name in the report.
    unit_size
        Most templates of a unit.
    positions
        Where in the distances of a unit those of its templates are, shape (unit_size,).
    tolerance
        Largest error of a squared distance that counts as right.
    """

    name: str
    unit_size: int
    positions: Positions
    tolerance: float

    def enroll(self, templates: Floats) -> Any:
        """Make a unit of at most `unit_size` vectors of norm 1, shape (n, d)."""

    def copy(self, unit: Any) -> Any:
        """Copy a unit into memory of its own, to make a large gallery quickly."""

    def encrypt(self, vector: Floats) -> Any:
        """Make a probe of a vector of norm 1, shape (d,)."""

    def scan(self, units: Sequence[Any], probes: Sequence[Any]) -> list[Any]:
        """Compare probes with a gallery; returns the answers of the last units and probes."""

    def check(self, units: Sequence[Any], answers: Sequence[Any]) -> Callable[[], None] | None:
        """Return the check of a probe's answers of all units, which comes before decryption.

        None if the scheme has no such check.
        """

    def decrypt(self, answers: Sequence[Any]) -> Floats:
        """Return squared distances, shape (answers, n), of answers to one probe.

        Those of a unit's templates are at `positions`; what else there is, a search leaves alone.
        """

    def stored_bytes(self, unit: Any) -> int:
        """Return the bytes of a unit at rest."""

    def sent_bytes(self, probe: Any) -> int:
        """Return the bytes of a probe on the wire."""

    def answer_bytes(self, answer: Any) -> int:
        """Return the bytes of an answer on the wire."""


def gallery_of_copies(scheme: Scheme, unit: Any, references: int) -> list[Any]:
    """Return a gallery of a unit and as many copies of it as hold so many references."""
    count = -(-references // scheme.unit_size)
    return [unit, *(scheme.copy(unit) for _ in range(count - 1))]
