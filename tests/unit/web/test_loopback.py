"""Loopback addresses: those that reach this machine only."""

from __future__ import annotations

import pytest

from gallery.web.loopback import is_loopback


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "[::1]", "localhost"])
def test_addresses_of_this_machine(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "localhost.example.org", "", "a b"])
def test_addresses_that_others_reach(host: str) -> None:
    assert not is_loopback(host)
