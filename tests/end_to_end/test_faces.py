"""Several faces in a photo: composites of many people, from pictures to names and drawn copies.

Photos: Face Research Lab London Set, DeBruine & Jones 2017, CC BY 4.0.
"""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from gallery.client import GalleryClient, GalleryKey, PhotoEmbedder, PhotoIdentification
from gallery.commands.main import run
from gallery.server import EmbeddedService
from tests.support.composites import composite, nearly
from tests.support.photos import LondonPerson
from tests.support.recording import RecordingService

ENROLLED = (3, 10, 20, 30, 40)
STRANGERS = (60, 80)

SCALE = 0.75
"""Of the photos. Three in a row are not shrunk then: boxes that dlib gives come in certain sizes, a
sixth apart, so that those of a photo and of a smaller copy differ."""

# Whom composites of two to six faces show, with strangers at any place.
COMPOSITES = ((3, 80), (60, 10, 20), (30, 40, 80, 3), (20, 60, 3, 10, 40), (40, 30, 20, 80, 10, 3))


@pytest.fixture(scope="module")
def embedder() -> PhotoEmbedder:
    return PhotoEmbedder("Dlib", download=False)


def opened(
    service: EmbeddedService | RecordingService, key: GalleryKey, embedder: PhotoEmbedder
) -> GalleryClient:
    return GalleryClient.create(
        service, key, dimension=embedder.dimension, preprocessing=embedder.preprocessing
    )


def names(found: PhotoIdentification) -> list[str]:
    """The name of each row, or nothing for somebody who is unknown."""
    assert found.identification is not None
    rows = zip(found.identification.labels[:, 0], found.identification.decisions, strict=True)
    return [str(label) if match else "" for label, match in rows]


def test_every_face_is_found_and_named_as_its_single_photo_is(
    service: EmbeddedService,
    key: GalleryKey,
    embedder: PhotoEmbedder,
    london: list[LondonPerson],
) -> None:
    people = {number: london[number] for number in (*ENROLLED, *STRANGERS)}
    with opened(service, key, embedder) as client:
        client.enroll_photos(
            [(people[number].neutral, people[number].number) for number in ENROLLED],
            embedder=embedder,
        )
        smiling = [composite([person.smiling], 1, SCALE) for person in people.values()]
        alone = client.identify_photos([made.picture for made in smiling], embedder=embedder)
        pictures = [
            composite([people[number].smiling for number in shown], 3, SCALE)
            for shown in COMPOSITES
        ]
        together = client.identify_photos(
            [made.picture for made in pictures], embedder=embedder, faces="all"
        )

    assert alone.failures == together.failures == ()
    singles = dict(zip(people, zip(alone.faces, names(alone), strict=True), strict=True))
    assert [singles[number][1] for number in STRANGERS] == ["", ""]
    assert [singles[number][1] for number in ENROLLED] == [
        people[number].number for number in ENROLLED
    ]
    found = list(zip(together.faces, names(together), strict=True))
    for position, (made, shown) in enumerate(zip(pictures, COMPOSITES, strict=True)):
        faces = [(face, name) for face, name in found if face.position == position]
        assert len(faces) == len(shown)
        assert sorted(name for _, name in faces) == sorted(singles[n][1] for n in shown)
        for place, number in enumerate(shown):
            single, name = singles[number]
            assert single.box is not None
            left, top = made.corners[place]
            expected = replace(single.box, left=single.box.left + left, top=single.box.top + top)
            (there,) = (item for item in faces if nearly(expected, item[0].box))
            assert there[1] == name
            assert there[0].quality.confidence is not None


def test_a_server_sees_how_many_faces_there_are_and_not_whose(
    service: EmbeddedService,
    key: GalleryKey,
    embedder: PhotoEmbedder,
    london: list[LondonPerson],
) -> None:
    watched = RecordingService(service)
    sent: list[list[tuple[str, int]]] = []
    with opened(watched, key, embedder) as client:
        client.enroll_photos([(london[3].neutral, "Ada")], embedder=embedder)
        client.identify(np.ones(embedder.dimension))  # what is read once
        for shown in ((3, 40), (80, 60)):
            picture = composite([london[number].smiling for number in shown], 2, 0.5).picture
            watched.sent.clear()
            done = client.identify_photos([picture], embedder=embedder, faces="all")
            assert len(done.faces) == 2
            sent.append([(name, len(message)) for name, message in watched.sent])
    assert sent[0] == sent[1]


def test_faces_of_one_person_are_enrolled_together_and_of_several_are_not(
    service: EmbeddedService,
    key: GalleryKey,
    embedder: PhotoEmbedder,
    london: list[LondonPerson],
) -> None:
    strip = composite([london[3].neutral, london[3].smiling], 1, 0.5).picture
    group = composite([london[3].neutral, london[10].neutral], 2, 0.5).picture
    with opened(service, key, embedder) as client:
        (refused,) = client.enroll_photos([(strip, "Ada")], embedder=embedder).failures
        largest = client.enroll_photos([(strip, "Ada")], embedder=embedder, faces="largest")
        both = client.enroll_photos(
            [(strip, "Ada"), (group, "Ada")], embedder=embedder, faces="all"
        )
        references = client.summary().references

    assert "2 faces were found in photo 1 (Image), where there must be one" in refused.reason
    # The one that was enrolled before is not enrolled again.
    assert (len(largest.added), len(both.added), len(both.skipped)) == (1, 1, 1)
    assert references == 2
    (failure,) = both.failures
    assert "the 2 faces in photo 2 (Image) are not one person's" in failure.reason


def test_commands_say_where_each_face_is_and_draw_it(
    london: list[LondonPerson],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def call(*arguments: object, code: int = 0) -> tuple[list[dict[str, Any]], str]:
        capsys.readouterr()
        assert run([str(argument) for argument in arguments]) == code, capsys.readouterr().err
        out, err = capsys.readouterr()
        return [json.loads(line) for line in out.splitlines() if line.startswith("{")], err

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GALLERY_KEY", str(tmp_path / "owner.key"))
    monkeypatch.setenv("GALLERY_PASSPHRASE", "correct horse")
    made = composite([london[3].smiling, london[50].smiling], 2, 0.5)
    made.picture.save("group.png")
    call("key", "new")
    call("init", "--model", "Dlib")
    send(london[3].neutral.read_bytes(), monkeypatch)
    call("enroll", "-", "--label", "Åsa 大")

    (failed,), err = call("identify", "group.png", "--json", code=1)
    assert failed["decision"] == "failed"
    assert "--faces largest takes the largest, and --faces all each of them" in err

    known, stranger = call("identify", "group.png", "--faces", "all", "--json")[0]
    assert (known["label"], known["face"], known["faces"]) == ("Åsa 大", 1, 2)
    assert (stranger["label"], stranger["face"], stranger["decision"]) == (None, 2, "non-match")
    assert known["box"]["left"] < 200 < stranger["box"]["left"]
    both, _ = call("match", "group.png", "Åsa 大", "--faces", "all", "--json")
    assert [item["box"] for item in both] == [known["box"], stranger["box"]]

    (compared,), err = call("match", "group.png", "Åsa 大", "--faces", "largest", "--json")
    (warning,) = compared["warnings"]
    assert "another face has" in warning
    assert f"poor photo: group.png: {warning}" in err

    (Path("seen") / "group.jpg").mkdir(parents=True)  # a name that is taken
    options = ("--faces", "all", "--draw", "seen", "--output")
    for kind in ("npz", "parquet"):
        assert "1 drawn copy in seen" in call("identify", "group.png", *options, f"r.{kind}")[1]
    boxes = np.load("r.npz")["boxes"]
    assert boxes.tolist() == [list(item["box"].values()) for item in (known, stranger)]
    assert pq.read_table("r.parquet")["box"].to_pylist() == [known["box"], stranger["box"]]
    assert sorted(path.name for path in Path("seen").iterdir()) == [
        "group (2).jpg",
        "group (3).jpg",
        "group.jpg",
    ]
    assert_framed(made.picture, Path("seen") / "group (2).jpg", known["box"], "lime")
    assert_framed(made.picture, Path("seen") / "group (2).jpg", stranger["box"], "orange")

    Path("people/Eve").mkdir(parents=True)
    made.picture.save("people/Eve/group.png")
    _, err = call("sync", "people", code=1)
    assert "group.png: 2 faces were found" in err
    assert "--faces largest takes the largest\n" in err
    (report,), err = call("sync", "people", "--faces", "largest", "--json")
    assert len(report["enrolled"]) == 1
    assert "another face has" in err


def send(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def assert_framed(whole: Image.Image, path: Path, box: dict[str, int], colour: str) -> None:
    """Check that a copy has a frame of a colour around a box, and the photo elsewhere."""
    with Image.open(path) as copy:
        assert copy.size == whole.size
        drawn = np.asarray(copy.convert("RGB")).astype(int)
    frame = np.asarray(Image.new("RGB", (1, 1), colour)).astype(int)[0, 0]
    right, bottom = box["left"] + box["width"] - 1, box["top"] + box["height"] - 1
    middle = box["top"] + box["height"] // 2
    for x, y in ((box["left"], middle), (right, middle), (box["left"] + 5, bottom)):
        assert np.abs(drawn[y, x] - frame).max() < 80
    centre = middle, box["left"] + box["width"] // 2
    assert np.abs(drawn[centre] - np.asarray(whole).astype(int)[centre]).max() < 40
