"""Uses of the owner's passphrase and key by a command: each thing once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.client import Calibration, GalleryClient, read_key_file
from gallery.client.searching.stored_thresholds import CalibrationSealer
from gallery.server import open_service
from tests.support.counting import count_calls
from tests.unit.commands.conftest import Command


@pytest.mark.parametrize("options", [(), ("--no-passphrase",)])
def test_a_command_reads_the_key_file_once(
    command: Command,
    people: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
) -> None:
    command("key", "new", *options)
    command("init", "--dimension", 16)
    read: list[Path] = []
    real = Path.open

    def counted(path: Path, *arguments: Any, **named: Any) -> Any:
        read.append(path)
        return real(path, *arguments, **named)

    monkeypatch.setattr(Path, "open", counted)

    for words in (
        ("enroll", "people.npz"),
        ("list",),
        ("info",),
        ("identify", "people.npz", "--threshold", 0.1),
        ("match", "people.npz", "person 1", "--threshold", 0.1),
        ("duplicates", "--threshold", 0.1),
        ("verify", "--deep"),
        ("export", "backup"),
        ("import", "backup", "--database", "sqlite:///other.db"),
    ):
        read.clear()
        assert command(*words).code == 0, words
        assert [path.name for path in read].count("owner.key") == 1, words


def test_a_search_opens_the_calibration_once(
    made: Command, people: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    made("enroll", "people.npz")
    key = read_key_file("owner.key", "correct horse")
    with open_service("sqlite:///gallery.db") as service, GalleryClient(service, key) as client:
        client.store_calibration(Calibration(0.1, 0.01, 100, 100, 100, 1_795_435_200))
    opened = count_calls(monkeypatch, CalibrationSealer, "open")

    done = made("identify", "people.npz")

    assert done.code == 0
    assert "threshold 0.1 (calibrated for FPIR 0.01" in done.err
    assert len(opened) == 1
