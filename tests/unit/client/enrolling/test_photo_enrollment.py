"""Enrollment of photos whose faces match references of other labels.

The photos are patterns, embedded by the real model Dlib without a detector: it gives any picture
some embedding, those of one pattern close together and those of others far apart.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gallery.client import (
    Duplicate,
    GalleryClient,
    GalleryKey,
    LabelledPhoto,
    OnDuplicate,
    PersonDetails,
    PhotoEmbedder,
)
from gallery.client.enrolling.enrollment import Enroller
from gallery.client.photos.faces import EmbeddedFace, FaceBox, FaceSelection
from gallery.client.photos.quality import FaceQuality
from gallery.errors import DuplicateSubjectError, ServerError, ThresholdRequiredError
from gallery.server import EmbeddedService
from tests.support.patterns import write_pattern
from tests.support.recording import RecordingService

LIMIT = 0.002


def photo(folder: Path, label: str, pattern: int, version: int = 0) -> LabelledPhoto:
    """Write a picture of a pattern; versions of one differ by a little noise."""
    path = write_pattern(folder / f"{label} {pattern} {version}.png", pattern, version)
    return LabelledPhoto(path, label)


@pytest.fixture(scope="module")
def embedder(deepface_home: Path) -> PhotoEmbedder:
    """The real model Dlib, without a detector."""
    return PhotoEmbedder("Dlib", "skip", download=False)


@pytest.fixture
def client(
    service: EmbeddedService, key: GalleryKey, embedder: PhotoEmbedder, tmp_path: Path
) -> Iterator[GalleryClient]:
    """A client of a gallery in which Ada's photo is enrolled, pattern 1."""
    with GalleryClient.create(
        service,
        key,
        dimension=128,
        preprocessing=embedder.preprocessing,
        threshold=LIMIT,
    ) as opened:
        opened.enroll_photos([photo(tmp_path, "Ada", 1)], embedder=embedder)
        yield opened


@pytest.fixture
def photos(tmp_path: Path) -> list[LabelledPhoto]:
    """Another photo of Ada, one of hers under Joan's name, and Mary's."""
    return [
        photo(tmp_path, "Ada", 1, version=1),
        photo(tmp_path, "Joan", 1, version=2),
        photo(tmp_path, "Mary", 2),
    ]


def labels(client: GalleryClient) -> list[str]:
    """Return the labels of all references, sorted."""
    return sorted(item.label for item in client.references())


def test_duplicates_can_be_skipped(
    client: GalleryClient, embedder: PhotoEmbedder, photos: list[LabelledPhoto]
) -> None:
    done = client.enroll_photos(photos, embedder=embedder, on_duplicate="skip")

    assert labels(client) == ["Ada", "Ada", "Mary"]
    assert [path for path, _ in done.added] == [photos[0].path, photos[2].path]
    (found,) = done.duplicates
    assert (found.path, found.enrolled) == (photos[1].path, False)
    assert (found.duplicate.label, found.duplicate.found_label) == ("Joan", "Ada")
    assert 0 <= found.duplicate.distance <= LIMIT


def test_what_is_known_goes_to_those_who_are_enrolled(
    client: GalleryClient, embedder: PhotoEmbedder, photos: list[LabelledPhoto]
) -> None:
    known = PersonDetails({"team": "day"}, 4_000_000_000)

    client.enroll_photos(photos, embedder=embedder, on_duplicate="skip", details=known)

    assert {item.label: item.references for item in client.people()} == {"Ada": 2, "Mary": 1}
    assert [item.details for item in client.people()] == [known, known]
    client.enroll_photos(photos[2:], embedder=embedder, details=PersonDetails({"team": "night"}))
    assert [item.details.attributes["team"] for item in client.people()] == ["day", "night"]


def test_by_default_nobody_looks_for_duplicates(
    client: GalleryClient, embedder: PhotoEmbedder, photos: list[LabelledPhoto]
) -> None:
    done = client.enroll_photos(photos, embedder=embedder)

    assert labels(client) == ["Ada", "Ada", "Joan", "Mary"]
    assert done.duplicates == ()


def test_failing_writes_nothing_of_the_run(
    client: GalleryClient,
    embedder: PhotoEmbedder,
    photos: list[LabelledPhoto],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Even where the others would have been written long before the duplicate came.
    monkeypatch.setattr("gallery.client.enrolling.photo_enrollment.COMMIT_EVERY", 1)
    before = client.summary()

    with pytest.raises(DuplicateSubjectError, match="nothing was enrolled") as caught:
        client.enroll_photos([photos[2], *photos[:2]], embedder=embedder, on_duplicate="fail")

    assert client.summary() == before
    assert str(photos[1].path) in str(caught.value)
    assert "1 of 3 new photos" in str(caught.value)


def test_without_duplicates_failing_enrolls_all(
    client: GalleryClient, embedder: PhotoEmbedder, photos: list[LabelledPhoto]
) -> None:
    client.enroll_photos([photos[0], photos[2]], embedder=embedder, on_duplicate="fail")

    assert labels(client) == ["Ada", "Ada", "Mary"]


@pytest.mark.parametrize("answer", [True, False])
def test_a_function_decides_about_each(
    client: GalleryClient, embedder: PhotoEmbedder, photos: list[LabelledPhoto], answer: bool
) -> None:
    asked: list[tuple[Path | str, str]] = []

    def decide(path: Path | str, duplicate: Duplicate) -> bool:
        asked.append((path, duplicate.found_label))
        return answer

    done = client.enroll_photos(photos, embedder=embedder, on_duplicate=decide)

    assert asked == [(photos[1].path, "Ada")]
    assert ("Joan" in labels(client)) is answer
    assert done.duplicates[0].enrolled is answer


@pytest.mark.parametrize("commit_every", [1, 64])
def test_photos_of_one_run_are_compared_with_each_other(
    client: GalleryClient,
    embedder: PhotoEmbedder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    commit_every: int,
) -> None:
    # Whether the first of them is written already or not.
    monkeypatch.setattr("gallery.client.enrolling.photo_enrollment.COMMIT_EVERY", commit_every)
    run = [photo(tmp_path, "Mary", 2), photo(tmp_path, "Joan", 2, version=1)]

    done = client.enroll_photos(run, embedder=embedder, on_duplicate="skip")

    assert labels(client) == ["Ada", "Mary"]
    (found,) = done.duplicates
    assert (found.path, found.duplicate.found_label) == (run[1].path, "Mary")
    assert (found.duplicate.reference_id == "") is (commit_every > 1)


def test_a_replaced_photo_of_the_same_person_is_no_duplicate(
    client: GalleryClient, embedder: PhotoEmbedder, photos: list[LabelledPhoto]
) -> None:
    done = client.enroll_photos(photos[:2], embedder=embedder, replace=True, on_duplicate="skip")

    assert [path for path, _ in done.added] == [photos[0].path]
    assert labels(client) == ["Ada"]


def test_the_references_of_a_label_whose_photos_were_all_left_out_stay(
    client: GalleryClient, embedder: PhotoEmbedder, photos: list[LabelledPhoto], tmp_path: Path
) -> None:
    client.enroll_photos([photo(tmp_path, "Joan", 3)], embedder=embedder)

    client.enroll_photos(photos[1:2], embedder=embedder, replace=True, on_duplicate="skip")

    assert labels(client) == ["Ada", "Joan"]


BOXES = (FaceBox(0, 0, 50, 50), FaceBox(60, 0, 50, 50))


class TwoFaces(PhotoEmbedder):
    """Finds two faces in each photo, at 19 and 8 degrees from Ada's, or one at 90 degrees."""

    def select(self, source: object, selection: FaceSelection = "one") -> tuple[EmbeddedFace, ...]:
        quality = FaceQuality(100, 100, None, 1.0, 100, None, None)
        angles = np.radians([19.0, 8.0] if selection == "all" else [90.0])
        return tuple(
            EmbeddedFace(np.array([np.cos(angle), np.sin(angle), 0, 0]), quality, box)
            for angle, box in zip(angles, BOXES, strict=False)
        )


@pytest.mark.parametrize(
    ("policy", "added"),
    [("skip", 0), (lambda path, duplicate: False, 0), (lambda path, duplicate: True, 2)],
    ids=["skip", "refused", "accepted"],
)
def test_of_several_faces_in_a_photo_all_are_enrolled_or_none(
    service: EmbeddedService, key: GalleryKey, tmp_path: Path, policy: OnDuplicate, added: int
) -> None:
    """One of the two matches Ada. What Joan had before is erased for both, and not for one."""
    embedder = TwoFaces("Dlib", "opencv", download=False)
    strip, other = photo(tmp_path, "Joan", 1).path, photo(tmp_path, "Joan", 2).path
    with GalleryClient.create(
        service, key, dimension=4, preprocessing=embedder.preprocessing, threshold=0.02
    ) as client:
        client.enroll(np.eye(1, 4), ["Ada"], model="Dlib")
        client.enroll_photos([(other, "Joan")], embedder=embedder)

        done = client.enroll_photos(
            [(strip, "Joan")], embedder=embedder, faces="all", on_duplicate=policy, replace=True
        )

        (found,) = done.duplicates
        assert (found.path, found.enrolled) == (strip, added > 0)
        assert (len(done.added), len(done.erased)) == (added, 1 if added else 0)
        assert labels(client) == ["Ada", *["Joan"] * (added or 1)]


def test_every_embedded_photo_is_measured(
    client: GalleryClient, embedder: PhotoEmbedder, photos: list[LabelledPhoto]
) -> None:
    done = client.enroll_photos(photos, embedder=embedder, on_duplicate="skip")
    again = client.enroll_photos(photos[:1], embedder=embedder)

    assert [path for path, _ in done.measured] == [item.path for item in photos]
    assert {quality.face_size for _, quality in done.measured} == {150}
    assert again.measured == ()


class Interruption(BaseException):
    """What ends a program at any place, as Ctrl-C does."""


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        # Joan's photo looks like Ada's, Mary's like nobody's.
        ("add", ["Ada", "Joan", "Mary"]),
        ("skip", ["Ada", "Mary"]),
        (lambda path, duplicate: True, ["Ada", "Mary"]),
        ("fail", ["Ada"]),
    ],
    ids=["add", "skip", "asking", "fail"],
)
@pytest.mark.parametrize("ending", [Interruption, KeyboardInterrupt, MemoryError])
def test_an_interruption_keeps_what_is_done_and_matches_nobody_else(
    client: GalleryClient,
    embedder: PhotoEmbedder,
    tmp_path: Path,
    policy: OnDuplicate,
    kept: list[str],
    ending: type[BaseException],
) -> None:
    new = [photo(tmp_path, "Joan", 1, 1), photo(tmp_path, "Mary", 2), photo(tmp_path, "Ruth", 3)]
    done: list[int] = []

    def interrupt(count: int) -> None:
        done.append(count)
        if len(done) == 2:
            raise ending

    with pytest.raises(ending):
        client.enroll_photos(new, embedder=embedder, on_duplicate=policy, progress=interrupt)

    assert sorted(labels(client)) == kept
    assert client.verify(deep=True).findings == ()


def test_a_write_that_fails_is_not_begun_again_on_the_way_out(
    client: GalleryClient, embedder: PhotoEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[object] = []

    def fail(enroller: Enroller, wanted: object) -> None:
        tries.append(wanted)
        raise ServerError("no answer from the server")

    monkeypatch.setattr(Enroller, "commit", fail)

    with pytest.raises(ServerError):
        client.enroll_photos([photo(tmp_path, "Mary", 2)], embedder=embedder)

    assert len(tries) == 1


def test_without_a_threshold_duplicates_cannot_be_looked_for(
    service: EmbeddedService, key: GalleryKey, embedder: PhotoEmbedder, photos: list[LabelledPhoto]
) -> None:
    made_by = embedder.preprocessing
    other = type(made_by)("Own", made_by.detector, True, "base", 1024)
    with (
        GalleryClient.create(service, key, "own", dimension=128, preprocessing=other) as client,
        pytest.raises(ThresholdRequiredError),
    ):
        client.enroll_photos(photos, embedder=embedder, on_duplicate="skip")


def test_the_server_cannot_tell_a_duplicate_that_is_enrolled_from_any_other_photo(
    service: EmbeddedService, key: GalleryKey, embedder: PhotoEmbedder, tmp_path: Path
) -> None:
    conversations = []
    for name, pattern in (("with a duplicate", 1), ("with none", 2)):
        recorder = RecordingService(service)
        with GalleryClient.create(
            recorder,
            key,
            name,
            dimension=128,
            preprocessing=embedder.preprocessing,
            threshold=LIMIT,
        ) as client:
            client.enroll_photos([photo(tmp_path, "Ada", 1)], embedder=embedder)
            before = len(recorder.sent)
            done = client.enroll_photos(
                [photo(tmp_path, "Joan", pattern, version=1)],
                embedder=embedder,
                on_duplicate=lambda path, duplicate: True,
            )
        assert len(done.duplicates) == (pattern == 1)
        conversations.append([(call, len(message)) for call, message in recorder.sent[before:]])

    assert conversations[0] == conversations[1]
    assert "search" in dict(conversations[0])


def test_copies_of_a_photo_count_as_enrolled_before(
    client: GalleryClient, embedder: PhotoEmbedder, tmp_path: Path
) -> None:
    first = photo(tmp_path, "Mary", 2)
    copies = [LabelledPhoto(tmp_path / f"copy {number}", "Mary") for number in range(2)]
    for copy in copies:
        copy.path.write_bytes(first.path.read_bytes())

    done = client.enroll_photos([first, *copies], embedder=embedder)

    ((path, reference_id),) = done.added
    assert path == first.path
    assert done.skipped == tuple((copy.path, reference_id) for copy in copies)
    assert labels(client) == ["Ada", "Mary"]


def test_a_named_pipe_and_a_folder_are_failures(
    client: GalleryClient, embedder: PhotoEmbedder, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    wanted = [LabelledPhoto(tmp_path / name, "Mary") for name in ("pipe.jpg", ".", "gone.jpg")]

    done = client.enroll_photos(wanted, embedder=embedder)

    assert [item.reason for item in done.failures] == [
        f"The photo {photo.path} cannot be read: {reason}"
        for photo, reason in zip(
            wanted, ("it is a named pipe", "it is a folder", "there is no such file"), strict=True
        )
    ]


def test_what_is_no_choice_is_refused_before_anything_is_enrolled(
    client: GalleryClient, embedder: PhotoEmbedder, tmp_path: Path
) -> None:
    new = photo(tmp_path, "Grace", 2)

    with pytest.raises(ValueError, match="faces are 'one', 'largest' or 'all', not 'All'"):
        client.enroll_photos([new], embedder=embedder, faces="All")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="on_duplicate is 'add', 'skip', 'fail' or a function"):
        client.enroll_photos([new], embedder=embedder, on_duplicate="ask")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"as a pair \(photo, label\)"):
        client.enroll_photos([new.path], embedder=embedder)  # type: ignore[list-item]
    with pytest.raises(TypeError, match=r"as a pair \(photo, label\)"):
        client.enroll_photos(["ab"], embedder=embedder)  # type: ignore[list-item]
    with pytest.raises(TypeError, match="photos are given as a list"):
        client.enroll_photos(new.path, embedder=embedder)  # type: ignore[arg-type]

    assert [person.label for person in client.people()] == ["Ada"]
