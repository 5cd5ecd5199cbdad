"""The way back to a page: those of galleries alone, wherever an address came from."""

from __future__ import annotations

import pytest

from gallery.desk.pages.way_back import to_unlock, way_back


@pytest.mark.parametrize(
    "page", ["/g/0/identify", "/g/12/people", "/g/1/gallery", f"/g/0/person/{'0a' * 16}"]
)
def test_a_page_of_a_gallery_is_led_back_to(page: str) -> None:
    assert way_back(page) == page
    assert to_unlock(page) == f"/unlock?back={page}"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "/",
        "//evil.example/g/0/identify",
        "https://evil.example",
        "/g/0/identify?x=1",
        "/g/0/identify\n",
        "/g/0/person/remove",
        "/g/-1/identify",
    ],
)
def test_anything_else_leads_to_the_start(address: str) -> None:
    assert way_back(address) == "/"
    assert to_unlock(address) == "/unlock"
