"""A model of syncs: the gallery becomes what the folder is, whatever happens on the way.

The model knows what is in each photo, which references are held for a photo that cannot be read
just now, and which ones nobody knows to have come from the folder. What a sync leaves follows from
that; an interrupted one leaves something between, and the next one that comes to its end sets it
right.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gallery.client import GalleryClient, GalleryKey
from gallery.client.integrity.labels import content_digest
from gallery.client.session import GallerySession
from gallery.server import open_service
from tests.support.galleries import random_embeddings
from tests.support.interception import InterceptedService
from tests.support.syncing import DIMENSION, JPEG, ContentEmbedder, PeopleFolder

PEOPLE = ("Ada", "Edith", "Grace")
NAMES = ("1.jpg", "2.jpg", "deeper/3.jpg")
CONTENTS = ("a", "b", "c", "d", "e")
NOWHERE = "not there"

Enrolled = tuple[str, bytes]
"""Label and content digest of a reference."""


class _InterruptionError(BaseException):
    """What ends a process at any place."""


def digest(content: str) -> bytes:
    return content_digest(JPEG + content.encode())


class FolderMachine(RuleBasedStateMachine):
    """A folder, a gallery, and what is to be known of both."""

    key: GalleryKey

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.people = PeopleFolder(self.folder / "people")
        self.photos: dict[str, str | None] = {}
        """Content of each photo; None where it cannot be read, or gives no embedding."""
        self.held: dict[str, set[Enrolled]] = {}
        """What is enrolled of a photo, and known to be."""
        self.foreign: set[Enrolled] = set()
        """What nobody knows to have come from the folder."""
        self.interrupt: Callable[[], object] = lambda: None
        self.closing = ExitStack()
        self.service = self.closing.enter_context(
            open_service(f"sqlite:///{self.folder / 'gallery.db'}", create=True)
        )
        self.embedder = ContentEmbedder()
        self.embedder.before = lambda: self.interrupt()
        GalleryClient.create(
            self.service,
            self.key,
            dimension=DIMENSION,
            preprocessing=self.embedder.preprocessing,
        ).close()

    def teardown(self) -> None:
        self.closing.close()
        shutil.rmtree(self.folder)

    def client(self) -> GalleryClient:
        """Open the gallery as another process does."""

        def around(call: Callable[[], Any]) -> Any:
            self.interrupt()
            done = call()
            self.interrupt()
            return done

        service = InterceptedService(self.service, ("write", "purge"), around)
        return GalleryClient(service, self.key)

    def gallery(self) -> list[Enrolled]:
        """Return what the gallery holds, sorted."""
        with GallerySession(self.service, self.key, "default") as session:
            contents = [
                session.labels.open_content(item.sealed_label, item.reference_id)
                for block in session.state().blocks
                for item in block.table
            ]
        return sorted((item.label, item.content_digest) for item in contents)

    def sync(self, client: GalleryClient) -> None:
        ledgers = self.folder / "ledgers"
        sync = client.folder_sync(self.people.path, ledgers, embedder=self.embedder)
        sync.apply(sync.plan(), remove_all=True)

    def good(self) -> dict[str, Enrolled]:
        """Return what is to be enrolled of each photo that can be."""
        return {
            name: (name.split("/")[0], digest(content))
            for name, content in self.photos.items()
            if content is not None
        }

    # --- what happens to the folder ---------------------------------------------------------------

    photos_of = st.tuples(st.sampled_from(PEOPLE), st.sampled_from(NAMES)).map("/".join)

    @rule(name=photos_of, content=st.sampled_from(CONTENTS))
    def write(self, name: str, content: str) -> None:
        self.forget(name)
        self.people.write(name, content)
        self.photos[name] = content

    @precondition(lambda self: self.photos)
    @rule(data=st.data(), content=st.sampled_from(CONTENTS), broken=st.booleans())
    def spoil(self, data: st.DataObject, content: str, broken: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.photos)))
        self.forget(name)
        path = self.people.write(name, content, damaged=True)
        if broken:
            path.unlink()
            path.symlink_to(self.folder / NOWHERE)
        self.photos[name] = None

    @precondition(lambda self: self.photos)
    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.photos)))
        self.forget(name)

    @precondition(lambda self: self.photos)
    @rule(data=st.data(), to=photos_of)
    def move(self, data: st.DataObject, to: str) -> None:
        name = data.draw(st.sampled_from(sorted(self.photos)))
        if name != to:
            self.forget(to)
            self.people.move(name, to)
            self.photos[to] = self.photos.pop(name)

    @precondition(lambda self: self.photos)
    @rule(data=st.data(), to=st.sampled_from((*PEOPLE, "Mary")))
    def move_person(self, data: st.DataObject, to: str) -> None:
        person = data.draw(st.sampled_from(sorted(self.photos))).split("/")[0]
        if person != to:
            shutil.rmtree(self.people.path / to, ignore_errors=True)
            self.people.move(person, to)
            self.photos = {
                name.replace(person, to, 1) if name.startswith(f"{person}/") else name: content
                for name, content in self.photos.items()
                if not name.startswith(f"{to}/")
            }

    def forget(self, name: str) -> None:
        (self.people.path / name).unlink(missing_ok=True)
        self.photos.pop(name, None)

    # --- what happens to the gallery otherwise ----------------------------------------------------

    @rule(label=st.sampled_from(PEOPLE), seed=st.integers(0, 2))
    def enroll_by_hand(self, label: str, seed: int) -> None:
        embedding = random_embeddings(1, DIMENSION, seed)
        with self.client() as client:
            client.enroll(embedding, [label])
        self.foreign.add((label, content_digest(embedding.astype("<f8").tobytes())))

    @rule(data=st.data())
    def erase_by_hand(self, data: st.DataObject) -> None:
        labels = sorted({label for label, _ in self.gallery()})
        if labels:
            label = data.draw(st.sampled_from(labels))
            with self.client() as client:
                client.remove(labels=[label])
            self.foreign = {item for item in self.foreign if item[0] != label}

    # --- syncs ------------------------------------------------------------------------------------

    @rule(again=st.integers(0, 1))
    def sync_now_and_then(self, again: int) -> None:
        for _ in range(1 + again):
            self.sync_to_the_end()

    @rule()
    def sync_to_the_end(self) -> None:
        before = set(self.gallery())
        with self.client() as client:
            self.sync(client)
        self.check(before)

    @rule(after=st.integers(0, 8))
    def sync_interrupted(self, after: int) -> None:
        left, before = after, set(self.gallery())

        def interrupt() -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise _InterruptionError

        self.interrupt = interrupt
        try:
            with self.client() as client:
                self.sync(client)
        except _InterruptionError:
            pass
        finally:
            self.interrupt = lambda: None
        if left >= 0:
            self.check(before)
            return
        good = self.good()
        self.foreign = (self.foreign & before) - set(good.values())
        assert self.foreign <= set(self.gallery())
        # Whatever was done for a photo is known to be the folder's.
        for name, item in good.items():
            self.held.setdefault(name, set()).add(item)

    def check(self, before: set[Enrolled]) -> None:
        """Compare the gallery with the folder, after a sync that came to its end."""
        good, now = self.good(), self.gallery()
        self.foreign = (self.foreign & before) - set(good.values())
        unread = {
            name: self.held.get(name, set()) & before for name in self.photos if name not in good
        }
        expected = {*good.values(), *self.foreign}.union(*unread.values())
        assert len(now) == len(set(now))
        assert expected <= set(now)
        # What an interrupted sync has relabelled may be kept for a photo that cannot be read.
        contents = {content for name in unread for _, content in self.held.get(name, ())}
        assert all(content in contents for _, content in set(now) - expected)
        self.held = {name: {item} for name, item in good.items()} | {
            name: {item for item in now if item[1] in {it[1] for it in self.held.get(name, ())}}
            for name in unread
        }

    @rule(damaged=st.booleans())
    def lose_the_ledger(self, damaged: bool) -> None:
        for path in self.folder.glob("ledgers/*.ledger"):
            if damaged:
                path.write_bytes(path.read_bytes()[:-1])
            else:
                path.unlink()
        self.held = {}
        self.foreign = set(self.gallery())

    @initialize()
    def begin_with_something(self) -> None:
        for person, content in zip(PEOPLE, CONTENTS, strict=False):
            self.write(f"{person}/1.jpg", content)
        self.sync_to_the_end()


def test_the_gallery_becomes_what_the_folder_is(
    key: GalleryKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A write after every other photo, so that there is something between.
    monkeypatch.setattr("gallery.client.enrolling.photo_enrollment.COMMIT_EVERY", 2)
    machine = type("Machine", (FolderMachine,), {"key": key})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
