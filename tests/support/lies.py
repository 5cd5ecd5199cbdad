"""Lies about the results of a search, and all that a hostile server needs to tell them.

A server holds the blocks, the probes, all earlier states of the gallery, other galleries of the
same owner and all earlier requests. It has no key, but it can compute with what it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gallery.arrays import Floats, Residues
from gallery.ciphertexts.blocks import canary_positions
from gallery.client import GalleryClient, GalleryKey
from gallery.client.ring.ntt import make_transform
from gallery.errors import (
    AuthenticationError,
    GalleryError,
    MalformedMessageError,
    MissingBlockError,
    RolledBackError,
    SwappedBlockError,
    WrongResultError,
)
from gallery.evaluator import make_evaluator
from gallery.messages import (
    NO_CHECK_SUMS,
    BlockReferences,
    BlockResult,
    EncryptedBlock,
    EncryptedProbe,
    Manifest,
    SealedCheckSums,
    SearchRequest,
)
from gallery.parameters import LANES, HintedParameterSet, ParameterSet
from gallery.server import EmbeddedService
from tests.support.galleries import names, random_embeddings
from tests.support.lying import Answer, Lie, LyingService

DIMENSION = 8
IN_FIRST_BLOCK = 4094
REFERENCES = IN_FIRST_BLOCK + 6
Polynomial = Sequence[int] | np.ndarray
_EVALUATOR = make_evaluator(threads=1)


@dataclass(frozen=True, eq=False)
class StoredState:
    """All that the server holds of a gallery at one version."""

    manifest: Manifest
    blocks: tuple[EncryptedBlock, ...]
    references: tuple[BlockReferences, ...]
    check_sums: SealedCheckSums

    @classmethod
    def of(cls, service: EmbeddedService, gallery_id: bytes) -> StoredState:
        manifest = service.manifest(gallery_id)
        indices = range(len(manifest.entries))
        return cls(
            manifest,
            tuple(service.block(gallery_id, index) for index in indices),
            tuple(service.references(gallery_id, index) for index in indices),
            service.check_sums(gallery_id),
        )


@dataclass(frozen=True, eq=False)
class Scene:
    """A gallery of two blocks, and what its server has kept.

    Attributes
    ----------
    service, key, parameters
        As for a client.
    url
        Of the service's database.
    embeddings
        What is enrolled under the labels ``person 0``, ``person 1``, ...
    empty, older, current
        The gallery when it was made, before its last write, and now.
    other
        Another gallery of the same owner, of the same shape.
    earlier
        A probe of an earlier search.
    """

    service: EmbeddedService
    key: GalleryKey
    parameters: ParameterSet
    url: str
    embeddings: Floats
    empty: StoredState
    older: StoredState
    current: StoredState
    other: StoredState
    earlier: EncryptedProbe

    @classmethod
    def make(
        cls, service: EmbeddedService, key: GalleryKey, parameters: ParameterSet, url: str
    ) -> Scene:
        """Fill an empty database."""
        embeddings = random_embeddings(REFERENCES, DIMENSION)
        labels, half = names(REFERENCES), IN_FIRST_BLOCK + 2
        lying = LyingService(service)
        sent: list[EncryptedProbe] = []

        def keep(request: SearchRequest, answer: Answer) -> Answer:
            sent.extend(request.probes)
            return answer

        lying.begin(keep)
        with GalleryClient.create(
            lying, key, dimension=DIMENSION, parameters=parameters, gallery="default"
        ) as client:
            gallery_id = client.description.gallery_id
            empty = StoredState.of(service, gallery_id)
            client.enroll(embeddings[:half], labels[:half])
            older = StoredState.of(service, gallery_id)
            client.enroll(embeddings[half:], labels[half:])
            current = StoredState.of(service, gallery_id)
            client.identify(random_embeddings(1, DIMENSION, seed=9), threshold=0.05)
        with GalleryClient.create(
            service, key, dimension=DIMENSION, parameters=parameters, gallery="other"
        ) as client:
            client.enroll(random_embeddings(REFERENCES, DIMENSION, seed=1), labels)
            other = StoredState.of(service, client.description.gallery_id)
        return cls(service, key, parameters, url, embeddings, empty, older, current, other, sent[0])

    def mated(self, count: int = 1) -> Floats:
        """Return probes of enrolled people, shape (count, d)."""
        return self.embeddings[7 : 7 + count] + 0.01 * random_embeddings(count, DIMENSION, seed=3)

    def strangers(self, count: int = 1) -> Floats:
        """Return probes of nobody, shape (count, d): none is within 0.05 of a reference."""
        units = self.embeddings / np.linalg.norm(self.embeddings, axis=1, keepdims=True)
        drawn = random_embeddings(4000, DIMENSION, seed=4)
        nearest = 1.0 - (drawn / np.linalg.norm(drawn, axis=1, keepdims=True) @ units.T).max(axis=1)
        found = drawn[nearest > 0.06]
        assert len(found) >= count
        return found[:count]

    def results(self, blocks: list[Residues], probes: list[Residues]) -> list[list[Residues]]:
        """Compute as a server does: results by block and probe."""
        return _EVALUATOR.distances_of_blocks(blocks, probes, self.parameters)

    def added(self, residues: Residues, polynomial: Polynomial) -> Residues:
        """Add a polynomial of R, given by its coefficients, to what the owner will decrypt."""
        return added(residues, polynomial, self.parameters)

    def unit(self, position: int) -> np.ndarray:
        """Return the polynomial that moves one position of a hinted result by an inner product."""
        assert isinstance(self.parameters, HintedParameterSet)
        polynomial = np.zeros(self.parameters.poly_modulus_degree, np.int64)
        scale = self.parameters.column_scale * self.parameters.probe_scale
        polynomial[position] = round(scale)
        return polynomial


def added(residues: Residues, polynomial: Polynomial, parameters: ParameterSet) -> Residues:
    """Add a polynomial of R, given by its coefficients, to what an owner will decrypt."""
    return _sum(residues, as_result(polynomial, parameters), parameters)


def as_result(polynomial: Polynomial, parameters: ParameterSet) -> Residues:
    """Return a polynomial of R as a result that holds nothing else."""
    values = _transformed(polynomial, parameters)
    if isinstance(parameters, HintedParameterSet):
        return np.stack([_in_slices(row, parameters) for row in values])
    found = np.zeros(parameters.result_shape, np.uint32)
    found[0] = values
    return found


def _transformed(polynomial: Polynomial, parameters: ParameterSet) -> Residues:
    """Return the values of a polynomial by prime, shape (primes, N), in NTT order."""
    degree, found = parameters.poly_modulus_degree, []
    for prime in parameters.data_primes:
        work = np.zeros((degree, 16), np.uint32)
        work[:, 0] = np.array([int(value) % prime for value in polynomial])
        flat = work.reshape(-1)
        make_transform(degree, prime).forward(flat)
        found.append(flat.reshape(degree, 16)[:, 0] % np.uint32(prime))
    return np.stack(found).astype(np.uint32)


def _in_slices(values: Residues, parameters: HintedParameterSet) -> Residues:
    shaped = values.reshape(parameters.tiles, LANES, parameters.slices)
    return np.ascontiguousarray(shaped.transpose(0, 2, 1))


def _primes(residues: Residues, parameters: ParameterSet) -> np.ndarray:
    shape = [1] * residues.ndim
    shape[parameters.result_prime_axis] = len(parameters.data_primes)
    return np.array(parameters.data_primes, np.uint64).reshape(shape)


def _sum(one: Residues, other: Residues, parameters: ParameterSet, times: int = 1) -> Residues:
    """Return ``one + times * other``, reduced."""
    primes = _primes(one, parameters)
    factor = np.array([times % int(p) for p in primes.ravel()], np.uint64).reshape(primes.shape)
    return ((one + other.astype(np.uint64) * factor) % primes).astype(np.uint32)


def random_result(random: np.random.Generator, parameters: ParameterSet) -> Residues:
    """Draw uniform residues of the shape of a result."""
    found = np.empty(parameters.result_shape, np.uint32)
    for row, prime in zip(
        np.moveaxis(found, parameters.result_prime_axis, 0), parameters.data_primes, strict=True
    ):
        row[:] = random.integers(0, prime, row.shape, np.uint32)
    return found


# --- lies about residues --------------------------------------------------------------------------

Maker = Callable[[Scene, np.random.Generator], Lie]
Change = Callable[[Scene, np.random.Generator, SearchRequest, list[list[Residues]]], None]


def _of_residues(change: Change) -> Maker:
    """Make a lie of what changes residues, by block and probe, in place."""

    def make(scene: Scene, random: np.random.Generator) -> Lie:
        def lie(request: SearchRequest, answer: Answer) -> Answer:
            residues = answer.residues()
            change(scene, random, request, residues)
            return answer.with_residues(residues)

        return lie

    return make


def _somewhere(random: np.random.Generator, residues: list[list[Residues]]) -> tuple[int, int]:
    return int(random.integers(len(residues))), int(random.integers(len(residues[0])))


def _shift(random: np.random.Generator, prime: int) -> int:
    return int(random.integers(1, prime))


@_of_residues
def one_residue(scene, random, request, residues):
    """Change any one residue."""
    block, probe = _somewhere(random, residues)
    found, axis = residues[block][probe], scene.parameters.result_prime_axis
    place = tuple(int(random.integers(count)) for count in found.shape)
    prime = scene.parameters.data_primes[place[axis]]
    found[place] = (int(found[place]) + _shift(random, prime)) % prime


@_of_residues
def one_bit(scene, random, request, residues):
    """Flip the lowest bit of a residue, as faulty memory would."""
    block, probe = _somewhere(random, residues)
    residues[block][probe].reshape(-1)[random.integers(residues[0][0].size)] ^= 1


@_of_residues
def constant_on_a_slice(scene, random, request, residues):
    """Add a constant to all points of a slice."""
    block, probe = _somewhere(random, residues)
    number = int(random.integers(scene.parameters.slices))
    for row, prime in zip(residues[block][probe], scene.parameters.data_primes, strict=True):
        row[:, number] = (row[:, number].astype(np.uint64) + _shift(random, prime)) % prime


@_of_residues
def chosen_vector(scene, random, request, residues):
    """Bring one person close to whoever is searched for."""
    polynomial = scene.unit(int(random.integers(4000)))
    residues[0][0] = scene.added(residues[0][0], polynomial)


@_of_residues
def person_taken_out(scene, random, request, residues):
    """Move all references but the canaries away from whoever is searched for."""
    polynomial = -sum(scene.unit(position) // 2 for position in range(0, 2000, 37))
    residues[0][0] = scene.added(residues[0][0], polynomial)


@_of_residues
def one_prime_only(scene, random, request, residues):
    """Add a polynomial modulo one prime and not the other."""
    number = int(random.integers(len(scene.parameters.data_primes)))
    changed = scene.added(residues[0][0], scene.unit(5))
    residues[0][0][number] = changed[number]


@_of_residues
def wrap_around(scene, random, request, residues):
    """Bring coefficients of occupied positions close to q/2 (a comparator, were it decrypted)."""
    polynomial = np.zeros(scene.parameters.poly_modulus_degree, np.int64)
    polynomial[:4000] = scene.parameters.data_modulus // 2 - int(random.integers(2**20))
    polynomial[canary_positions(scene.parameters)] = 0
    residues[0][0] = scene.added(residues[0][0], polynomial)


@_of_residues
def implant(scene, random, request, residues):
    """Add the products of the probe with columns that hold a stranger's template."""
    parameters, position = scene.parameters, int(random.integers(4000))
    stranger = random_embeddings(1, DIMENSION, seed=5)[0]
    stranger /= np.linalg.norm(stranger)
    columns = np.zeros(parameters.block_shape(DIMENSION), np.uint32)
    for j, value in enumerate(stranger):
        polynomial = np.zeros(parameters.poly_modulus_degree, np.int64)
        polynomial[position] = round(value * parameters.column_scale)
        columns[:, :, :, j] = as_result(polynomial, parameters)
    products = scene.results([columns], [probe.constants for probe in request.probes])
    for number, product in enumerate(products[0]):
        residues[0][number] = _sum(residues[0][number], product, parameters)


@_of_residues
def evasion(scene, random, request, residues):
    """Answer as if the first block held other templates: those of its older ciphertexts, mixed."""
    mixed = scene.older.blocks[0].columns.copy()
    mixed[:, :, 0] = scene.other.blocks[0].columns[:, :, 0]
    probes = [probe.constants for probe in request.probes]
    residues[0][:] = scene.results([mixed], probes)[0]


@_of_residues
def zero(scene, random, request, residues):
    """Answer zero for a block."""
    residues[int(random.integers(len(residues)))][0][:] = 0


@_of_residues
def all_zero(scene, random, request, residues):
    """Answer zero for all."""
    for row in residues:
        for found in row:
            found[:] = 0


@_of_residues
def blocks_exchanged(scene, random, request, residues):
    """Answer for each block what the other gives."""
    residues[0], residues[1] = residues[1], residues[0]


@_of_residues
def block_for_both(scene, random, request, residues):
    """Answer for both blocks what the first gives: a block twice, and one left out."""
    residues[1] = [found.copy() for found in residues[0]]


@_of_residues
def older_version(scene, random, request, residues):
    """Answer what the last version of a block gives."""
    probes = [probe.constants for probe in request.probes]
    residues[1] = scene.results([scene.older.blocks[1].columns], probes)[0]


@_of_residues
def other_gallery(scene, random, request, residues):
    """Answer what another gallery gives."""
    blocks = [block.columns for block in scene.other.blocks]
    residues[:] = scene.results(blocks, [probe.constants for probe in request.probes])


@_of_residues
def earlier_probe(scene, random, request, residues):
    """Answer what an earlier probe gave."""
    blocks = [block.columns for block in scene.current.blocks]
    for row, found in zip(residues, scene.results(blocks, [scene.earlier.constants]), strict=True):
        row[0] = found[0]


@_of_residues
def probes_exchanged(scene, random, request, residues):
    """Answer for each probe what the next one of the request gives; of one, double it."""
    for row in residues:
        if len(row) == 1:
            row[0] = _sum(row[0], row[0], scene.parameters)
        else:
            row[:] = [*row[1:], row[0]]


@_of_residues
def last_probe_only(scene, random, request, residues):
    """Lie about the last probe of a request alone."""
    residues[0][-1] = scene.added(residues[0][-1], scene.unit(11))


@_of_residues
def negated(scene, random, request, residues):
    """Answer minus the result."""
    residues[0][0] = _sum(np.zeros_like(residues[0][0]), residues[0][0], scene.parameters, -1)


@_of_residues
def moved_between_blocks(scene, random, request, residues):
    """Add to one block what is taken from the other, so that sums without weights stay."""
    drawn = random_result(random, scene.parameters)
    residues[0][0] = _sum(residues[0][0], drawn, scene.parameters)
    residues[1][0] = _sum(residues[1][0], drawn, scene.parameters, -1)


@_of_residues
def moved_between_slices(scene, random, request, residues):
    """Exchange two slices."""
    found = residues[0][0]
    found[:, :, [0, 1]] = found[:, :, [1, 0]]


@_of_residues
def points_exchanged(scene, random, request, residues):
    """Turn all points by one place."""
    residues[0][0] = np.roll(residues[0][0], 1, axis=-1)


@_of_residues
def uniform(scene, random, request, residues):
    """Answer random residues."""
    residues[0][0] = random_result(random, scene.parameters)


@_of_residues
def probe_alone(scene, random, request, residues):
    """Answer the sum of the probe's own residues, whatever the block holds."""
    ones = np.ones_like(scene.current.blocks[0].columns)
    residues[0][:] = scene.results([ones], [probe.constants for probe in request.probes])[0]


RESIDUE_LIES: dict[str, Maker] = {
    name.replace("_", " "): found
    for name, found in (
        ("one_residue", one_residue),
        ("one_bit", one_bit),
        ("constant_on_a_slice", constant_on_a_slice),
        ("chosen_vector", chosen_vector),
        ("person_taken_out", person_taken_out),
        ("one_prime_only", one_prime_only),
        ("wrap_around", wrap_around),
        ("implant", implant),
        ("evasion", evasion),
        ("zero", zero),
        ("all_zero", all_zero),
        ("blocks_exchanged", blocks_exchanged),
        ("block_for_both", block_for_both),
        ("older_version", older_version),
        ("other_gallery", other_gallery),
        ("earlier_probe", earlier_probe),
        ("probes_exchanged", probes_exchanged),
        ("last_probe_only", last_probe_only),
        ("negated", negated),
        ("moved_between_blocks", moved_between_blocks),
        ("moved_between_slices", moved_between_slices),
        ("points_exchanged", points_exchanged),
        ("uniform", uniform),
        ("probe_alone", probe_alone),
    )
}
"""Well-formed answers that are not what blocks and probes give; made for hinted sets."""


# --- lies about statements ------------------------------------------------------------------------

Statement = Callable[[Scene, SearchRequest, Answer], Answer]


def _changed(answer: Answer, index: int, **changes: object) -> Answer:
    blocks = list(answer.blocks)
    blocks[index] = replace(blocks[index], **changes)  # type: ignore[arg-type]
    return replace(answer, blocks=tuple(blocks))


def _stated(answer: Answer, **changes: object) -> Answer:
    """Change what the first result states of itself."""
    first, *rest = answer.blocks[0].distances
    return _changed(answer, 0, distances=(replace(first, **changes), *rest))  # type: ignore[arg-type]


def _with_hint(scene: Scene, answer: Answer, hint: bytes) -> Answer:
    table = replace(scene.current.references[1].table, hint=hint)
    return _changed(answer, 1, references=table)


def _not_canonical(scene: Scene, answer: Answer) -> Answer:
    residues = answer.residues()
    row = np.moveaxis(residues[0][0], scene.parameters.result_prime_axis, 0)[0]
    row.reshape(-1)[0] = int(row.reshape(-1)[0]) + scene.parameters.data_primes[0]
    return answer.with_residues(residues)


def _sealed(answer: Answer, sealed: bytes) -> Answer:
    return replace(answer, check_sums=SealedCheckSums(sealed))


def _as_of(scene: Scene, state: StoredState, request: SearchRequest) -> Answer:
    """Return what an older state of the gallery honestly gives, whole."""
    probes = request.probes
    found = scene.results([b.columns for b in state.blocks], [p.constants for p in probes])
    blocks = tuple(
        BlockResult(
            block.header,
            references.table,
            tuple(
                replace(
                    _template_distances(scene),
                    probe_id=probe.probe_id,
                    block_index=block.header.index,
                    block_version=block.header.version,
                    residues=residues,
                )
                for probe, residues in zip(probes, row, strict=True)
            ),
        )
        for block, references, row in zip(state.blocks, state.references, found, strict=True)
    )
    return Answer(state.manifest, blocks, state.check_sums)


def _template_distances(scene: Scene):
    from gallery.messages import EncryptedDistances

    empty = np.zeros(scene.parameters.result_shape, np.uint32)
    return EncryptedDistances(bytes(16), 0, 0, scene.parameters.name, empty)


STATEMENT_LIES: dict[str, tuple[type[GalleryError], Statement]] = {
    "a block left out": (
        MissingBlockError,
        lambda scene, request, answer: replace(answer, blocks=answer.blocks[:1]),
    ),
    "all blocks left out": (
        MissingBlockError,
        lambda scene, request, answer: replace(answer, blocks=()),
    ),
    "a block twice": (
        MissingBlockError,
        lambda scene, request, answer: replace(answer, blocks=(*answer.blocks, answer.blocks[0])),
    ),
    "a block in another's place": (
        SwappedBlockError,
        lambda scene, request, answer: replace(answer, blocks=(answer.blocks[0], answer.blocks[0])),
    ),
    "blocks in another order": (
        SwappedBlockError,
        lambda scene, request, answer: replace(answer, blocks=answer.blocks[::-1]),
    ),
    "the header of an older version": (
        SwappedBlockError,
        lambda scene, request, answer: _changed(
            answer,
            1,
            header=scene.older.blocks[1].header,
            references=scene.older.references[1].table,
        ),
    ),
    "the header of another gallery": (
        SwappedBlockError,
        lambda scene, request, answer: _changed(
            answer,
            1,
            header=scene.other.blocks[1].header,
            references=scene.other.references[1].table,
        ),
    ),
    "a stale hint": (
        AuthenticationError,
        lambda scene, request, answer: _with_hint(
            scene, answer, scene.older.references[1].table.hint
        ),
    ),
    "the hint of another block": (
        AuthenticationError,
        lambda scene, request, answer: _with_hint(
            scene, answer, scene.current.references[0].table.hint
        ),
    ),
    "a hint of zeros": (
        AuthenticationError,
        lambda scene, request, answer: _with_hint(
            scene, answer, bytes(len(scene.current.references[1].table.hint))
        ),
    ),
    "no hint": (
        AuthenticationError,
        lambda scene, request, answer: _with_hint(scene, answer, b""),
    ),
    "the references of another block": (
        AuthenticationError,
        lambda scene, request, answer: _changed(
            answer, 1, references=scene.current.references[0].table
        ),
    ),
    "stale references": (
        AuthenticationError,
        lambda scene, request, answer: _changed(
            answer, 1, references=scene.older.references[1].table
        ),
    ),
    "an older state, whole": (
        RolledBackError,
        lambda scene, request, answer: _as_of(scene, scene.older, request),
    ),
    "the empty gallery": (
        RolledBackError,
        lambda scene, request, answer: Answer(scene.empty.manifest, (), NO_CHECK_SUMS),
    ),
    "the manifest of another gallery": (
        AuthenticationError,
        lambda scene, request, answer: replace(answer, manifest=scene.other.manifest),
    ),
    "another gallery, whole": (
        AuthenticationError,
        lambda scene, request, answer: _as_of(scene, scene.other, request),
    ),
    "an older block under the newest manifest": (
        SwappedBlockError,
        lambda scene, request, answer: replace(
            _as_of(scene, scene.older, request), manifest=answer.manifest
        ),
    ),
    "a result of another probe": (
        WrongResultError,
        lambda scene, request, answer: _stated(answer, probe_id=scene.earlier.probe_id),
    ),
    "a result of another block": (
        WrongResultError,
        lambda scene, request, answer: _stated(answer, block_index=1),
    ),
    "a result of another version": (
        WrongResultError,
        lambda scene, request, answer: _stated(answer, block_version=1),
    ),
    "no result": (
        WrongResultError,
        lambda scene, request, answer: _changed(answer, 0, distances=()),
    ),
    "a result too many": (
        WrongResultError,
        lambda scene, request, answer: _changed(
            answer, 0, distances=(*answer.blocks[0].distances, answer.blocks[0].distances[0])
        ),
    ),
    "a residue that is not below its prime": (
        MalformedMessageError,
        lambda scene, request, answer: _not_canonical(scene, answer),
    ),
}
"""Answers whose statements do not hold together, and the error of each, whatever was cached."""

CHECK_SUM_LIES: dict[str, Statement] = {
    "left out": lambda scene, request, answer: _sealed(answer, b""),
    "of an older state": lambda scene, request, answer: _sealed(
        answer, scene.older.check_sums.sealed
    ),
    "of another gallery": lambda scene, request, answer: _sealed(
        answer, scene.other.check_sums.sealed
    ),
    "of zeros": lambda scene, request, answer: _sealed(
        answer, bytes(len(scene.current.check_sums.sealed))
    ),
    "too short": lambda scene, request, answer: _sealed(answer, b"short"),
    "with a byte changed": lambda scene, request, answer: _sealed(
        answer,
        scene.current.check_sums.sealed[:-40] + bytes(40),
    ),
    "sealed labels": lambda scene, request, answer: _sealed(
        answer, scene.current.references[0].table.at(0).sealed_label
    ),
}
"""Check sums that are not the gallery's; each an `AuthenticationError` where none are known."""


def statement(scene: Scene, lie: Statement) -> Lie:
    """Return a lie about a scene."""
    return lambda request, answer: lie(scene, request, answer)
