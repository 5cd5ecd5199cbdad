"""No two contents under one secret: at the level of the bytes that are stored and sent.

Two plaintexts under one mask, or two sealed values under one key and nonce, lie open together: a
two-time pad. It threatens when random bytes repeat: on a machine that was put back to a snapshot,
in two copies of one, with a generator that is broken. Here random bytes do repeat, and all that
leaves the owner's machine is entered into a ledger, whether the server took it or not.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pytest

from gallery.arrays import Residues
from gallery.backends import Backend
from gallery.ciphertexts.blocks import from_tiles
from gallery.client import GalleryClient, GalleryKey
from gallery.client.hinted.derivation import BlockKey, ProbeKey
from gallery.client.integrity.labels import LabelSealer
from gallery.client.integrity.sealing import Sealer
from gallery.client.renewal import renew_gallery
from gallery.client.ring.ntt import make_transform, minimal_root
from gallery.client.scheme import Scheme
from gallery.client.scheme_selection import make_scheme
from gallery.errors import DatabaseError
from gallery.forwarding import ForwardingService
from gallery.messages import (
    NO_CHECK_SUMS,
    BlockUpdate,
    GalleryDescription,
    GalleryUpdate,
    Manifest,
    SealedCheckSums,
    SearchRequest,
    SearchResult,
)
from gallery.parameters import (
    COMPACT,
    LIGHT,
    STANDARD,
    SWIFT,
    CkksParameterSet,
    HintedParameterSet,
)
from gallery.protocol import GalleryService, SearchObserver
from gallery.server import EmbeddedService, open_service
from tests.support.galleries import names, random_embeddings
from tests.support.interception import InterceptedService, before

DIMENSION = 4

parameter_sets = pytest.mark.parametrize("parameters", [SWIFT, LIGHT], ids=lambda item: item.name)


# --- random bytes that repeat, and the ledger -----------------------------------------------------


class Replayed:
    """A generator that is put back to an earlier state, as with the machine that it is in."""

    def __init__(self) -> None:
        self.calls = self._kept = 0

    def snapshot(self) -> None:
        """Keep the state."""
        self._kept = self.calls

    def put_back(self) -> None:
        """Go on from the state that was kept."""
        self.calls = self._kept

    def __call__(self, size: int) -> bytes:
        self.calls += 1
        return hashlib.shake_256(self.calls.to_bytes(8, "little")).digest(size)


@pytest.fixture
def replayed(monkeypatch: pytest.MonkeyPatch) -> Replayed:
    """All random bytes come from a generator that can be put back."""
    generator = Replayed()
    monkeypatch.setattr(os, "urandom", generator)
    return generator


@pytest.fixture
def constant(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random bytes are always the same, but for identifiers, which the server wants different."""
    real = os.urandom
    monkeypatch.setattr(os, "urandom", lambda size: real(size) if size == 16 else b"\x07" * size)


class Ledger:
    """Ciphertexts by the nonce that their secrets come from."""

    def __init__(self) -> None:
        self.found: dict[tuple[str, bytes], set[bytes]] = defaultdict(set)
        self.blocks: dict[bytes, Residues] = {}
        self.probes: list[Residues] = []

    def enter(self, update: BlockUpdate) -> None:
        header = update.block.header
        self.found["block", header.nonce].add(header.columns_digest)
        self.blocks[header.columns_digest] = update.block.columns
        for item in update.references:
            self.seal("label", item.sealed_label)

    def seal(self, purpose: str, sealed: bytes) -> None:
        if sealed:
            self.found[purpose, sealed[:12]].add(sealed)

    def nonces(self, purpose: str) -> set[bytes]:
        return {nonce for kind, nonce in self.found if kind == purpose}

    def check(self, parameters: HintedParameterSet, *, blocks: int) -> None:
        """Check that no secret has served two contents, and that there were so many of blocks."""
        assert [kind for (kind, _), contents in self.found.items() if len(contents) > 1] == []
        assert len(self.nonces("block")) == len(self.blocks) == blocks
        columns = list(self.blocks.values())
        for number, one in enumerate(columns):
            for other in columns[:number]:
                assert not lie_open(one, other, parameters)
        for number, one in enumerate(self.probes):
            for other in self.probes[:number]:
                assert not probes_lie_open(one, other, parameters)


class LedgerService(ForwardingService):
    """Enters all that is written or searched into a ledger, then passes it on."""

    def __init__(self, service: GalleryService, ledger: Ledger) -> None:
        super().__init__(service)
        self._ledger = ledger

    def write(self, gallery_id: bytes, update: GalleryUpdate) -> None:
        for item in update.blocks:
            self._ledger.enter(item)
        self._ledger.seal("check sums", update.check_sums.sealed)
        super().write(gallery_id, update)

    def restore(
        self,
        description: GalleryDescription,
        manifest: Manifest,
        blocks: Iterable[BlockUpdate],
        check_sums: SealedCheckSums = NO_CHECK_SUMS,
    ) -> None:
        def entered() -> Iterator[BlockUpdate]:
            for item in blocks:
                self._ledger.enter(item)
                yield item

        self._ledger.seal("check sums", check_sums.sealed)
        super().restore(description, manifest, entered(), check_sums)

    def search(
        self, request: SearchRequest, observer: SearchObserver | None = None
    ) -> SearchResult:
        self._ledger.probes += [probe.constants for probe in request.probes]
        return super().search(request, observer)


# --- what an observer of two ciphertexts could see ------------------------------------------------


def lie_open(one: Residues, other: Residues, parameters: HintedParameterSet) -> bool:
    """Tell whether two blocks have a column whose difference is that of two plaintexts."""
    bound = 2.2 * parameters.column_scale + 100
    primes = np.array(parameters.data_primes, np.int64).reshape(-1, 1, 1, 1, 1)
    difference = ((one.astype(np.int64) - other) % primes).astype(np.uint32)
    return any(
        _largest(
            difference[:, :, :, column].transpose(0, 1, 3, 2).reshape(len(primes), -1), parameters
        )
        <= bound
        for column in range(difference.shape[3])
    )


def probes_lie_open(one: Residues, other: Residues, parameters: HintedParameterSet) -> bool:
    """Tell the same of two probes."""
    bound = 2.2 * parameters.probe_scale + 100
    primes = np.array(parameters.data_primes, np.int64).reshape(-1, 1, 1, 1)
    difference = ((one.astype(np.int64) - other) % primes).astype(np.uint32)
    return any(
        _largest(difference[:, :, column].reshape(len(primes), -1), parameters) <= bound
        for column in range(difference.shape[2])
    )


def _largest(values: Residues, parameters: HintedParameterSet) -> int:
    """Return the largest coefficient of a polynomial of R or R', given in the transform domain."""
    degree, modulus = values.shape[1], parameters.data_modulus
    total = np.zeros(degree, object)
    for prime, row in zip(parameters.data_primes, values, strict=True):
        full = minimal_root(parameters.poly_modulus_degree, prime)
        root = pow(full, parameters.poly_modulus_degree // degree, prime)
        work = np.zeros((degree, 16), np.uint32)
        work[:, 0] = row
        flat = work.reshape(-1)
        make_transform(degree, prime, root).inverse(flat)
        rest = modulus // prime
        total += flat.reshape(degree, 16)[:, 0].astype(object) * rest * pow(rest, -1, prime)
    centred = (total + modulus // 2) % modulus - modulus // 2
    return int(np.abs(centred).max())


# --- one scheme, under a generator that never changes ---------------------------------------------


@pytest.fixture
def scheme(
    service: EmbeddedService, key: GalleryKey, parameters: HintedParameterSet
) -> Iterator[Scheme]:
    with GalleryClient.create(service, key, dimension=DIMENSION, parameters=parameters) as client:
        yield make_scheme(Backend.NATIVE, key, client.description)


def templates(seed: int) -> np.ndarray:
    drawn = random_embeddings(4096, DIMENSION, seed)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def everywhere() -> np.ndarray:
    return np.ones(4096, bool)


@parameter_sets
@pytest.mark.usefixtures("constant")
def test_two_contents_of_a_block_version_have_nothing_in_common(
    scheme: Scheme, parameters: HintedParameterSet
) -> None:
    one, other = (scheme.encrypt_block(templates(seed), everywhere(), 3, 9) for seed in (1, 2))

    assert one.nonce != other.nonce
    assert not lie_open(one.columns, other.columns, parameters)
    assert one.hint != other.hint


@parameter_sets
@pytest.mark.usefixtures("constant")
def test_a_value_that_differs_in_its_last_bit_is_another_content(
    scheme: Scheme, parameters: HintedParameterSet
) -> None:
    close = templates(1)
    close[4000, 2] += parameters.template_grid

    one, other = (
        scheme.encrypt_block(content, everywhere(), 3, 9) for content in (templates(1), close)
    )

    assert one.nonce != other.nonce
    assert not lie_open(one.columns, other.columns, parameters)


@parameter_sets
@pytest.mark.usefixtures("constant")
@pytest.mark.parametrize("place", [(3, 10), (4, 9)])
def test_one_content_at_two_places_is_masked_differently(
    scheme: Scheme, parameters: HintedParameterSet, place: tuple[int, int]
) -> None:
    one = scheme.encrypt_block(templates(1), everywhere(), 3, 9)
    other = scheme.encrypt_block(templates(1), everywhere(), *place)

    assert one.nonce != other.nonce
    assert not lie_open(one.columns, other.columns, parameters)


@parameter_sets
def test_blocks_under_one_secret_would_be_noticed_here(
    scheme: Scheme, parameters: HintedParameterSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BlockKey, "new_nonce", lambda *_: b"\x01" * 32)

    one, other = (scheme.encrypt_block(templates(seed), everywhere(), 3, 9) for seed in (1, 2))

    assert lie_open(one.columns, other.columns, parameters)


@parameter_sets
@pytest.mark.usefixtures("constant")
def test_two_probes_have_nothing_in_common(scheme: Scheme, parameters: HintedParameterSet) -> None:
    one, other = (scheme.encrypt_probe(templates(seed)[0]).constants for seed in (1, 2))

    assert not probes_lie_open(one, other, parameters)


@parameter_sets
def test_probes_under_one_secret_would_be_noticed_here(
    scheme: Scheme, parameters: HintedParameterSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = ProbeKey.draw
    monkeypatch.setattr(os, "urandom", lambda size: bytes(size))
    monkeypatch.setattr(ProbeKey, "draw", lambda self, content: draw(self, b""))

    one, other = (scheme.encrypt_probe(templates(seed)[0]).constants for seed in (1, 2))

    assert probes_lie_open(one, other, parameters)


@pytest.mark.usefixtures("constant")
def test_sealed_values_never_share_a_nonce_unless_they_are_equal(key: GalleryKey) -> None:
    sealer = Sealer(key.subkey("check sums", bytes(16)), bytes(16))
    sealed = [sealer.seal(plain, place) for plain in (b"one", b"two") for place in (b"a", b"b")]

    assert len({item[:12] for item in sealed}) == 4
    assert sealer.seal(b"one", b"a") == sealed[0]
    assert sealer.open(sealed[3], b"b") == b"two"


@pytest.mark.usefixtures("constant")
def test_labels_of_one_reference_never_share_a_nonce(key: GalleryKey) -> None:
    sealer = LabelSealer(key, bytes(16))

    one, other = (sealer.seal(label, bytes(32), bytes(16)) for label in ("Ada", "Grace"))

    assert one[:12] != other[:12]
    assert one != sealer.seal("Ada", bytes(32), b"\x01" * 16)


# --- whole galleries ------------------------------------------------------------------------------

Enroll = Callable[[GalleryService, int], None]


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def owned(
    service: EmbeddedService, key: GalleryKey, ledger: Ledger, parameters: HintedParameterSet
) -> LedgerService:
    """A service with an empty gallery, whose writes are entered into the ledger."""
    GalleryClient.create(service, key, dimension=DIMENSION, parameters=parameters).close()
    return LedgerService(service, ledger)


@pytest.fixture
def enroll(key: GalleryKey) -> Enroll:
    """Enrolls three people who are others with each seed."""

    def act(service: GalleryService, seed: int) -> None:
        labels = [f"{label} of {seed}" for label in names(3)]
        with GalleryClient(service, key) as client:
            client.enroll(random_embeddings(3, DIMENSION, seed), labels)

    return act


@parameter_sets
def test_two_copies_of_a_machine_write_under_different_secrets(
    owned: LedgerService,
    ledger: Ledger,
    key: GalleryKey,
    enroll: Enroll,
    replayed: Replayed,
    parameters: HintedParameterSet,
    tmp_path: Path,
) -> None:
    """Database, key and generator are copied; then each copy enrolls others, and searches."""
    enroll(owned, 0)
    replayed.snapshot()
    shutil.copy(tmp_path / "gallery.db", tmp_path / "copy.db")
    wal = tmp_path / "gallery.db-wal"
    if wal.exists():
        shutil.copy(wal, tmp_path / "copy.db-wal")

    with open_service(f"sqlite:///{tmp_path / 'copy.db'}") as copied:
        for seed, service in ((1, owned), (2, LedgerService(copied, ledger))):
            replayed.put_back()
            enroll(service, seed)
            with GalleryClient(service, key) as client:
                replayed.put_back()
                client.identify(random_embeddings(2, DIMENSION, seed=50 + seed), threshold=0.05)

    ledger.check(parameters, blocks=3)
    assert len(ledger.probes) == 4
    assert len(ledger.nonces("check sums")) == 3
    assert len(ledger.nonces("label")) == 9


@parameter_sets
@pytest.mark.usefixtures("constant")
def test_a_writer_that_loses_a_race_writes_under_another_secret(
    owned: LedgerService,
    ledger: Ledger,
    enroll: Enroll,
    parameters: HintedParameterSet,
) -> None:
    enroll(owned, 0)
    first = [lambda: enroll(owned, 1), lambda: enroll(owned, 2)]
    loser = InterceptedService(owned, ["write"], before(first))

    enroll(loser, 3)

    # Blocks that were refused have left the machine all the same: one of each lost turn.
    ledger.check(parameters, blocks=len(ledger.blocks))
    assert len(ledger.blocks) >= 5


@parameter_sets
@pytest.mark.usefixtures("constant")
@pytest.mark.parametrize("applied", [False, True], ids=["lost request", "lost answer"])
def test_an_interrupted_write_is_repeated_under_another_secret(
    owned: LedgerService,
    ledger: Ledger,
    enroll: Enroll,
    parameters: HintedParameterSet,
    applied: bool,
) -> None:
    enroll(owned, 0)

    def interrupted(call: Callable[[], object]) -> object:
        if applied:
            call()
        raise DatabaseError("the connection was lost")

    # What never reaches the server is entered nowhere else.
    lost = LedgerService(InterceptedService(owned, ["write"], interrupted), ledger)
    for seed in (1, 2):
        with pytest.raises(DatabaseError, match="lost"):
            enroll(lost, seed)
    enroll(owned, 3)

    ledger.check(parameters, blocks=4)


@parameter_sets
@pytest.mark.usefixtures("constant")
def test_a_gallery_that_was_put_back_is_written_under_other_secrets(
    owned: LedgerService,
    ledger: Ledger,
    key: GalleryKey,
    enroll: Enroll,
    parameters: HintedParameterSet,
    tmp_path: Path,
) -> None:
    enroll(owned, 0)
    with GalleryClient(owned, key) as client:
        client.export(tmp_path / "gallery.backup")
        gallery_id = client.description.gallery_id
    enroll(owned, 1)
    owned.delete(gallery_id)
    GalleryClient.restore(owned, key, tmp_path / "gallery.backup").close()
    enroll(owned, 2)

    ledger.check(parameters, blocks=3)
    assert len(ledger.nonces("check sums")) == 3


@parameter_sets
@pytest.mark.usefixtures("constant")
def test_erased_and_enrolled_again_is_under_another_secret(
    owned: LedgerService,
    ledger: Ledger,
    key: GalleryKey,
    enroll: Enroll,
    parameters: HintedParameterSet,
) -> None:
    enroll(owned, 0)
    with GalleryClient(owned, key) as client:
        client.remove(["person 1 of 0"])
    enroll(owned, 1)

    ledger.check(parameters, blocks=3)


@parameter_sets
@pytest.mark.usefixtures("constant")
def test_a_renewed_gallery_is_under_other_secrets(
    owned: LedgerService,
    ledger: Ledger,
    key: GalleryKey,
    other_key: GalleryKey,
    enroll: Enroll,
    parameters: HintedParameterSet,
) -> None:
    enroll(owned, 0)

    renew_gallery(owned, key, other_key)

    ledger.check(parameters, blocks=2)


@parameter_sets
@pytest.mark.usefixtures("constant")
def test_equal_contents_may_be_equal_but_never_two_under_one_secret(
    owned: LedgerService,
    ledger: Ledger,
    key: GalleryKey,
    parameters: HintedParameterSet,
) -> None:
    """A broken generator shows that two probes are equal; it shows nothing of what they are."""
    with GalleryClient(owned, key) as client:
        client.enroll(random_embeddings(3, DIMENSION), names(3))
        same = random_embeddings(1, DIMENSION, seed=8)
        client.identify(np.concatenate([same, same]), threshold=0.05)

    one, other = ledger.probes
    assert np.array_equal(one, other)


# --- what is not protected ------------------------------------------------------------------------


@pytest.mark.usefixtures("constant")
@pytest.mark.parametrize("parameters", [STANDARD, COMPACT], ids=lambda item: item.name)
def test_standard_and_compact_rely_on_random_bytes_that_do_not_repeat(
    service: EmbeddedService, key: GalleryKey, parameters: CkksParameterSet
) -> None:
    """Their noise and their uniform halves are random alone: the difference of two contents that
    were encrypted with the same random bytes is that of the plaintexts."""
    with GalleryClient.create(service, key, dimension=DIMENSION, parameters=parameters) as client:
        scheme = make_scheme(Backend.NATIVE, key, client.description)
    one, other = (scheme.encrypt_block(templates(seed), everywhere(), 3, 9) for seed in (1, 2))

    prime = parameters.data_primes[0]
    differences = (from_tiles(one.columns).astype(np.int64) - from_tiles(other.columns)) % prime
    assert not differences[:, 1, 0].any(), "the uniform halves are the same"
    assert one.seed == other.seed
