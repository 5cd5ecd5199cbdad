"""The main job on real photos: from files to decisions, through the command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from gallery.client import GalleryClient, GalleryKey, PhotoEmbedder, find_photos
from gallery.demo.samples import Samples
from gallery.server import EmbeddedService

CHECKOUT = Path(__file__).resolve().parents[2]


def gallery(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would, in a folder of its own."""
    return subprocess.run(
        [sys.executable, CHECKOUT / "cli.py", *map(str, arguments)],
        cwd=folder,
        env={
            **os.environ,
            "GALLERY_KEY": str(folder / "owner.key"),
            "GALLERY_PASSPHRASE": "correct horse",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def enrolled(samples: Samples, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a key and a gallery in which the sample people are enrolled."""
    folder = tmp_path_factory.mktemp("gallery")
    for arguments in (["key", "new"], ["init", "--model", "Dlib"], ["enroll", samples.enroll]):
        done = gallery(folder, *arguments)
        assert done.returncode == 0, done.stderr
        assert done.stdout == ""
    return folder


def test_other_photos_of_enrolled_people_match_and_strangers_do_not(
    enrolled: Path, samples: Samples
) -> None:
    probes = [photo.path for photo in samples.mated] + list(samples.strangers)

    done = gallery(enrolled, "identify", *probes, "--top", 3, "--json")

    assert done.returncode == 0, done.stderr
    records = {Path(item["probe"]): item for item in map(json.loads, done.stdout.splitlines())}
    assert list(records) == probes
    for photo in samples.mated:
        assert records[photo.path]["decision"] == "match"
        assert records[photo.path]["label"] == photo.label
    for path in samples.strangers:
        assert records[path]["decision"] == "non-match"
        assert records[path]["label"] is None
    # DeepFace's threshold for the model and metric.
    assert {item["threshold"] for item in records.values()} == {0.07}
    assert {item["searched"] for item in records.values()} == {3}


def test_a_second_run_skips_what_is_enrolled(enrolled: Path, samples: Samples) -> None:
    done = gallery(enrolled, "enroll", samples.enroll, "--json")

    assert json.loads(done.stdout) == {
        "enrolled": 0,
        "skipped": 3,
        "failed": 0,
        "failures": [],
        "duplicates": [],
        "photos": [],
        "passed_over": [],
        "erased": [],
        "outliers": [],
    }


def test_bad_photos_are_reported_and_the_others_go_on(
    enrolled: Path, samples: Samples, tmp_path: Path
) -> None:
    person = tmp_path / "people" / "somebody"
    person.mkdir(parents=True)
    shutil.copy(samples.several_faces, person / "several.jpg")
    shutil.copy(samples.no_face, person / "none.jpg")
    shutil.copy(samples.strangers[0], person / "one.png")
    (person / "broken.jpg").write_bytes(b"\xff\xd8 this is no photo")

    done = gallery(enrolled, "enroll", tmp_path / "people", "--json")

    counts = json.loads(done.stdout)
    assert done.returncode == 1
    assert (counts["enrolled"], counts["failed"]) == (1, 3)
    reasons = {Path(item["path"]).name: item["reason"] for item in counts["failures"]}
    assert "6 faces" in reasons["several.jpg"]
    assert "No face" in reasons["none.jpg"]
    assert "cannot be read" in reasons["broken.jpg"]
    assert str(person / "broken.jpg") in done.stderr
    assert "Traceback" not in done.stderr


def test_a_probe_without_a_face_is_reported_and_the_others_are_searched(
    enrolled: Path, samples: Samples
) -> None:
    good = samples.mated[0]

    done = gallery(enrolled, "identify", samples.no_face, good.path, "--json")

    assert done.returncode == 1
    failed, record = map(json.loads, done.stdout.splitlines())
    assert (failed["probe"], failed["decision"]) == (str(samples.no_face), "failed")
    assert "No face was found" in failed["failure"]
    assert record["label"] == good.label
    assert str(samples.no_face) in done.stderr


def test_an_interruption_writes_what_was_embedded_so_far(
    service: EmbeddedService, key: GalleryKey, samples: Samples
) -> None:
    embedder = PhotoEmbedder("Dlib")
    photos = find_photos(samples.enroll)
    seen: list[int] = []

    def interrupt_after_two(done: int) -> None:
        seen.append(done)
        if len(seen) == 2:
            raise KeyboardInterrupt

    with GalleryClient.create(
        service, key, dimension=128, preprocessing=embedder.preprocessing
    ) as client:
        with pytest.raises(KeyboardInterrupt):
            client.enroll_photos(photos, embedder=embedder, progress=interrupt_after_two)
        kept = client.summary().references
        second = client.enroll_photos(photos, embedder=embedder)

    assert kept == 2
    assert (len(second.skipped), len(second.added)) == (2, 1)


def test_the_demo_does_the_whole_story_and_opens_its_desk(samples: Samples, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with (tmp_path / "notices").open("w+") as notices:
        process = subprocess.Popen(
            [
                *(sys.executable, CHECKOUT / "cli.py", "demo", "--desk"),
                *("--model", "Dlib", "--folder", folder),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=notices,
            text=True,
        )
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if line.startswith("http://"):
                break
        with httpx.Client(trust_env=False, follow_redirects=True, timeout=60) as browser:
            browser.get(lines[-1].strip())
            address = lines[-1].partition("/enter")[0]
            page = browser.get(address)
            with browser.stream("GET", f"{address}/v1/galleries/demo/events") as stream:
                heard = stream.iter_lines()
                assert next(heard).startswith("retry:")
                assert "event: state" in heard
                process.terminate()
                assert "event: state" not in list(heard)  # the stream ends as it should
        rest, _ = process.communicate(timeout=60)
        notices.seek(0)
        said = notices.read()

    assert (process.returncode, rest) == (0, ""), said
    assert any("match: obama" in line for line in lines)
    assert any("non-match" in line for line in lines)
    assert "4 of 4 decisions are as they should be" in said
    assert "this passphrase opens it: " in said
    assert "demo" in page.text and str(page.url).endswith("/g/0/identify")
    assert (folder / "demo.db").stat().st_size > 4_000_000
