"""Purges by whoever may enroll: others are served meanwhile, and the tables are written once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import numpy as np
from sqlalchemy import Engine, event

from gallery.client import GalleryClient, GalleryKey
from gallery.parameters import SWIFT
from gallery.server.gatekeeper import Scope
from gallery.server.http import ServerConfig
from tests.support.galleries import names
from tests.support.postgresql import postgresql, postgresql_server
from tests.support.serving import serving

__all__ = ["postgresql", "postgresql_server"]

FLOOD = 45
"""Purges at a time."""


def test_purges_of_one_token_do_not_stop_another_tenants_searches(postgresql: str) -> None:
    key, embeddings = GalleryKey.generate(), np.random.default_rng(3).normal(size=(4, 128))
    vacuums: list[str] = []

    def note(*arguments: object) -> None:
        if str(arguments[2]).startswith("VACUUM"):
            vacuums.append(str(arguments[2]))

    with (
        serving(postgresql, ServerConfig(cache_size=2**24)) as server,
        ThreadPoolExecutor(FLOOD) as attackers,
        ExitStack() as after,
    ):
        token = server.token("attacker", Scope.ENROLL, "theirs")
        with server.connected("tenant") as service:
            made = GalleryClient.create(service, key, "ours", dimension=128, parameters=SWIFT)
            with made as client:
                client.enroll(embeddings, names(4))
                client.remove(["person 3"])  # so that there is nothing left to purge
                event.listen(Engine, "before_cursor_execute", note)
                after.callback(event.remove, Engine, "before_cursor_execute", note)

                def purge(_: int) -> int:
                    headers = {"Authorization": f"Bearer {token}"}
                    address = f"{server.url}/v1/purge"
                    return httpx.post(address, headers=headers, timeout=120).status_code

                flood = [attackers.submit(purge, number) for number in range(2 * FLOOD)]
                found = client.identify(embeddings[:3], threshold=0.01)
                codes = {one.result() for one in flood}

    assert found.decisions.all()
    assert codes == {204}
    assert vacuums == []
