"""The library: enroll and identify with arrays."""

from __future__ import annotations

import re

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey, PhotoEmbedder
from gallery.errors import (
    DimensionMismatchError,
    GalleryExistsError,
    GalleryNotFoundError,
    InvalidEmbeddingError,
    InvalidLabelError,
    KeyMismatchError,
    ModelMismatchError,
    ThresholdRequiredError,
)
from gallery.messages import Preprocessing
from gallery.server import EmbeddedService
from tests.support.galleries import client_of_each_scheme, names, random_embeddings

__all__ = ["client_of_each_scheme"]


def test_each_embedding_finds_itself(client: GalleryClient) -> None:
    embeddings = random_embeddings(50, 8)
    enrolled = client.enroll(embeddings, names(50))

    found = client.identify(embeddings, k=3, threshold=0.01)

    assert [*found.labels[:, 0]] == names(50)
    assert [*found.reference_ids[:, 0]] == [*enrolled.reference_ids]
    assert found.decisions.all()
    assert found.distances.shape == found.labels.shape == found.reference_ids.shape == (50, 3)
    assert (np.diff(found.distances, axis=1) >= 0).all()
    assert [*found.searched] == [50] * 50


def test_a_gallery_larger_than_a_block_is_searched_whole(client: GalleryClient) -> None:
    embeddings = random_embeddings(4094 + 50, 8)
    client.enroll(embeddings, names(len(embeddings)))

    found = client.identify(embeddings[[0, 2047, 4093, 4094, 4143]], k=2, threshold=0.01)

    assert [*found.labels[:, 0]] == [f"person {i}" for i in (0, 2047, 4093, 4094, 4143)]
    assert client.summary().blocks == 2
    assert found.searched[0] == 4144


def test_an_empty_gallery_has_no_candidates(client: GalleryClient) -> None:
    found = client.identify(random_embeddings(2, 8), k=3, threshold=0.5)

    assert not found.decisions.any()
    assert np.isinf(found.distances).all()
    assert (found.labels == "").all()
    assert [*found.searched] == [0, 0]


def test_fewer_references_than_asked_for_pad_the_candidate_list(client: GalleryClient) -> None:
    client.enroll(random_embeddings(2, 8), names(2))

    found = client.identify(random_embeddings(1, 8, seed=1), k=4, threshold=0.5)

    assert np.isfinite(found.distances[0]).tolist() == [True, True, False, False]
    assert [*found.labels[0, 2:]] == ["", ""]


def test_a_distance_equal_to_the_threshold_is_a_match(client: GalleryClient) -> None:
    embedding = random_embeddings(1, 8)
    client.enroll(embedding, ["somebody"])
    probe = random_embeddings(1, 8, seed=1)
    found = client.identify(probe, threshold=2.0)

    again = client.identify(probe, threshold=float(found.distances[0, 0]) + 1e-6)
    below = client.identify(probe, threshold=float(found.distances[0, 0]) - 1e-6)

    assert again.decisions[0]
    assert not below.decisions[0]


def test_enrolling_again_adds_nothing_and_names_the_same_references(client: GalleryClient) -> None:
    embeddings = random_embeddings(5, 8)
    first = client.enroll(embeddings, names(5))

    second = client.enroll(embeddings, names(5))

    assert first.added.all()
    assert not second.added.any()
    assert [*second.reference_ids] == [*first.reference_ids]
    assert client.summary().references == 5


def test_one_subject_can_have_several_references(client: GalleryClient) -> None:
    embeddings = random_embeddings(3, 8)
    client.enroll(embeddings, ["Ada", "Ada", "Grace"])

    assert [item.label for item in client.references()] == ["Ada", "Ada", "Grace"]
    assert len({item.reference_id for item in client.references()}) == 3


def test_the_same_embedding_twice_in_one_call_is_enrolled_once(client: GalleryClient) -> None:
    embedding = random_embeddings(1, 8)[0]

    done = client.enroll([embedding, embedding], ["Ada", "Ada"])

    assert [*done.added] == [True, False]
    assert done.reference_ids[0] == done.reference_ids[1]
    assert client.summary().references == 1


def test_a_second_client_sees_what_the_first_enrolled(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey
) -> None:
    embeddings = random_embeddings(2, 8)
    with GalleryClient(service, key) as other:
        other.enroll(embeddings[:1], ["first"])
        client.enroll(embeddings[1:], ["second"])
        found = other.identify(embeddings, threshold=0.01)

    assert [*found.labels[:, 0]] == ["first", "second"]


def test_an_interrupted_enrollment_keeps_its_finished_blocks_and_is_finished_by_a_second(
    client: GalleryClient,
) -> None:
    embeddings, labels = random_embeddings(2 * 4094 + 10, 8), names(2 * 4094 + 10)

    def interrupt_after_the_first_block(done: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.enroll(embeddings, labels, progress=interrupt_after_the_first_block)
    kept = client.summary()
    second = client.enroll(embeddings, labels)

    assert (kept.references, kept.blocks) == (4094, 1)
    assert [*second.added] == [False] * 4094 + [True] * 4104
    assert client.summary().references == len(embeddings)


def test_progress_counts_every_input_once(client: GalleryClient) -> None:
    embeddings = random_embeddings(20, 8)
    client.enroll(embeddings[:5], names(5))
    enrolled: list[int] = []
    searched: list[int] = []

    client.enroll(embeddings, names(20), progress=enrolled.append)
    client.identify(embeddings, threshold=0.1, progress=searched.append)

    assert sum(enrolled) == sum(searched) == 20


@pytest.mark.parametrize(
    ("embeddings", "error"),
    [
        ([[1.0] * 7], DimensionMismatchError),
        ([[np.nan] * 8], InvalidEmbeddingError),
        ([[np.inf] * 8], InvalidEmbeddingError),
        ([[0.0] * 8], InvalidEmbeddingError),
        ([[[1.0] * 8]], InvalidEmbeddingError),
        (["not numbers"], InvalidEmbeddingError),
    ],
)
def test_bad_embeddings_are_refused_and_nothing_is_enrolled(
    client: GalleryClient, embeddings: object, error: type[Exception]
) -> None:
    with pytest.raises(error):
        client.enroll(embeddings, ["somebody"])  # type: ignore[arg-type]
    with pytest.raises(error):
        client.identify(embeddings, threshold=0.5)  # type: ignore[arg-type]

    assert client.summary().references == 0


def test_labels_must_be_as_many_as_embeddings(client: GalleryClient) -> None:
    with pytest.raises(InvalidLabelError, match="2 embeddings have 1 labels"):
        client.enroll(random_embeddings(2, 8), ["one"])


def test_another_key_does_not_open_a_gallery(
    client: GalleryClient, service: EmbeddedService, other_key: GalleryKey
) -> None:
    with pytest.raises(KeyMismatchError, match="made with another key"):
        GalleryClient(service, other_key)


def test_galleries_are_found_by_name(service: EmbeddedService, key: GalleryKey) -> None:
    GalleryClient.create(service, key, "staff", dimension=8).close()
    GalleryClient.create(service, key, "visitors", dimension=4).close()

    assert service.gallery_names() == ["staff", "visitors"]
    assert GalleryClient(service, key, "visitors").description.dimension == 4
    with pytest.raises(GalleryNotFoundError, match="'guests'"):
        GalleryClient(service, key, "guests")
    with pytest.raises(GalleryExistsError, match="'staff'"):
        GalleryClient.create(service, key, "staff", dimension=8)


def test_embeddings_of_another_model_are_refused_by_name(
    service: EmbeddedService, key: GalleryKey
) -> None:
    made_by = Preprocessing("Facenet", "opencv", True, "base", 1024)
    with GalleryClient.create(service, key, dimension=128, preprocessing=made_by) as client:
        with pytest.raises(ModelMismatchError, match=r"'Dlib'.*'Facenet'"):
            client.enroll(random_embeddings(1, 128), ["somebody"], model="Dlib")
        with pytest.raises(ModelMismatchError, match=r"'Dlib'.*'Facenet'"):
            client.identify(random_embeddings(1, 128), model="Dlib")


def test_photos_for_another_model_or_detector_are_refused_by_name(
    service: EmbeddedService, key: GalleryKey
) -> None:
    made_by = Preprocessing("Facenet", "opencv", True, "base", 1024)
    with GalleryClient.create(service, key, dimension=128, preprocessing=made_by) as client:
        for embedder in (PhotoEmbedder("Dlib"), PhotoEmbedder("Facenet", "dlib")):
            with pytest.raises(ModelMismatchError, match="model='Facenet' detector='opencv'"):
                client.enroll_photos([], embedder=embedder)
            with pytest.raises(ModelMismatchError, match="model='Facenet' detector='opencv'"):
                client.identify_photos([], embedder=embedder)


def test_the_threshold_comes_from_the_call_the_gallery_or_deepfaces_table(
    service: EmbeddedService, key: GalleryKey
) -> None:
    made_by = Preprocessing("Facenet", "opencv", True, "base", 1024)
    named = GalleryClient.create(service, key, "a", dimension=128, preprocessing=made_by)
    own = GalleryClient.create(service, key, "b", dimension=8, threshold=0.25)
    bare = GalleryClient.create(service, key, "c", dimension=8)

    assert named.threshold().value == 0.40
    assert named.threshold(0.1).value == 0.1
    assert own.threshold().value == 0.25
    with pytest.raises(ThresholdRequiredError, match="set_threshold"):
        bare.identify(random_embeddings(1, 8))


def test_a_gallery_for_embeddings_takes_no_photos(client: GalleryClient) -> None:
    with pytest.raises(ModelMismatchError, match="argument preprocessing"):
        client.identify_photos([], threshold=0.5)


def test_a_candidate_list_has_at_least_one_place(client: GalleryClient) -> None:
    with pytest.raises(ValueError, match="at least one"):
        client.identify(random_embeddings(1, 8), k=0, threshold=0.5)


def test_the_class_says_what_can_be_called() -> None:
    _, _, said = str(GalleryClient.__doc__).partition("What there is, by task:")
    listed = re.findall(r"`(\w+)`", said.partition("Examples")[0])

    assert len(listed) == len(set(listed))
    assert set(listed) == {name for name in dir(GalleryClient) if not name.startswith("_")}
