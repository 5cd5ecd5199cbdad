"""Threads of a server: one token's requests wait for each other, and others not for them."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter

import pytest

from gallery.server.gatekeeper import Grant, Scope
from gallery.server.http.state import READERS, WRITERS
from tests.unit.server.http.conftest import Galleries, Prepare


@pytest.mark.parametrize(("kind", "most"), [("read", READERS // 4), ("write", WRITERS // 2)])
def test_a_token_has_some_reads_and_writes_at_a_time_and_others_have_theirs(
    prepare: Prepare, kind: str, most: int
) -> None:
    begun, opened = Counter[str](), threading.Event()

    def work(name: str) -> None:
        begun[name] += 1
        if name == "greedy":
            assert opened.wait(60)

    async def story(galleries: Galleries) -> None:
        call = getattr(galleries.server.state, kind)
        greedy, other = (Grant(name, name, Scope.ENROLL, None) for name in ("greedy", "modest"))
        many = [asyncio.create_task(call(greedy, work, "greedy")) for _ in range(50)]
        while begun["greedy"] < most:
            await asyncio.sleep(0.01)
        await call(other, work, "modest")
        assert begun == {"greedy": most, "modest": 1}
        opened.set()
        await asyncio.gather(*many)
        assert begun["greedy"] == 50

    with prepare() as galleries:
        asyncio.run(story(galleries))
