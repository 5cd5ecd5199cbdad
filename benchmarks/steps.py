"""The steps of a search, of each scheme: enrolling, encrypting a probe, the scan, decrypting.

All schemes are measured in turn within each repeat. What is slow is measured on fewer references;
each of these times is proportional to their number, so they are stated for one reference.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import click
import numpy as np

from benchmarks.schemes import Floats, Scheme, grow
from benchmarks.timing import Candidate, Series, in_turn


@dataclass(frozen=True)
class Steps:
    """What was measured of one scheme.

    Attributes
    ----------
    scheme
        Its name.
    dimension
        Values of an embedding.
    references
        How many were scanned.
    enroll, scan, decrypt
        Seconds for one reference.
    encrypt
        Seconds for one probe.
    sent_bytes
        Bytes of a probe on the wire.
    answer_bytes, stored_bytes
        Bytes for one reference on the wire and at rest, in a full unit.
    """

    scheme: str
    dimension: int
    references: int
    enroll: Series
    encrypt: Series
    scan: Series
    decrypt: Series
    sent_bytes: int
    answer_bytes: float
    stored_bytes: float


@dataclass(frozen=True, eq=False)
class Prepared:
    """A scheme with a gallery, a probe and an answer that was found to be right."""

    scheme: Scheme
    templates: Floats
    vector: Floats
    units: list[Any]
    probe: Any
    answer: Any
    references: int

    @classmethod
    def of(cls, scheme: Scheme, templates: Floats, vector: Floats, references: int) -> Prepared:
        """Enroll, search, and compare with the distances in clear before anything is timed.

        Parameters
        ----------
        scheme
            What to prepare.
        templates
            Vectors of norm 1, shape (n, d), at least as many as a unit holds.
        vector
            The probe, of norm 1, shape (d,).
        references
            How many the gallery is to have; all but the first unit are copies.

        Raises
        ------
        click.ClickException
            If a distance is not as it should be: then there is nothing to time.
        """
        some = templates[: min(scheme.unit, references)]
        unit, probe = scheme.enroll(some), scheme.encrypt(vector)
        [answer] = scheme.scan([unit], [probe])
        found = scheme.decrypt([answer])[0, : len(some)]
        error = float(np.abs(found - ((some - vector) ** 2).sum(axis=1)).max())
        if not error <= scheme.tolerance:
            raise click.ClickException(f"{scheme.name}: distances are wrong by {error}")
        units = grow(scheme, unit, references)
        return cls(scheme, some, vector, units, probe, answer, references)

    def scanning(self, probes: int = 1) -> Candidate:
        """Return the scan of the whole gallery for some probes, for each comparison."""
        run = partial(self.scheme.scan, self.units, [self.probe] * probes)
        return Candidate(self.scheme.name, run, self.references * probes)

    def enrolling(self) -> Candidate:
        """Return the encryption of a unit, for each reference."""
        run = partial(self.scheme.enroll, self.templates)
        return Candidate(self.scheme.name, run, len(self.templates))

    def encrypting(self) -> Candidate:
        """Return the encryption of a probe."""
        return Candidate(self.scheme.name, partial(self.scheme.encrypt, self.vector))

    def decrypting(self) -> Candidate:
        """Return the decryption of the whole answer, for each reference."""
        answers = [self.answer] * len(self.units)
        return Candidate(self.scheme.name, partial(self.scheme.decrypt, answers), self.references)


@dataclass(frozen=True)
class Beside:
    """What has only one of the steps: FAISS, and encryption by the backend ``seal``."""

    plain: Candidate
    backends: Mapping[str, Candidate]


@dataclass(frozen=True)
class Measured:
    """The steps of all schemes by their roles, and what was measured beside them."""

    steps: dict[str, Steps]
    plain: Series
    backends: dict[str, Series]


def measure(prepared: Mapping[str, Prepared], beside: Beside, repeats: int) -> Measured:
    """Time every step of all schemes, step by step."""
    schemes = list(prepared.values())
    enrolled = in_turn([one.enrolling() for one in schemes], repeats)
    encrypting = [one.encrypting() for one in schemes]
    encrypted = in_turn([*encrypting, *beside.backends.values()], repeats)
    *scanned, plain = in_turn([*(one.scanning() for one in schemes), beside.plain], repeats)
    decrypted = in_turn([one.decrypting() for one in schemes], repeats)
    steps = {
        role: _steps(one, *series)
        for (role, one), *series in zip(
            prepared.items(), enrolled, encrypted[: len(schemes)], scanned, decrypted, strict=True
        )
    }
    return Measured(
        steps, plain, dict(zip(beside.backends, encrypted[len(schemes) :], strict=True))
    )


def _steps(one: Prepared, enroll: Series, encrypt: Series, scan: Series, decrypt: Series) -> Steps:
    return Steps(
        scheme=one.scheme.name,
        dimension=len(one.vector),
        references=one.references,
        enroll=enroll,
        encrypt=encrypt,
        scan=scan,
        decrypt=decrypt,
        sent_bytes=one.scheme.sent_bytes(one.probe),
        answer_bytes=one.scheme.answer_bytes(one.answer) / one.scheme.unit,
        stored_bytes=one.scheme.stored_bytes(one.units[0]) / one.scheme.unit,
    )
