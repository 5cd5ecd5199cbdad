"""The errors for a camera of the machine that cannot be opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gallery.client.video.devices import obstacle_of


def test_a_camera_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    assert obstacle_of(0, tmp_path).endswith("video0, nor any other camera")
    for name in ("video10", "video2", "video-bus", "audio0"):
        (tmp_path / name).touch()

    said = obstacle_of(0, tmp_path)

    assert f"there is no device {tmp_path / 'video0'}, the cameras" in said
    assert said.endswith("are 2, 10")
    assert obstacle_of(0, tmp_path / "missing").endswith("nor any other camera")


def test_a_camera_without_a_picture_is_in_use_or_none(tmp_path: Path) -> None:
    (tmp_path / "video0").touch()

    assert "another program has it" in obstacle_of(0, tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may use every device")
def test_a_camera_that_the_user_may_not_use_is_told(tmp_path: Path) -> None:
    (tmp_path / "video0").touch(mode=0)

    assert "this user may not use" in obstacle_of(0, tmp_path)
