"""The address that the desk prints."""

from __future__ import annotations

import pytest

from gallery.desk.config import DeskConfig
from gallery.desk.web_server import address_of


@pytest.mark.parametrize(
    ("host", "names", "printed"),
    [
        ("127.0.0.1", (), "127.0.0.1"),
        ("::1", (), "[::1]"),
        ("[::1]", (), "[::1]"),
        ("0.0.0.0", (), "localhost"),
        ("::", ("desk.example.org",), "desk.example.org"),
    ],
)
def test_the_printed_address_can_be_opened(host: str, names: tuple[str, ...], printed: str) -> None:
    config = DeskConfig(host=host, names=names, port=8480)

    assert address_of(config) == f"http://{printed}:8480"
