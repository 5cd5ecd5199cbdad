"""A scheme with a gallery and a probe, whose distances were checked before anything is timed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import click
import numpy as np

from benchmarks.compare.schemes.scheme import Scheme, gallery_of_copies
from benchmarks.shared.timing import TimedCall
from gallery.arrays import Floats


class Opening(NamedTuple):
    """The calls that open an answer: its check, if the scheme has one, and its decryption."""

    check: TimedCall | None
    decryption: TimedCall


@dataclass(frozen=True, eq=False)
class PreparedScheme:
    """A scheme with a gallery, a probe and an answer that was found to be right."""

    scheme: Scheme
    templates: Floats
    vector: Floats
    units: list[Any]
    probe: Any
    answer: Any
    references: int

    @classmethod
    def of(
        cls, scheme: Scheme, templates: Floats, vector: Floats, references: int
    ) -> PreparedScheme:
        """Enroll, search, and compare with the distances in clear.

        Parameters
        ----------
        scheme
            What to prepare.
        templates
            Vectors of norm 1, shape (n, d), at least as many as a unit holds.
        vector
            The probe, of norm 1, shape (d,).
        references
            Size of the gallery; all but the first unit are copies.

        Raises
        ------
        click.ClickException
            If a distance is wrong: then there is nothing to time.
        """
        some = templates[: min(scheme.unit_size, references)]
        unit, probe = scheme.enroll(some), scheme.encrypt(vector)
        [answer] = scheme.scan([unit], [probe])
        found = scheme.decrypt([answer])[0, scheme.positions[: len(some)]]
        error = float(np.abs(found - ((some - vector) ** 2).sum(axis=1)).max())
        if not error <= scheme.tolerance:
            raise click.ClickException(f"{scheme.name}: distances are wrong by {error}")
        units = gallery_of_copies(scheme, unit, references)
        return cls(scheme, some, vector, units, probe, answer, references)

    def enrollment(self) -> TimedCall:
        """Return the encryption of a unit, for each reference."""
        run = partial(self.scheme.enroll, self.templates)
        return TimedCall(self.scheme.name, run, len(self.templates))

    def probe_encryption(self) -> TimedCall:
        """Return the encryption of a probe."""
        return TimedCall(self.scheme.name, partial(self.scheme.encrypt, self.vector))

    def scan(self, probes: int = 1) -> TimedCall:
        """Return the scan of the whole gallery for some probes, for each comparison."""
        run = partial(self.scheme.scan, self.units, [self.probe] * probes)
        return TimedCall(self.scheme.name, run, self.references * probes)

    def opening(self) -> Opening:
        """Return check and decryption of the whole answer, for each reference.

        Its units are no copies: each has secrets of its own that are read when it is opened.
        """
        units = [self.scheme.enroll(self.templates) for _ in self.units]
        answers = [self.scheme.scan([unit], [self.probe])[0] for unit in units]
        name, decrypt = self.scheme.name, partial(self.scheme.decrypt, answers)
        check = self.scheme.check(units, answers)
        return Opening(
            None if check is None else TimedCall(name, check, self.references),
            TimedCall(name, decrypt, self.references),
        )
