"""Both backends behind one door, under a key of a gallery."""

from __future__ import annotations

from collections.abc import Iterator

import click
import numpy as np
import pytest

from gallery.backends import Backend
from gallery.client.ckks import CkksCodec, make_codec
from gallery.client.keys.secrets import GalleryKey
from gallery.commands.enroll import command
from gallery.errors import GalleryError, InvalidEmbeddingError, ParameterSetError
from gallery.parameters import COMPACT, INSECURE_TOY, STANDARD, CkksParameterSet


@pytest.fixture(params=[STANDARD, COMPACT], ids=lambda p: p.name)
def parameters(request: pytest.FixtureRequest) -> CkksParameterSet:
    chosen: CkksParameterSet = request.param
    return chosen


@pytest.fixture
def codecs(parameters: CkksParameterSet, key: GalleryKey) -> Iterator[dict[str, CkksCodec]]:
    made: dict[str, CkksCodec] = {
        backend: make_codec(backend, key, parameters) for backend in list(Backend)
    }
    yield made
    for codec in made.values():
        codec.close()


@pytest.mark.parametrize("writer", list(Backend))
@pytest.mark.parametrize("reader", list(Backend))
def test_what_one_backend_encrypts_the_other_decrypts(
    codecs: dict[str, CkksCodec], parameters: CkksParameterSet, writer: str, reader: str
) -> None:
    columns = np.random.default_rng(0).uniform(-1.0, 1.0, (4, 4096))

    found = codecs[reader].decrypt_columns(codecs[writer].encrypt_columns(columns).residues)

    assert np.abs(found - columns).max() < 7 * parameters.column_noise


def test_only_the_native_backend_has_seeds(codecs: dict[str, CkksCodec]) -> None:
    seeds = {name: codec.encrypt_constants(np.ones(3)).seed for name, codec in codecs.items()}

    assert len(seeds["native"] or b"") == 32
    assert seeds["seal"] is None


@pytest.mark.parametrize("backend", list(Backend))
def test_nan_is_refused_by_every_backend(codecs: dict[str, CkksCodec], backend: str) -> None:
    with pytest.raises(InvalidEmbeddingError, match="NaN"):
        codecs[backend].encrypt_constants(np.array([0.0, np.nan, 0.0]))


def test_results_are_decrypted_alike_one_by_one_and_together(
    codecs: dict[str, CkksCodec], parameters: CkksParameterSet
) -> None:
    primes = parameters.data_primes
    drawn = np.random.default_rng(1)
    results = np.stack([drawn.integers(0, p, (3, 3, 4096), np.uint32) for p in primes], axis=2)

    # Numbers without meaning, but the same to both: up to half the modulus.
    both = [codec.decrypt_distances_many(list(results)) for codec in codecs.values()]

    np.testing.assert_allclose(both[0], both[1], atol=1e-9 * np.abs(both[0]).max())
    for codec, found in zip(codecs.values(), both, strict=True):
        np.testing.assert_array_equal(codec.decrypt_distances(results[2]), found[2])


def test_an_unknown_backend_is_named_with_those_there_are(key: GalleryKey) -> None:
    with pytest.raises(GalleryError, match="'fast'; there are: native, seal"):
        make_codec("fast", key, STANDARD)


@pytest.mark.parametrize("backend", list(Backend))
def test_a_key_without_the_parameter_set_is_refused(key: GalleryKey, backend: str) -> None:
    with pytest.raises(ParameterSetError, match="'INSECURE_toy'"):
        make_codec(backend, key, INSECURE_TOY)


def test_the_command_line_offers_the_backends_there_are() -> None:
    option = next(option for option in command.params if option.name == "backend")

    assert isinstance(option.type, click.Choice)
    assert list(option.type.choices) == list(Backend)
    assert option.default == Backend.NATIVE
    assert option.envvar == "GALLERY_BACKEND"
