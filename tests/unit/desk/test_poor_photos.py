"""Poor photos in words: each flaw has its own, and none has a figure."""

from __future__ import annotations

import re
from dataclasses import replace

from gallery.client import FaceQuality, Flaw
from gallery.desk.poor_photos import poor_words
from gallery.desk.texts import english

GOOD = FaceQuality(200, 200, 1.0, 0.1, 200, 2.0, 0.02)
BAD = FaceQuality(20, 20, 0.1, 0.001, 20, 40.0, 0.5, turn=90, rival=15)


def test_a_good_photo_needs_no_words() -> None:
    assert poor_words(GOOD, english()) == ""


def test_words_say_what_is_poor_and_what_to_do() -> None:
    blurred = replace(GOOD, sharpness=0.001)

    assert poor_words(blurred, english()) == "The face is blurred: hold still, and wipe the lens."


def test_every_flaw_has_words_without_figures() -> None:
    shrunk = replace(GOOD, face_size_used=20)
    flaws = {*BAD.flaws(), *shrunk.flaws()}

    assert flaws == set(Flaw)
    for quality in (BAD, shrunk):
        words = poor_words(quality, english())
        assert words.count(".") == len(quality.flaws())
        assert not re.search(r"[0-9%]", words)
