"""A server that shows one state for ever, and a reader that does not take states of any age."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gallery.client import GalleryClient, GalleryKey, StateFile
from gallery.client.editing.conflicts import ConflictRetry
from gallery.client.integrity import clock
from gallery.client.integrity.authentication import Authenticator
from gallery.client.session import GallerySession
from gallery.errors import (
    RolledBackError,
    StaleManifestError,
    UnseenStateError,
    WriteConflictError,
)
from gallery.forwarding import ForwardingService
from gallery.messages import GalleryUpdate, Manifest, SearchRequest, SearchResult
from gallery.parameters import LIGHT
from gallery.protocol import SearchObserver
from gallery.server import EmbeddedService
from tests.support.galleries import names, random_embeddings

WEEK = timedelta(days=7)
DAY = 86400
PROBE = random_embeddings(1, 8)
PROBES = random_embeddings(2, 8)
"""Several: the manifest is asked for first, to know how many of them go into a request."""


class Clock:
    """The clock of this machine, as a test sets it."""

    def __init__(self) -> None:
        self.now = 1_790_000_000

    def seconds(self) -> int:
        return self.now


@pytest.fixture(autouse=True)
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(clock, "seconds", found.seconds)
    return found


@pytest.fixture
def owner(service: EmbeddedService, key: GalleryKey) -> Iterator[GalleryClient]:
    with GalleryClient.create(service, key, dimension=8, parameters=LIGHT, threshold=0.1) as client:
        client.enroll(random_embeddings(3, 8), names(3))
        yield client


@pytest.fixture
def kiosk(
    owner: GalleryClient, service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> Callable[..., GalleryClient]:
    """Opens the gallery as a machine that only searches, through the given service."""

    def opened(shown: object = service, max_age: timedelta | None = WEEK) -> GalleryClient:
        states = StateFile(tmp_path / "kiosk.seen")
        return GalleryClient(shown, key, states=states, max_age=max_age)  # type: ignore[arg-type]

    return opened


class Frozen(ForwardingService):
    """Goes on showing the state that a gallery had once; it takes writes, and keeps them back."""

    def __init__(self, service: EmbeddedService, gallery_id: bytes, *, takes: bool = True) -> None:
        super().__init__(service)
        self._manifest, self._takes = service.manifest(gallery_id), takes

    def manifest(self, gallery_id: bytes) -> Manifest:
        return self._manifest

    def write(self, gallery_id: bytes, update: GalleryUpdate) -> None:
        if not self._takes:
            raise WriteConflictError("another process changed the gallery at the same time")

    def search(
        self, request: SearchRequest, observer: SearchObserver | None = None
    ) -> SearchResult:
        return replace(super().search(request, observer), manifest=self._manifest)


USES: dict[str, Callable[[GalleryClient], object]] = {
    "identify": lambda client: client.identify(PROBE),
    "summary": lambda client: client.summary(),
    "references": lambda client: list(client.references()),
    "enroll": lambda client: client.enroll(random_embeddings(1, 8, seed=9), ["new"]),
    "remove": lambda client: client.remove(["person 1"]),
    "verify": lambda client: client.verify(),
    "refresh": lambda client: client.refresh(accept_unseen=True),
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_state_that_is_too_old_is_refused_by_every_use(
    kiosk: Callable[..., GalleryClient], time: Clock, use: Callable[[GalleryClient], object]
) -> None:
    time.now += 7 * DAY
    with kiosk() as client:
        client.identify(PROBE)
        time.now += 1
        with pytest.raises(StaleManifestError, match="7 days ago, and may be at most 7 days old"):
            use(client)
    with kiosk(max_age=None) as client:
        use(client)


def test_a_removed_person_matches_no_longer_than_the_age_allows(
    owner: GalleryClient,
    service: EmbeddedService,
    kiosk: Callable[..., GalleryClient],
    time: Clock,
) -> None:
    frozen = Frozen(service, owner.description.gallery_id)
    with kiosk(frozen) as client:
        assert client.identify(PROBE).decisions[0]
        owner.remove(["person 0"])
        time.now += 7 * DAY + 1
        with pytest.raises(StaleManifestError):
            client.identify(PROBE)


@pytest.mark.parametrize("asked", ["manifest", "search"])
def test_both_the_manifest_and_the_one_of_an_answer_have_to_be_new(
    owner: GalleryClient,
    service: EmbeddedService,
    kiosk: Callable[..., GalleryClient],
    time: Clock,
    asked: str,
) -> None:
    frozen = Frozen(service, owner.description.gallery_id)
    shown = ForwardingService(service)
    setattr(shown, asked, getattr(frozen, asked))
    time.now += 8 * DAY
    owner.refresh()

    with kiosk(shown) as client, pytest.raises((StaleManifestError, RolledBackError)) as caught:
        client.identify(PROBES)
    # After the newer manifest, the older one is known to be one; before it, it is too old.
    assert caught.type is (StaleManifestError if asked == "manifest" else RolledBackError)


def test_a_refresh_makes_a_state_new_and_changes_nothing_else(
    owner: GalleryClient,
    service: EmbeddedService,
    kiosk: Callable[..., GalleryClient],
    time: Clock,
) -> None:
    former = service.manifest(owner.description.gallery_id)
    time.now += 30 * DAY
    done = owner.refresh()

    assert done == service.manifest(former.gallery_id)
    assert done.signed == time.now
    assert replace(done, version=former.version, signed=former.signed, mac=former.mac) == former
    with kiosk() as client:
        found = client.identify(PROBE)
        assert found.decisions[0]
        assert (found.signed, found.age) == (time.now, 0)
        assert client.summary().age == 0
    assert owner.verify(deep=True).findings == ()


@pytest.mark.parametrize("write", ["enroll", "remove", "compact", "claim"])
def test_what_the_owner_writes_is_dated_but_for_a_claim(
    owner: GalleryClient, service: EmbeddedService, key: GalleryKey, time: Clock, write: str
) -> None:
    owner.remove(["person 2"])
    written = time.now
    time.now += DAY
    if write == "claim":
        with GallerySession(service, key, "default") as session:
            ConflictRetry(session).claim(session.state())
    elif write == "compact":
        owner.enroll(random_embeddings(1, 8, seed=4), ["x"])
        owner.compact()
    else:
        USES[write](owner)

    dated = service.manifest(owner.description.gallery_id).signed
    assert dated == (written if write == "claim" else time.now)


def test_other_writers_take_a_claim_for_one_and_a_refresh_for_none(
    owner: GalleryClient, service: EmbeddedService, key: GalleryKey, time: Clock
) -> None:
    with GallerySession(service, key, "default") as session:
        session.manifest()
        time.now += 1
        owner.refresh()
        session.manifest()
        assert not session.claimed
        ConflictRetry(session).claim(session.state())
    with GallerySession(service, key, "default") as reader:
        reader.manifest()
        with GallerySession(service, key, "default") as writer:
            ConflictRetry(writer).claim(writer.state())
        reader.manifest()
        assert reader.claimed


# --- what a server does with refreshes ------------------------------------------------------------


def test_a_refresh_that_is_kept_back_is_noticed(
    owner: GalleryClient, service: EmbeddedService, key: GalleryKey, tmp_path: Path, time: Clock
) -> None:
    states, gallery_id = StateFile(tmp_path / "owner.seen"), owner.description.gallery_id
    time.now += DAY
    with GalleryClient(Frozen(service, gallery_id), key, states=states) as client:
        client.summary()
        client.refresh()
        with pytest.raises(RolledBackError):
            client.summary()
    with GalleryClient(Frozen(service, gallery_id, takes=False), key) as client:
        with pytest.raises(WriteConflictError):
            client.refresh(accept_unseen=True)


def test_the_state_before_a_refresh_is_refused_by_who_has_seen_it_and_by_its_age(
    owner: GalleryClient,
    service: EmbeddedService,
    kiosk: Callable[..., GalleryClient],
    key: GalleryKey,
    time: Clock,
) -> None:
    before = Frozen(service, owner.description.gallery_id)
    time.now += 8 * DAY
    owner.refresh()

    with kiosk() as client:
        client.identify(PROBE)
    with kiosk(before) as client, pytest.raises(RolledBackError):
        client.identify(PROBE)
    with GalleryClient(before, key, max_age=WEEK) as elsewhere, pytest.raises(StaleManifestError):
        elsewhere.identify(PROBE)


def test_another_manifest_of_the_same_version_is_refused(
    owner: GalleryClient,
    service: EmbeddedService,
    kiosk: Callable[..., GalleryClient],
    key: GalleryKey,
    time: Clock,
) -> None:
    """Two refreshes raced; the server took one, and shows the other, which is signed as well."""
    newest = service.manifest(owner.description.gallery_id)
    signer = Authenticator(key, newest.gallery_id)
    time.now += 1
    lost = signer.successor(newest, newest.entries)
    time.now += 1
    owner.refresh()
    with kiosk() as client:
        client.identify(PROBE)
    shown = ForwardingService(service)
    shown.manifest = lambda gallery_id: lost  # type: ignore[method-assign]

    with kiosk(shown) as client, pytest.raises(RolledBackError):
        client.identify(PROBES)


def test_an_old_state_is_not_signed_anew_beyond_a_given_age(
    owner: GalleryClient, service: EmbeddedService, key: GalleryKey, time: Clock
) -> None:
    """A job on a machine that has lost its state file must not make an old state new."""
    frozen = Frozen(service, owner.description.gallery_id)
    owner.remove(["person 0"])
    time.now += 3 * DAY

    with GalleryClient(frozen, key, max_age=timedelta(days=2)) as job:
        with pytest.raises(StaleManifestError):
            job.refresh(accept_unseen=True)


def test_a_machine_that_has_seen_no_state_makes_no_state_new_unless_told_to(
    owner: GalleryClient, service: EmbeddedService, key: GalleryKey, tmp_path: Path, time: Clock
) -> None:
    frozen = Frozen(service, owner.description.gallery_id)
    before = service.manifest(owner.description.gallery_id)
    time.now += DAY
    states = StateFile(tmp_path / "job.seen")
    with GalleryClient(frozen, key, states=states) as job:
        for _ in range(2):
            with pytest.raises(UnseenStateError, match="has seen no state of gallery 'default'"):
                job.refresh()
        assert service.manifest(owner.description.gallery_id) == before

    with GalleryClient(service, key, states=states) as job:
        assert job.refresh(accept_unseen=True).version == before.version + 1
    time.now += DAY
    with GalleryClient(service, key, states=states) as job:
        assert job.refresh().version == before.version + 2


# --- clocks and the former version ----------------------------------------------------------------


@pytest.mark.parametrize(("ahead", "refused"), [(300, False), (301, True), (400 * DAY, True)])
def test_a_date_in_the_future_is_refused_beyond_what_clocks_may_differ(
    owner: GalleryClient,
    kiosk: Callable[..., GalleryClient],
    time: Clock,
    ahead: int,
    refused: bool,
) -> None:
    time.now += ahead
    owner.refresh()
    time.now -= ahead

    with kiosk() as client:
        if not refused:
            client.identify(PROBE)
            return
        with pytest.raises(StaleManifestError, match="in the future"):
            client.identify(PROBE)
    owner.refresh()  # by a clock that was set right
    with kiosk() as client:
        client.identify(PROBE)


def test_a_manifest_of_the_former_version_has_no_age_and_is_refused_where_one_is_asked_for(
    owner: GalleryClient,
    service: EmbeddedService,
    kiosk: Callable[..., GalleryClient],
    key: GalleryKey,
) -> None:
    newest = service.manifest(owner.description.gallery_id)
    undated = replace(newest, version=newest.version + 1, signed=None)
    signed = Authenticator(key, newest.gallery_id).sign(undated)
    service.write(newest.gallery_id, GalleryUpdate(newest.version, signed, ()))

    with kiosk(max_age=None) as client:
        assert client.identify(PROBE).age is None
        assert client.summary().signed is None
    with kiosk() as client, pytest.raises(StaleManifestError, match="no date"):
        client.identify(PROBE)
    owner.refresh()
    with kiosk() as client:
        assert client.identify(PROBE).age == 0
