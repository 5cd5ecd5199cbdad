"""Secrets in the environment: a command has them, and no process that it starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gallery.commands.environment import SECRET_VARIABLES
from tests.unit.commands.conftest import Command

SECRETS = {
    "GALLERY_PASSPHRASE": "correct horse",
    "GALLERY_NEW_PASSPHRASE": "battery staple",
    "GALLERY_TOKEN": "efg_0123456789abcdef_secret",
    "GALLERY_DATABASE": "sqlite:///gallery.db",
    "GALLERY_CAMERA": "rtsp://owner:S3cret@camera.example/stream",
}
OTHERS = {"PGPASSWORD": "S3cret", "CLOUD_SECRET_ACCESS_KEY": "S3cret", "EDITOR": "some-editor"}


def environment_of_a_child() -> str:
    return subprocess.run(
        [sys.executable, "-c", "import os; print(dict(os.environ))"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_a_process_that_a_command_starts_gets_none_of_its_secrets(
    made: Command, people: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(SECRETS) == set(SECRET_VARIABLES)
    assert made("enroll", "people.npz").code == 0
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    seen: list[str] = []

    def agree(question: str, err: bool) -> bool:
        seen.append(environment_of_a_child())
        return True

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.confirm", agree)
    done = made("remove", "person 1")

    assert (done.code, len(seen)) == (0, 1)
    assert not any(name in seen[0] or value in seen[0] for name, value in SECRETS.items())
    assert {name: os.environ.get(name) for name in SECRETS} == SECRETS


def test_pip_gets_no_variable_that_it_does_not_need(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**SECRETS, **OTHERS, "PIP_RETRIES": "2"}.items():
        monkeypatch.setenv(name, value)
    pip = tmp_path / "python"
    pip.write_text(f"#!/bin/sh\nenv > {tmp_path / 'seen'}\nexit 1\n", encoding="utf-8")
    pip.chmod(0o700)
    monkeypatch.setattr("sys.executable", str(pip))

    assert command("samples", "photos", "there").code == 50

    seen = (tmp_path / "seen").read_text(encoding="utf-8")
    assert "PIP_RETRIES=2" in seen and "PATH=" in seen
    for name, value in {**SECRETS, **OTHERS}.items():
        assert name not in seen and value not in seen
