"""Commands work with every parameter set; a backend that does not know one is refused by name."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.unit.commands.conftest import Command

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "databases"
PEOPLE = [f"person {number}" for number in range(5)]
REFUSED = "'swift' is not one of CKKS, and the backend seal knows no other scheme"


@pytest.fixture(params=["swift", "light"])
def made(request: pytest.FixtureRequest, command: Command) -> Command:
    """The command line, with a key and a gallery of a set of the hinted scheme."""
    assert command("key", "new", "--no-passphrase").code == 0
    done = command("init", "--dimension", 16, "--parameters", request.param)
    assert done.code == 0, done.err
    return command


def found(command: Command) -> list[str | None]:
    done = command("identify", "people.npz", "--threshold", 0.02, "--json")
    assert done.code == 0, done.err
    return [record["label"] for record in done.records]


def test_the_whole_life_of_a_gallery(made: Command, people: np.ndarray) -> None:
    for words in (
        ("enroll", "people.npz"),
        ("remove", "person 1", "--yes"),
        ("compact",),
        ("export", "backup"),
        ("verify", "--deep"),
    ):
        done = made(*words)
        assert done.code == 0, done.err
    assert found(made) == ["person 0", None, *PEOPLE[2:]]

    Path("gallery.db").unlink()
    assert made("import", "backup").code == 0
    assert made("verify", "--deep").code == 46
    assert made("verify", "--deep", "--accept-rollback").code == 0
    assert made("enroll", "people.npz", "--json").records[0]["skipped"] == 4
    assert found(made) == PEOPLE


def test_a_gallery_goes_to_other_parameter_sets_and_back(made: Command, people: np.ndarray) -> None:
    first = made("info", "--json").records[0]["parameters"]
    assert made("enroll", "people.npz").code == 0

    for parameters in ("standard", first):
        done = made("rekey", "--parameters", parameters, "--yes")
        assert done.code == 0, done.err
        assert made("info", "--json").records[0]["parameters"] == parameters
        assert made("verify", "--deep").code == 0
        assert found(made) == PEOPLE


def test_a_threshold_is_calibrated(made: Command, people: np.ndarray) -> None:
    generator = np.random.default_rng(0)
    centres = np.repeat(generator.normal(size=(30, 16)), 2, axis=0)
    rows = centres + 0.3 * generator.normal(size=centres.shape)
    np.savez("faces.npz", embeddings=rows, labels=[f"face {i // 2}" for i in range(60)])
    assert made("enroll", "people.npz").code == 0

    done = made("calibrate", "faces.npz", "--fpir", 0.1)

    assert done.code == 0, done.err
    assert made("identify", "people.npz", "--json").records[0]["label"] == "person 0"


@pytest.mark.parametrize(
    "words",
    [
        ("init", "--dimension", 16, "--parameters", "swift", "--gallery", "another"),
        ("identify", "people.npz", "--threshold", 0.1),
        ("enroll", "people.npz"),
        ("verify", "--deep"),
        ("rekey", "--parameters", "standard", "--yes"),
        ("evaluate", "people.npz", "--parameters", "swift", "--output", "report"),
    ],
    ids=lambda words: words[0],
)
def test_the_backend_seal_is_refused_by_name(
    command: Command, people: np.ndarray, words: tuple[object, ...]
) -> None:
    command("key", "new", "--no-passphrase")
    assert command("init", "--dimension", 16, "--parameters", "swift").code == 0

    done = command(*words, "--backend", "seal")

    assert done.code != 0
    assert REFUSED in done.err
    assert "--backend native" in done.err
    assert not Path("report").exists()
    assert command("info", "--gallery", "another").code != 0
    assert command("verify").code == 0


def test_the_backend_seal_is_refused_as_the_way_to_a_hinted_set(
    command: Command, people: np.ndarray
) -> None:
    command("key", "new", "--no-passphrase")
    command("init", "--dimension", 16, "--parameters", "standard")

    done = command("rekey", "--parameters", "swift", "--yes", "--backend", "seal")

    assert done.code != 0
    assert REFUSED in done.err
    assert command("rekey", "--parameters", "swift", "--yes").code == 0, "nothing is in the way"


@pytest.mark.parametrize("version", ["0001", "0002"])
def test_a_key_file_from_before_serves_the_hinted_scheme(
    command: Command, people: np.ndarray, version: str
) -> None:
    shutil.copy(ASSETS / f"{version}.testkey", "owner.key")
    Path("owner.key").chmod(0o600)

    assert command("init", "--dimension", 16, "--parameters", "swift").code == 0
    assert command("enroll", "people.npz").code == 0
    assert found(command) == PEOPLE
