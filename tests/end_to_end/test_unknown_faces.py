"""Unknown faces of real photos, from a folder of photos to people who are found by name.

Photos: Face Research Lab London Set, DeBruine & Jones 2017, CC BY 4.0.
"""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from gallery.commands.main import run
from tests.support.composites import composite
from tests.support.photos import LondonPerson


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with a key and a gallery for photos."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GALLERY_KEY", str(tmp_path / "owner.key"))
    monkeypatch.delenv("GALLERY_DATABASE", raising=False)
    assert run(["key", "new", "--no-passphrase"]) == 0
    assert run(["init", "--model", "Dlib"]) == 0
    return tmp_path


def test_unknown_faces_are_grouped_named_and_found(
    in_folder: Path, london: list[LondonPerson], capsys: pytest.CaptureFixture[str]
) -> None:
    def records(*words: str) -> list[dict[str, Any]]:
        capsys.readouterr()
        assert run([*words, "--json"]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    ada, grace, edith, mary = london[:4]
    for path in ("people/Ada", "photos"):
        (in_folder / path).mkdir(parents=True)
    shutil.copy(ada.neutral, in_folder / "people/Ada/1.jpg")
    for photo in (grace.neutral, edith.neutral, edith.smiling):
        shutil.copy(photo, in_folder / "photos" / photo.name)
    everybody = composite([grace.smiling, ada.smiling, mary.neutral], columns=3)
    everybody.picture.save(in_folder / "photos/everybody.png")
    records("sync", "people")

    (found,) = records("cluster", "photos", "--to", "strangers")

    assert found["known"] == 1
    assert found["groups"] == {"unknown 1": 2, "unknown 2": 2, "alone": 1}
    faces = defaultdict[str, set[tuple[str, int]]](set)
    for face in found["faces"]:
        faces[face["group"]].add((Path(face["probe"]).name, face["face"]))
    of_grace = {("everybody.png", 1), (grace.neutral.name, 1)}
    of_edith = {(edith.neutral.name, 1), (edith.smiling.name, 1)}
    assert faces.pop("alone") == {("everybody.png", 3)}
    assert sorted(map(sorted, faces.values())) == sorted(map(sorted, [of_grace, of_edith]))

    # Nobody is enrolled who has no name.
    (nothing,) = records("sync", "strangers")
    assert nothing["enrolled"] == []
    group = next(name for name, members in faces.items() if members == of_grace)
    (in_folder / "strangers" / group).rename(in_folder / "strangers/Grace")
    (named,) = records("sync", "strangers")
    assert len(named["enrolled"]) == 2
    (result,) = records("identify", str(grace.smiling))
    assert (result["decision"], result["label"]) == ("match", "Grace")
