"""Thumbnails that the desk keeps: erased by the commands that erase references."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.unit.commands.conftest import Command


def gallery_id(command: Command) -> str:
    return str(command("info", "--json").records[0]["gallery_id"])


@pytest.fixture
def thumbnails(made: Command, people: np.ndarray) -> Path:
    """A thumbnail of each of five people, as the desk keeps them beside the key file."""
    assert made("enroll", "people.npz").code == 0
    folder = Path("owner.key.desk-thumbnails") / gallery_id(made)
    folder.mkdir(parents=True)
    for record in made("list", "--json").records:
        (folder / f"{record['reference_id']}.thumbnail").write_bytes(b"sealed")
    return folder


def test_a_replacement_erases_what_it_replaces(
    made: Command, people: np.ndarray, thumbnails: Path
) -> None:
    before = {record["label"]: record["reference_id"] for record in made("list", "--json").records}
    np.savez("newer.npz", embeddings=-people[:1], labels=np.array(["person 0"]))

    assert made("enroll", "newer.npz", "--replace").code == 0

    kept = {path.stem for path in thumbnails.iterdir()}
    assert kept == {before[f"person {number}"] for number in range(1, 5)}


def test_a_renewal_erases_those_of_the_gallery_as_it_was(made: Command, thumbnails: Path) -> None:
    other = thumbnails.with_name("0" * 32)
    other.mkdir()
    (other / "1.thumbnail").write_bytes(b"sealed")

    assert made("rekey", "--parameters", "light", "--yes").code == 0

    assert list(thumbnails.iterdir()) == []
    assert len(list(other.iterdir())) == 1
