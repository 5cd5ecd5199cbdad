"""A server that is killed in the middle of its work loses nothing that it has confirmed."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.client.transport import AccessToken, RemoteService, http_connection
from gallery.errors import ServerError
from gallery.parameters import STANDARD, SWIFT, ParameterSet
from gallery.server import open_service
from tests.crashes.conftest import Count
from tests.support.server_process import make_token, start

DIMENSION = 8
KILLS = 2


@dataclass
class Work:
    """What clients did.

    Attributes
    ----------
    confirmed
        Labels whose enrollment was confirmed to a client.
    begun
        Labels whose enrollment was begun.
    errors
        What clients were told when it was not.
    searches
        Searches that were answered.
    """

    confirmed: list[str] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    errors: list[Exception] = field(default_factory=list)
    searches: int = 0


class Clients:
    """Enroll and search until they are told to stop; after an error they go on."""

    def __init__(self, url: str, token: str, key: GalleryKey) -> None:
        self._url, self._token, self._key = url, token, key
        self._stop = threading.Event()
        self.work = Work()
        self.threads = [
            threading.Thread(target=self._repeat, args=(self._enroll, number)) for number in (0, 1)
        ]
        self.threads.append(threading.Thread(target=self._repeat, args=(self._search, 2)))

    def __enter__(self) -> Clients:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self.threads:
            thread.join()

    def _repeat(self, act: object, number: int) -> None:
        assert callable(act)
        service = RemoteService(self._url, AccessToken(self._token))
        turn = 0
        while not self._stop.is_set():
            try:
                act(service, f"{number}-{turn}")
            except Exception as error:
                self.work.errors.append(error)
            turn += 1
        service.close()

    def _enroll(self, service: RemoteService, label: str) -> None:
        self.work.begun.append(label)
        with GalleryClient(service, self._key) as client:
            client.enroll(template(label)[None], [label])
        self.work.confirmed.append(label)

    def _search(self, service: RemoteService, _: str) -> None:
        with GalleryClient(service, self._key) as client:
            found = client.identify(template("first"), threshold=0.01)
        assert found.labels[0, 0] == "first"
        self.work.searches += 1


def template(label: str) -> np.ndarray:
    seed = int.from_bytes(label.encode(), "little")
    return np.random.default_rng(seed).normal(size=DIMENSION)


@pytest.mark.parametrize(
    ("patience", "parameters"),
    [(0.5, SWIFT), (120.0, STANDARD)],
    ids=["clients give up, swift", "clients wait, standard"],
)
def test_every_confirmed_enrollment_is_there_once_after_kills(
    tmp_path: Path,
    patience: float,
    parameters: ParameterSet,
    count: Count,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http_connection, "_RETRY_SECONDS", patience)
    database, key = f"sqlite:///{tmp_path}/gallery.db", GalleryKey.generate()
    token = make_token(database)
    chance = random.Random(0)
    server = start(database, tmp_path / "log")
    try:
        with server.connected(token) as service:
            with GalleryClient.create(
                service, key, dimension=DIMENSION, parameters=parameters
            ) as client:
                client.enroll(template("first")[None], ["first"])
        with Clients(server.url, token, key) as clients:
            for _ in range(KILLS):
                done = len(clients.work.confirmed)
                while len(clients.work.confirmed) < done + 2:
                    time.sleep(0.01)
                time.sleep(chance.random() * 0.3)
                server.kill()
                count.kills += 1
                time.sleep(0.7 if patience < 1 else 0)
                server = start(database, tmp_path / "log", port=server.port)
            done = len(clients.work.confirmed)
            while len(clients.work.confirmed) < done + 2:
                time.sleep(0.01)
        assert server.stop() == 0
    finally:
        server.kill()

    work = clients.work
    assert work.searches > 0
    for error in work.errors:
        assert isinstance(error, ServerError), repr(error)
        assert "no answer from the server" in str(error)
    assert bool(work.errors) == (patience < 1)
    with open_service(database) as opened, GalleryClient(opened, key) as client:
        labels = [item.label for item in client.references()]
        assert client.verify(deep=True).findings == ()
        assert client.identify(template("first"), threshold=0.01).decisions[0]
    assert sorted(labels) == sorted(set(labels)), "nothing is enrolled twice"
    assert {"first", *work.confirmed} <= set(labels) <= {"first", *work.begun}
