from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gallery.errors import DimensionMismatchError, MalformedMessageError, ParameterSetError
from gallery.messages import EncryptedDistances, EncryptedProbe
from gallery.parameters import COMPACT, INSECURE_TOY, STANDARD
from tests.builders import distances, probe, random_columns

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
    with pytest.raises(MalformedMessageError, match="take 262144 bytes, found 196608"):
        EncryptedProbe.from_bytes(replace(probe(), dimension=2).to_bytes())


def test_residues_of_one_parameter_set_are_not_those_of_another() -> None:
    with pytest.raises(MalformedMessageError, match="take 294912 bytes, found 196608"):
        EncryptedProbe.from_bytes(replace(probe(), parameters=STANDARD.name).to_bytes())


def test_the_check_refuses_what_only_looks_right_in_memory() -> None:
    transposed = np.asfortranarray(probe().constants)
    wide = probe().constants.astype(np.uint64)

    with pytest.raises(MalformedMessageError, match="not contiguous"):
        replace(probe(), constants=transposed).check()
    with pytest.raises(MalformedMessageError, match="type uint64"):
        replace(probe(), constants=wide).check()
    with pytest.raises(MalformedMessageError, match="expected shape"):
        replace(distances(), residues=distances().residues[:2]).check()


def test_a_probe_of_128_values_takes_twelve_and_a_half_megabytes() -> None:
    made = EncryptedProbe(bytes(16), bytes(16), STANDARD.name, 128, random_columns(STANDARD, 128))

    assert len(made.to_bytes()) == 8 + 16 + 16 + (2 + 8) + 4 + 4 * 3 * 4096 * 130 * 2
