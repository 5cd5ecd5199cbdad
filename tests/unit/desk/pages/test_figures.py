"""Figures and messages on pages."""

import pytest
from jinja2 import Environment

from gallery.desk.pages.figures import distance_text, limit_text, moment_text, sentence


@pytest.mark.parametrize(
    ("distance", "limited", "shown"),
    [
        (0.026, False, "0.0260"),
        (0.0445, False, "0.0445"),
        (11.0, False, "11.0000"),
        (0.03, True, "0.03"),
        (0.3, True, "0.30"),
    ],
)
def test_distances_have_the_same_decimals(distance: float, limited: bool, shown: str) -> None:
    environment = Environment(autoescape=True)
    environment.filters["distance"] = distance_text
    page = environment.from_string("{{ at | distance }}")

    assert page.render(at=distance, is_limited=limited) == shown


@pytest.mark.parametrize(
    ("limit", "shown"), [(0.07, "0.0700"), (10, "10.0000"), (0.12345, "0.12345")]
)
def test_a_limit_is_shown_as_a_distance_unless_it_is_finer(limit: float, shown: str) -> None:
    assert limit_text(limit) == shown


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("the desk is locked", "The desk is locked."),
        ("wrong passphrase. Try again.", "Wrong passphrase. Try again."),
        ("a.jpg: no face", "a.jpg: no face."),
        ("'ada' is here already", "'ada' is here already."),
    ],
)
def test_a_message_becomes_a_sentence_and_names_stay(message: str, shown: str) -> None:
    assert sentence(message) == shown


def test_a_moment_is_read_without_its_offset() -> None:
    assert moment_text(0) == "1970-01-01 00:00:00"
