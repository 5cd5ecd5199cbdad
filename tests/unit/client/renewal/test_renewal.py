"""Renewal: a gallery moves to a new key whole, and nothing of the old one is left."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from gallery.ciphertexts.blocks import capacity
from gallery.client import GalleryClient, GalleryKey, Renewal, discard_renewal, renew_gallery
from gallery.client.embeddings.templates import round_to_grid
from gallery.client.gallery_state import GalleryState
from gallery.client.renewal.copying import requantize
from gallery.client.session import GallerySession
from gallery.distances import Metric
from gallery.errors import GalleryError, KeyMismatchError, ParameterSetError
from gallery.messages.naming import copy_name
from gallery.parameters import COMPACT, LIGHT, STANDARD, SWIFT, ParameterSet
from gallery.server import EmbeddedService
from tests.support.galleries import names, random_embeddings
from tests.unit.client.renewal.renewing import (
    DIMENSION,
    LABELS,
    PEOPLE,
    SIZES,
    check_whole,
    enroll_into_blocks,
    stopped_after_copying,
    templates_of,
)


def state_of(service: EmbeddedService, key: GalleryKey, name: str = "default") -> GalleryState:
    with GallerySession(service, key, name) as session:
        return session.state()


# --- what a renewal keeps and what it changes -----------------------------------------------------


def test_everything_is_found_under_the_new_key_and_nothing_under_the_old(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    before = templates_of(service, key)

    done = renew_gallery(service, key, other_key)

    assert done == Renewal(references=9, blocks=3, parameters="standard")
    check_whole(service, other_key)
    assert templates_of(service, other_key) == before
    assert service.gallery_names() == ["default"]
    with pytest.raises(KeyMismatchError):
        GalleryClient(service, key)


def test_the_properties_stay_but_the_identifiers(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    before = filled.description

    renew_gallery(service, key, other_key)

    with GalleryClient(service, other_key) as client:
        after = client.description
    for name in ("name", "preprocessing", "metric", "dimension", "parameters"):
        assert getattr(after, name) == getattr(before, name)
    for name in ("norm_bound", "threshold", "created"):
        assert getattr(after, name) == getattr(before, name)
    assert after.gallery_id != before.gallery_id
    assert after.key_id == other_key.key_id


def test_what_was_enrolled_before_is_still_known_after(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    renew_gallery(service, key, other_key)

    with GalleryClient(service, other_key) as client:
        again = client.enroll(PEOPLE, LABELS)
        fresh = client.enroll(PEOPLE[:1], ["Somebody"])
        assert client.summary().references == 10

    assert not again.added.any()
    assert fresh.added.all()


def test_references_come_in_another_order_without_holes(
    service: EmbeddedService, key: GalleryKey, other_key: GalleryKey
) -> None:
    with GalleryClient.create(service, key, dimension=DIMENSION) as client:
        enroll_into_blocks(service, key, random_embeddings(60, DIMENSION), names(60), [60])

    renew_gallery(service, key, other_key)

    with GalleryClient(service, other_key) as client:
        listed = list(client.references())
    assert [item.position for item in listed] == list(range(60))
    order = [int(item.label.removeprefix("person ")) for item in listed]
    assert sorted(order) == list(range(60))
    # A random order of 60 keeps one in place on average, and 20 practically never.
    assert sum(place == number for place, number in enumerate(order)) < 20
    assert order != list(range(60))[::-1]


def test_a_full_block_and_the_block_after_it_are_renewed(
    service: EmbeddedService, key: GalleryKey, other_key: GalleryKey
) -> None:
    count = capacity(STANDARD) + 3
    embeddings = random_embeddings(count, 4)
    with GalleryClient.create(service, key, dimension=4, metric="euclidean") as client:
        client.enroll(embeddings, names(count))

    done = renew_gallery(service, key, other_key)

    assert (done.references, done.blocks) == (count, 2)
    with GalleryClient(service, other_key) as client:
        chosen = [0, 2046, 2047, 4093, 4094, count - 1]
        found = client.identify(embeddings[chosen], threshold=0.001)
        assert [*found.labels[:, 0]] == [f"person {number}" for number in chosen]
        assert not client.enroll(embeddings[chosen], [f"person {i}" for i in chosen]).added.any()


@pytest.mark.parametrize("sizes", [(), (0,), (2, 0, 1)], ids=str)
def test_empty_galleries_and_empty_blocks_are_renewed(
    service: EmbeddedService, key: GalleryKey, other_key: GalleryKey, sizes: tuple[int, ...]
) -> None:
    count = sum(sizes)
    with GalleryClient.create(service, key, dimension=DIMENSION) as client:
        enroll_into_blocks(service, key, PEOPLE[:count], LABELS[:count], sizes)

    done = renew_gallery(service, key, other_key)

    assert (done.references, done.blocks) == (count, len(sizes))
    with GalleryClient(service, other_key) as client:
        assert client.verify(deep=True).findings == ()
        client.enroll(PEOPLE[count:], LABELS[count:])
    check_whole(service, other_key)


def test_a_gallery_of_many_renewals_is_the_same(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    before = templates_of(service, key)
    for number in range(6):
        pair = (key, other_key) if number % 2 == 0 else (other_key, key)
        renew_gallery(service, *pair)

    assert templates_of(service, key) == before


def test_other_galleries_are_left_alone(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    with GalleryClient.create(service, key, "other", dimension=DIMENSION) as client:
        client.enroll(PEOPLE, LABELS)
        before = service.manifest(client.description.gallery_id)

    renew_gallery(service, key, other_key)

    with GalleryClient(service, key, "other") as client:
        assert service.manifest(client.description.gallery_id) == before
        assert client.verify(deep=True).findings == ()


def test_progress_is_told_block_by_block(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey, other_key: GalleryKey
) -> None:
    told: list[int] = []

    renew_gallery(service, key, other_key, progress=told.append)

    assert told == [1, 1, 1]


# --- parameter sets -------------------------------------------------------------------------------


@pytest.mark.parametrize("other", [COMPACT, SWIFT, LIGHT], ids=lambda chosen: chosen.name)
@pytest.mark.parametrize("metric", list(Metric), ids=str)
def test_a_gallery_goes_to_another_parameter_set_and_becomes_standard_again(
    service: EmbeddedService,
    key: GalleryKey,
    other_key: GalleryKey,
    metric: Metric,
    other: ParameterSet,
) -> None:
    with GalleryClient.create(
        service, key, dimension=DIMENSION, metric=metric, norm_bound=4.0, parameters=STANDARD
    ) as client:
        # Norms at the very bound are what rounding carries beyond it.
        people = 4.0 * PEOPLE / np.linalg.norm(PEOPLE, axis=1, keepdims=True)
        enroll_into_blocks(service, key, people, LABELS, SIZES)
    precise = templates_of(service, key)

    there = renew_gallery(service, key, other_key, parameters=other)
    rounded = templates_of(service, other_key)
    with GalleryClient(service, other_key) as client:
        assert client.verify(deep=True).findings == ()
        assert client.description.parameters == other.name
        assert [*client.identify(people, threshold=0.3).labels[:, 0]] == LABELS
    back = renew_gallery(service, other_key, key, parameters=STANDARD)

    assert (there.parameters, back.parameters) == (other.name, "standard")
    for old, new in zip(precise, rounded, strict=True):
        for (label, digest, template), (label_after, digest_after, after) in zip(
            old, new, strict=True
        ):
            assert (label, digest) == (label_after, digest_after)
            np.testing.assert_array_equal(round_to_grid(np.array(template), other), after)
    with GalleryClient(service, key) as client:
        assert client.verify(deep=True).findings == ()
        found = client.identify(people, threshold=0.01)
        assert [*found.labels[:, 0]] == LABELS
        noise = 4.0 * np.sqrt(STANDARD.max_distance_error(DIMENSION))
        assert found.distances.max() < 4.0 * DIMENSION * other.template_grid + noise


def test_a_gallery_goes_from_each_parameter_set_to_each(
    service: EmbeddedService, key: GalleryKey
) -> None:
    with GalleryClient.create(
        service, key, dimension=DIMENSION, metric="euclidean", norm_bound=4.0, parameters=SWIFT
    ) as client:
        client.enroll(PEOPLE, LABELS)

    for parameters in (LIGHT, COMPACT, SWIFT, COMPACT, LIGHT, SWIFT):
        renew_gallery(service, key, key, parameters=parameters)
        with GalleryClient(service, key) as client:
            assert client.verify(deep=True).findings == ()
            found = client.identify(PEOPLE, threshold=1.0)
            assert [*found.labels[:, 0]] == LABELS
            assert not client.enroll(PEOPLE, LABELS).added.any()


def test_a_copy_has_public_matrices_of_its_own(
    service: EmbeddedService, key: GalleryKey, other_key: GalleryKey
) -> None:
    with GalleryClient.create(service, key, dimension=DIMENSION, parameters=SWIFT) as client:
        before = client.description.seed

    renew_gallery(service, key, other_key)

    with GalleryClient(service, other_key) as client:
        assert len(client.description.seed) == 32
        assert client.description.seed != before


@pytest.mark.parametrize("old", [STANDARD, SWIFT], ids=lambda chosen: chosen.name)
def test_a_backend_that_does_not_know_a_scheme_is_refused_before_anything_is_made(
    service: EmbeddedService, key: GalleryKey, other_key: GalleryKey, old: ParameterSet
) -> None:
    GalleryClient.create(service, key, dimension=DIMENSION, parameters=old).close()

    with pytest.raises(ParameterSetError, match="'swift' is not one of CKKS, and the backend seal"):
        renew_gallery(service, key, other_key, parameters=SWIFT, backend="seal")

    assert service.gallery_names() == ["default"]


def test_the_parameter_set_changes_under_the_same_key_and_nothing_else_stays(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey
) -> None:
    before = state_of(service, key)

    renew_gallery(service, key, key, parameters=COMPACT)

    after = state_of(service, key)
    with GalleryClient(service, key) as client:
        assert client.description.gallery_id != filled.description.gallery_id
        assert client.verify(deep=True).findings == ()
    for name in ("reference_id", "pseudonym", "content_tag", "sealed_label"):
        old = {getattr(item, name) for block in before.blocks for item in block.table}
        new = {getattr(item, name) for block in after.blocks for item in block.table}
        assert not old & new
    check_whole(service, key)


@pytest.mark.parametrize("parameters", [None, STANDARD], ids=["not given", "the same"])
def test_the_same_key_and_parameter_set_are_refused(
    service: EmbeddedService,
    filled: GalleryClient,
    key: GalleryKey,
    parameters: ParameterSet | None,
) -> None:
    with pytest.raises(GalleryError, match="needs a new key, or another parameter set"):
        renew_gallery(service, key, key, parameters=parameters)

    assert service.gallery_names() == ["default"]


def test_a_key_without_a_secret_for_the_parameter_set_is_refused_first(
    service: EmbeddedService, filled: GalleryClient, key: GalleryKey
) -> None:
    with pytest.raises(ParameterSetError, match="no secret key"):
        renew_gallery(service, key, GalleryKey(bytes(range(32)), {}))

    assert service.gallery_names() == ["default"]


@pytest.mark.parametrize("metric", list(Metric), ids=str)
def test_what_is_rounded_again_is_valid_and_near(metric: Metric) -> None:
    vectors = random_embeddings(100, 8)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    compact = round_to_grid(vectors, COMPACT)

    finer = requantize(compact, metric, COMPACT, STANDARD)

    norms = np.linalg.norm(finer, axis=1)
    assert (norms <= 1.0 + 8 * STANDARD.grid).all()
    assert not metric.normalizes or (norms >= 1.0 - 8 * STANDARD.grid).all()
    assert np.abs(finer - compact).max() < COMPACT.grid
    np.testing.assert_array_equal(finer, round_to_grid(finer, STANDARD))


def test_short_raw_vectors_stay_as_they_are_on_a_finer_grid() -> None:
    short = round_to_grid(0.1 * random_embeddings(20, 8), COMPACT)

    np.testing.assert_array_equal(requantize(short, Metric.EUCLIDEAN, COMPACT, STANDARD), short)


# --- nothing is left ------------------------------------------------------------------------------


def pieces_of(service: EmbeddedService, key: GalleryKey, name: str) -> list[bytes]:
    """Return what a gallery stores that is its own, in pieces of 16 bytes."""
    description, state = service.describe(name), state_of(service, key, name)
    found = [description.gallery_id, description.mac, state.manifest.mac]
    for index, block in enumerate(state.blocks):
        columns = service.block(description.gallery_id, index).columns.tobytes()
        found += [columns, block.header.mac, block.header.columns_digest]
        found.append(block.header.references_digest)
        for item in block.table:
            found += [item.reference_id, item.pseudonym, item.content_tag, item.sealed_label]
    return [item[at : at + 16] for item in found for at in range(0, len(item) - 15, 16)]


def windows_of_files(folder: Path) -> set[bytes]:
    """Return every 16 bytes that stand side by side in a file of the database."""
    files = [path.read_bytes() for path in folder.iterdir() if path.name.startswith("gallery.db")]
    return {data[at : at + 16] for data in files for at in range(len(data) - 15)}


def test_nothing_of_the_old_gallery_is_left_in_the_files(
    service: EmbeddedService,
    filled: GalleryClient,
    key: GalleryKey,
    other_key: GalleryKey,
    tmp_path: Path,
) -> None:
    old = pieces_of(service, key, "default")
    before = windows_of_files(tmp_path)
    # The others stand on two pages, between which SQLite writes a number.
    assert sum(piece in before for piece in old) > 0.99 * len(old)

    renew_gallery(service, key, other_key)

    left = windows_of_files(tmp_path)
    assert os.path.getsize(tmp_path / "gallery.db-wal") == 0
    assert [piece for piece in old if piece in left] == []
    assert key.key_id not in left
    new = pieces_of(service, other_key, "default")
    assert sum(piece in left for piece in new) > 0.99 * len(new)


def test_nothing_of_a_copy_that_is_given_up_is_left_in_the_files(
    service: EmbeddedService,
    filled: GalleryClient,
    key: GalleryKey,
    other_key: GalleryKey,
    tmp_path: Path,
) -> None:
    stopped_after_copying(service, key, other_key)
    copied = pieces_of(service, other_key, copy_name("default", other_key.key_id))

    discard_renewal(service, other_key)

    left = windows_of_files(tmp_path)
    assert [piece for piece in copied if piece in left] == []
    assert other_key.key_id not in left
