"""Search schemes: each gives the distances in clear, or is not timed at all."""

from __future__ import annotations

from collections.abc import Callable

import click
import numpy as np
import pytest

from benchmarks.compare.prepared_scheme import PreparedScheme
from benchmarks.compare.schemes.gallery_scheme import GalleryScheme
from benchmarks.compare.schemes.notebook_loop import NotebookLoop
from benchmarks.compare.schemes.scheme import Scheme
from benchmarks.compare.schemes.seal_columns import SealColumns
from benchmarks.compare.schemes.tenseal_tensor import TensealTensor, TensorParameters
from benchmarks.shared.unit_vectors import unit_vectors
from gallery.errors import WrongResultError
from gallery.parameters import COMPACT, LIGHT, STANDARD, SWIFT

DIMENSION = 4

MAKERS: list[Callable[[], Scheme]] = [
    lambda: GalleryScheme(STANDARD, DIMENSION),
    lambda: GalleryScheme(COMPACT, DIMENSION, threads=2),
    lambda: GalleryScheme(SWIFT, DIMENSION),
    lambda: GalleryScheme(LIGHT, DIMENSION, threads=2),
    lambda: SealColumns(COMPACT),
    lambda: TensealTensor(TensorParameters(4096, (54, 55), 25, "difference"), 1e-3, "TenSEAL"),
    lambda: TensealTensor(TensorParameters(4096, (54, 55), 25, "product"), 1e-3, "TenSEAL"),
    NotebookLoop,
]


def prepared(scheme: Scheme, references: int) -> PreparedScheme:
    drawn = unit_vectors(np.random.default_rng(1), 4097, DIMENSION)
    return PreparedScheme.of(scheme, drawn[:-1], drawn[-1], references)


@pytest.mark.parametrize("make", MAKERS)
def test_a_gallery_of_copies_is_searched_whole(make: Callable[[], Scheme]) -> None:
    scheme = make()
    found = prepared(scheme, 2 * scheme.unit_size)
    answers = scheme.scan(found.units, [found.probe])
    first, second = scheme.decrypt(answers)[:, scheme.positions]
    expected = ((found.templates - found.vector) ** 2).sum(axis=1)
    np.testing.assert_allclose(first, expected, rtol=0, atol=scheme.tolerance)
    np.testing.assert_allclose(second, expected, rtol=0, atol=scheme.tolerance)


@pytest.mark.parametrize("make", MAKERS)
def test_every_scheme_states_its_bytes(make: Callable[[], Scheme]) -> None:
    scheme = make()
    found = prepared(scheme, scheme.unit_size)
    # A ciphertext hides its content in more bytes than that takes.
    assert scheme.stored_bytes(found.units[0]) > found.templates.nbytes
    assert scheme.sent_bytes(found.probe) > found.vector.nbytes
    assert scheme.answer_bytes(found.answer) > 3.7 * len(found.templates)


@pytest.mark.parametrize("make", MAKERS)
def test_an_answer_is_opened_whole(make: Callable[[], Scheme]) -> None:
    scheme = make()
    check, decryption = prepared(scheme, 2 * scheme.unit_size).opening()
    assert (check is not None) == ("swift" in scheme.name or "light" in scheme.name)
    if check is not None:
        check.run()
    found = decryption.run()
    assert isinstance(found, np.ndarray)
    assert found.shape[0] == 2


def test_an_answer_of_other_units_is_not_opened() -> None:
    scheme = GalleryScheme(SWIFT, DIMENSION)
    templates = unit_vectors(np.random.default_rng(1), 2, DIMENSION)
    units, probe = [scheme.enroll(templates) for _ in range(2)], scheme.encrypt(templates[0])
    check = scheme.check(units[:1], scheme.scan(units[1:], [probe]))
    assert check is not None
    with pytest.raises(WrongResultError):
        check()


def test_wrong_distances_are_not_timed() -> None:
    scheme = GalleryScheme(COMPACT, DIMENSION)
    scheme.tolerance = 0.0
    with pytest.raises(click.ClickException, match="distances are wrong"):
        prepared(scheme, 10)
