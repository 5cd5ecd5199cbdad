"""Messages of a search: requests and results, within the range of their primes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gallery.errors import DimensionMismatchError, MalformedMessageError, ParameterSetError
from gallery.messages import BlockResult, EncryptedDistances, EncryptedProbe, SearchRequest
from gallery.parameters import COMPACT, INSECURE_TOY, STANDARD, CkksParameterSet
from tests.support.builders import (
    block_result,
    block_update,
    content,
    distances,
    probe,
    search_request,
    seeded_columns,
)

each_prime = pytest.mark.parametrize("index", range(len(COMPACT.data_primes)))


@each_prime
def test_a_residue_of_a_probe_that_reaches_its_prime_is_malformed(index: int) -> None:
    made, prime = probe(), COMPACT.data_primes[index]
    made.constants[index, 0, 0, 0, 0] = prime - 1
    assert EncryptedProbe.from_bytes(made.to_bytes()).constants[index, 0, 0, 0, 0] == prime - 1

    made.constants[index, 0, 0, 0, 0] = prime

    with pytest.raises(MalformedMessageError, match=f"not below its prime {prime}"):
        EncryptedProbe.from_bytes(made.to_bytes())


@each_prime
def test_a_residue_of_distances_that_reaches_its_prime_is_malformed(index: int) -> None:
    made, prime = distances(), COMPACT.data_primes[index]
    made.residues[2, index, -1] = prime - 1
    assert EncryptedDistances.from_bytes(made.to_bytes()).residues[2, index, -1] == prime - 1

    made.residues[2, index, -1] = prime

    with pytest.raises(MalformedMessageError, match=f"not below its prime {prime}"):
        EncryptedDistances.from_bytes(made.to_bytes())


@pytest.mark.parametrize("name", ["next-century", INSECURE_TOY.name])
def test_an_unknown_or_insecure_parameter_set_is_refused(name: str) -> None:
    for made in (probe(), distances()):
        with pytest.raises(ParameterSetError):
            type(made).from_bytes(replace(made, parameters=name).to_bytes())


@pytest.mark.parametrize("dimension", [0, 4097, 2**32 - 1])
def test_a_probe_of_an_unsupported_dimension_is_refused(dimension: int) -> None:
    with pytest.raises(DimensionMismatchError):
        EncryptedProbe.from_bytes(replace(probe(), dimension=dimension).to_bytes())


def test_a_probe_whose_size_is_that_of_another_dimension_is_malformed() -> None:
    with pytest.raises(MalformedMessageError, match="take 221184 bytes, found 165888"):
        EncryptedProbe.from_bytes(replace(probe(), dimension=2).to_bytes())


def test_residues_of_one_parameter_set_are_not_those_of_another() -> None:
    with pytest.raises(MalformedMessageError, match="take 248832 bytes, found 165888"):
        EncryptedProbe.from_bytes(replace(probe(), parameters=STANDARD.name).to_bytes())


def test_the_check_refuses_what_only_looks_right_in_memory() -> None:
    transposed = np.asfortranarray(probe().constants)
    wide: Any = probe().constants.astype(np.uint64)

    with pytest.raises(MalformedMessageError, match="not contiguous"):
        replace(probe(), constants=transposed).check()
    with pytest.raises(MalformedMessageError, match="type uint64"):
        replace(probe(), constants=wide).check()
    with pytest.raises(MalformedMessageError, match="expected shape"):
        replace(distances(), residues=distances().residues[:2]).check()


@pytest.mark.parametrize(
    "parameters, dimension, whole, seeded",
    [
        (STANDARD, 128, 10_782_775, 5_391_447),
        (COMPACT, 128, 7_188_534, 3_594_326),
        (STANDARD, 512, 42_633_271, 21_316_695),
        (COMPACT, 512, 28_422_198, 14_211_158),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_a_probe_has_the_size_that_is_documented(
    parameters: CkksParameterSet, dimension: int, whole: int, seeded: int
) -> None:
    columns, seed = seeded_columns(parameters, dimension)
    made = EncryptedProbe(bytes(16), bytes(16), parameters.name, dimension, columns, seed)
    count = len(parameters.data_primes) * 4096 * (dimension + 2) * 2
    start = 8 + 16 + 16 + (2 + len(parameters.name)) + 4 + 1

    assert len(made.to_bytes()) == seeded == start + 32 + count // 2 * 27 // 8
    assert len(replace(made, seed=None).to_bytes()) == whole == start + count * 27 // 8


def test_a_seed_that_reads_back_gives_the_same_probe() -> None:
    made = probe(seeded=True)

    found = EncryptedProbe.from_bytes(made.to_bytes())

    assert found.seed == made.seed
    assert np.array_equal(found.constants, made.constants)


@each_prime
def test_a_residue_of_a_seeded_probe_that_reaches_its_prime_is_malformed(index: int) -> None:
    made, prime = probe(seeded=True), COMPACT.data_primes[index]
    made.constants[index, -1, -1, 0, -1] = prime

    with pytest.raises(MalformedMessageError, match=f"not below its prime {prime}"):
        EncryptedProbe.from_bytes(made.to_bytes())


def test_a_residue_of_more_than_27_bits_is_not_written() -> None:
    made = probe()
    made.constants[0, 0, 0, 0, 0] = 2**27

    with pytest.raises(MalformedMessageError, match="more than 27 bits"):
        made.to_bytes()


def test_known_blocks_are_written_by_ascending_index() -> None:
    one, other = search_request(), replace(search_request(), known={3: 2**40, 0: 7})

    assert one.to_bytes() == other.to_bytes()


@pytest.mark.parametrize("indices", [(3, 0), (3, 3)], ids=["descending", "twice"])
def test_known_blocks_in_another_order_are_malformed(indices: tuple[int, int]) -> None:
    data = bytearray(search_request().to_bytes())
    for number, index in enumerate(indices):
        data[28 + 12 * number : 32 + 12 * number] = index.to_bytes(4, "little")

    with pytest.raises(MalformedMessageError, match="known blocks do not ascend"):
        SearchRequest.from_bytes(bytes(data))


def test_probes_and_distances_keep_their_order() -> None:
    request = search_request(probe(1), probe(2, seeded=True), probe(3))
    result = block_result(block_update(0, 2), distances(4), distances(5))

    for made in (request, result):
        assert content(type(made).from_bytes(made.to_bytes())) == content(made)


def test_a_bad_residue_is_noticed_inside_a_request_and_a_result() -> None:
    bad_probe, bad_distances = probe(), distances()
    bad_probe.constants[1, 0, 0, 0, 0] = COMPACT.data_primes[1]
    bad_distances.residues[0, 1, 0] = COMPACT.data_primes[1]
    request = search_request(probe(), bad_probe)
    result = block_result(block_update(0, 2), distances(), bad_distances)

    with pytest.raises(MalformedMessageError, match="not below its prime"):
        SearchRequest.from_bytes(request.to_bytes())
    with pytest.raises(MalformedMessageError, match="not below its prime"):
        BlockResult.from_bytes(result.to_bytes())


def test_references_that_are_left_out_differ_from_an_empty_table() -> None:
    empty = block_update(0, 2, ())

    with_table = BlockResult.from_bytes(block_result(empty).to_bytes())
    without = BlockResult.from_bytes(block_result(empty, references=False).to_bytes())

    assert with_table.references == empty.references
    assert without.references is None
