"""The times of the steps of a search: enrollment, probe encryption, scan, check, decryption.

All schemes are measured in turn within each repeat. A slow scheme is measured on fewer references;
each of these times is proportional to their number, so they are stated for one reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.compare.prepared_scheme import Opening, PreparedScheme
from benchmarks.shared.timing import Series, TimedCall, time_in_turn


@dataclass(frozen=True)
class SchemeSteps:
    """The steps of one scheme.

    Attributes
    ----------
    scheme
        Its name.
    dimension
        Values of an embedding.
    references
        Number of references that were scanned.
    enroll, scan, check, decrypt
        Seconds for one reference; no check if the scheme has none.
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
    check: Series | None
    decrypt: Series
    sent_bytes: int
    answer_bytes: float
    stored_bytes: float

    @property
    def opening(self) -> Series:
        """Seconds for one reference until an answer is checked, where it can be, and decrypted."""
        return self.decrypt if self.check is None else self.check.plus(self.decrypt)


@dataclass(frozen=True)
class SingleSteps:
    """Calls that have only one of the steps.

    Attributes
    ----------
    faiss
        The scan of FAISS in clear.
    seal_probes
        Probe encryption by SEAL to the bytes of a message, by parameter set.
    """

    faiss: TimedCall
    seal_probes: Mapping[str, TimedCall]


@dataclass(frozen=True)
class StepTimes:
    """The steps of all schemes by their roles, and the times of the calls with one step."""

    schemes: dict[str, SchemeSteps]
    faiss: Series
    seal_probes: dict[str, Series]


def time_steps(
    prepared: Mapping[str, PreparedScheme], single: SingleSteps, repeats: int
) -> StepTimes:
    """Time every step of all schemes, step by step."""
    schemes = list(prepared.values())
    enrolled = time_in_turn([one.enrollment() for one in schemes], repeats)
    encryptions = [one.probe_encryption() for one in schemes]
    encrypted = time_in_turn([*encryptions, *single.seal_probes.values()], repeats)
    *scanned, faiss = time_in_turn([*(one.scan() for one in schemes), single.faiss], repeats)
    checked, decrypted = _time_openings([one.opening() for one in schemes], repeats)
    own, seal = encrypted[: len(schemes)], encrypted[len(schemes) :]
    steps = {
        role: _steps(one, *series)
        for (role, one), *series in zip(
            prepared.items(), enrolled, own, scanned, checked, decrypted, strict=True
        )
    }
    return StepTimes(steps, faiss, dict(zip(single.seal_probes, seal, strict=True)))


def _time_openings(
    openings: Sequence[Opening], repeats: int
) -> tuple[list[Series | None], list[Series]]:
    """Time all checks and decryptions in turn."""
    calls = [call for opening in openings for call in opening if call is not None]
    taken = iter(time_in_turn(calls, repeats))
    checked: list[Series | None] = []
    decrypted = []
    for opening in openings:
        checked.append(None if opening.check is None else next(taken))
        decrypted.append(next(taken))
    return checked, decrypted


def _steps(
    one: PreparedScheme,
    enroll: Series,
    encrypt: Series,
    scan: Series,
    check: Series | None,
    decrypt: Series,
) -> SchemeSteps:
    return SchemeSteps(
        scheme=one.scheme.name,
        dimension=len(one.vector),
        references=one.references,
        enroll=enroll,
        encrypt=encrypt,
        scan=scan,
        check=check,
        decrypt=decrypt,
        sent_bytes=one.scheme.sent_bytes(one.probe),
        answer_bytes=one.scheme.answer_bytes(one.answer) / one.scheme.unit_size,
        stored_bytes=one.scheme.stored_bytes(one.units[0]) / one.scheme.unit_size,
    )
