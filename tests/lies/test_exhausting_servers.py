"""A server that sends more than belongs to a gallery, to exhaust the program of its owner.

Nothing that a server sends can be believed before its MAC was checked, and nothing can be checked
before it is there. So every message has a bound that the owner's own parameters give, and the next
one is taken only when the one before was found to be the owner's.
"""

from __future__ import annotations

import gzip
import itertools
import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from gallery.client import GalleryClient, GalleryKey, write_key_file
from gallery.client.transport import AccessToken, RemoteService
from gallery.errors import GalleryError, MalformedMessageError
from gallery.messages import (
    BlockReferences,
    BlockResult,
    ReferenceTable,
    StoredReference,
)
from gallery.messages.manifest import MAX_BLOCKS
from gallery.messages.stream import framed
from gallery.parameters import SWIFT
from gallery.server import EmbeddedService, open_service
from tests.support.answering import TOKEN
from tests.support.galleries import names, random_embeddings
from tests.support.hostile_server import Attack, HostileServer, hostile_server
from tests.support.interception import InterceptedService

MIB = 2**20
CEILING = 128 * MIB
"""Most memory that client and server, both in this process, may take. Measured: at most 99 MiB,
where each holds the largest table of references that a block can have."""

TAKEN = 64 * MIB
"""Most bytes of an attack that the owner's program takes from the network."""

DIMENSION = 8


@pytest.fixture(scope="module")
def server(key: GalleryKey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileServer]:
    url = f"sqlite:///{tmp_path_factory.mktemp('hostile') / 'gallery.db'}"
    with open_service(url, create=True) as service:
        with GalleryClient.create(
            service, key, dimension=DIMENSION, parameters=SWIFT, threshold=0.1
        ) as client:
            client.enroll(random_embeddings(3, DIMENSION), names(3))
            client.verify(deep=True)  # so that all that is compiled is there
        with hostile_server(service) as opened:
            yield opened


@pytest.fixture
def remote(server: HostileServer) -> Iterator[RemoteService]:
    service = RemoteService(server.url, AccessToken(TOKEN))
    yield service
    service.close()
    server.attacks.clear()
    server.headers.clear()
    server.sent = 0


# --- attacks --------------------------------------------------------------------------------------


def zeros(count: float = float("inf")) -> Iterator[bytes]:
    sent = 0
    while sent < count:
        yield bytes(MIB)
        sent += MIB


def endless(messages: list[bytes]) -> Iterator[bytes]:
    """Begin as the honest answer does, and never end."""
    yield messages[0][:40]
    yield from zeros()


def endless_frame(messages: list[bytes]) -> Iterator[bytes]:
    """Announce a message of 4 GB."""
    yield b"\xff\xff\xff\xff"
    yield from zeros()


def forged_manifest(messages: list[bytes]) -> Iterator[bytes]:
    """Send a manifest of as many blocks as there can be."""
    yield from _of_blocks(messages, MAX_BLOCKS)


def manifest_of_126_mib(messages: list[bytes]) -> Iterator[bytes]:
    """Send a manifest of three million blocks."""
    yield from _of_blocks(messages, 3_000_000)


def _of_blocks(messages: list[bytes], count: int) -> Iterator[bytes]:
    """Yield a manifest of a version far ahead, which nobody signed."""
    start = messages[0][:4] + b"\x01" + messages[0][5:24] + (2**40).to_bytes(8, "little")
    yield start + count.to_bytes(4, "little")
    for first in range(0, count, MAX_BLOCKS):
        some = np.zeros((min(MAX_BLOCKS, count - first), 11), "<u4")
        some[:, 0], some[:, 1] = np.arange(first, first + len(some)), 1
        yield some.tobytes()
    yield bytes(32)


def forged_then_endless(messages: list[bytes]) -> Iterator[bytes]:
    """Announce as many blocks as there can be, and send results without end."""
    yield framed(b"".join(_of_blocks(messages, MAX_BLOCKS)))
    yield from itertools.repeat(framed(messages[-1]))


def huge_manifest_in_search(messages: list[bytes]) -> Iterator[bytes]:
    """Send the manifest of 126 MiB in the answer to a search."""
    yield (36 + 3_000_000 * 44 + 32).to_bytes(4, "little")
    yield from _of_blocks(messages, 3_000_000)


def honest_then_endless(messages: list[bytes]) -> Iterator[bytes]:
    """Send the right answer, and its last result again and again."""
    for message in itertools.chain(messages, itertools.repeat(messages[-1])):
        yield framed(message)


def other_results(messages: list[bytes]) -> Iterator[bytes]:
    """Send the right manifest, and then endless results of what its owner never signed."""
    *before, last = messages
    found = BlockResult.from_bytes(last)
    table = ReferenceTable.of(found.header.gallery_id, 0, 2, [_largest(i) for i in range(4000)])
    wrong = BlockResult(found.header.with_mac(bytes(32)), table, found.distances).to_bytes()
    for message in itertools.chain(before, itertools.repeat(wrong)):
        yield framed(message)


def large_check_sums(messages: list[bytes]) -> Iterator[bytes]:
    """Send check sums of 60 MiB."""
    size = 60 * MIB
    yield framed(messages[0]) + (12 + size).to_bytes(4, "little")
    yield b"EFGM\x01\x00\x13\x00" + size.to_bytes(4, "little")
    yield from zeros(size)
    yield from itertools.repeat(framed(messages[-1]))


def large_table(messages: list[bytes]) -> Iterator[bytes]:
    """Send the largest table of references that a block can have, with the right header."""
    found = BlockReferences.from_bytes(messages[0])
    hint = found.table.hint
    items = [_largest(position) for position in range(4094)]
    table = ReferenceTable.of(found.header.gallery_id, 0, 2, items, hint)
    yield BlockReferences(found.header, table).to_bytes()


def _largest(position: int) -> StoredReference:
    return StoredReference(position, bytes(16), bytes(16), bytes(16), bytes(4096))


def bomb(messages: list[bytes]) -> Iterator[bytes]:
    """Send a gigabyte in a megabyte of gzip, as a header says."""
    yield from itertools.repeat(gzip.compress(bytes(MIB)), 1024)


Use = Callable[[GalleryClient], object]


def enroll(client: GalleryClient) -> object:
    return client.enroll(random_embeddings(1, DIMENSION, seed=5), ["new"])


def identify(client: GalleryClient) -> object:
    return client.identify(random_embeddings(1, DIMENSION))


def identify_two(client: GalleryClient) -> object:
    """Ask for the manifest first, which says how many probes go into a request."""
    return client.identify(random_embeddings(2, DIMENSION))


def read(client: GalleryClient) -> object:
    return list(client.references())


def verify(client: GalleryClient) -> object:
    findings = client.verify(deep=True).findings
    if findings:  # a block that cannot be read is a finding, and no error
        raise MalformedMessageError(findings[0].problem)
    return findings


ATTACKS: list[tuple[str, Attack, Use]] = [
    *((word, endless, use) for word, use in (
        ("manifest", identify_two),
        ("references", read),
        ("block", enroll),
        ("check-sums", enroll),
        ("blocks", verify),
        ("description", identify),
        ("search", identify),
    )),
    ("manifest", forged_manifest, identify_two),
    ("manifest", manifest_of_126_mib, read),
    ("references", large_table, read),
    ("manifest", bomb, identify_two),
    ("search", bomb, identify),
    ("search", endless_frame, identify),
    ("search", forged_then_endless, identify),
    ("search", huge_manifest_in_search, identify),
    ("search", honest_then_endless, identify),
    ("search", other_results, identify),
    ("search", large_check_sums, identify),
]  # fmt: skip


@pytest.mark.parametrize(
    ("word", "attack", "use"), ATTACKS, ids=[f"{w}-{a.__name__}" for w, a, _ in ATTACKS]
)
def test_what_a_server_sends_takes_little_memory_and_is_refused(
    server: HostileServer,
    remote: RemoteService,
    key: GalleryKey,
    word: str,
    attack: Attack,
    use: Use,
) -> None:
    with GalleryClient(remote, key) as client:
        server.attacks[word] = attack
        if attack is bomb:
            server.headers["Content-Encoding"] = "gzip"
        tracemalloc.start()
        try:
            before = tracemalloc.get_traced_memory()[0]
            with pytest.raises(GalleryError) as caught:
                if word == "description":
                    GalleryClient(remote, key).close()
                use(client)
            peak = tracemalloc.get_traced_memory()[1] - before
        finally:
            tracemalloc.stop()

    assert peak < CEILING, f"{peak / MIB:.0f} MiB"
    assert server.sent < TAKEN, f"{server.sent / MIB:.0f} MiB"
    assert caught.value.exit_code in (40, 41, 42, 43, 44, 45, 47)


def test_an_honest_answer_of_the_same_server_is_taken(
    remote: RemoteService, key: GalleryKey
) -> None:
    with GalleryClient(remote, key) as client:
        assert client.identify(random_embeddings(1, DIMENSION)).labels[0, 0] == "person 0"
        assert remote.gallery_names() == ["default"]
        assert client.verify(deep=True).findings == ()
        assert len(list(client.references())) == 3


@pytest.mark.parametrize("attack", [huge_manifest_in_search, forged_then_endless])
def test_the_whole_process_of_an_owner_stays_small_under_attack(
    server: HostileServer, remote: RemoteService, key: GalleryKey, tmp_path: Path, attack: Attack
) -> None:
    write_key_file(tmp_path / "owner.key", key, passphrase=None)
    np.savez(tmp_path / "probes.npz", embeddings=random_embeddings(1, DIMENSION))

    honest = process(server, tmp_path)
    server.attacks["search"] = attack
    attacked = process(server, tmp_path)

    assert (honest[0], attacked[0] in (40, 43)) == (0, True)
    assert attacked[1] - honest[1] < 64 * MIB


def process(server: HostileServer, folder: Path) -> tuple[int, int]:
    """Search in a process of its own; return its exit code and the most memory that it took."""
    environment = os.environ | {
        "GALLERY_KEY": str(folder / "owner.key"),
        "GALLERY_SERVER": server.url,
        "GALLERY_TOKEN": TOKEN,
    }
    program = (
        "import resource, sys\n"
        "from gallery.commands.main import run\n"
        "code = run(['identify', 'probes.npz'])\n"
        "print(code, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    code, taken = done.stderr.split()[-2:]
    unit = 1 if sys.platform == "darwin" else 1024
    return int(code), int(taken) * unit


def test_blocks_that_no_manifest_names_are_counted_beyond_the_first(
    service: EmbeddedService, key: GalleryKey
) -> None:
    listed = tuple(range(2, 60_000))
    GalleryClient.create(service, key, dimension=2).close()
    lying = InterceptedService(service, ["stored_blocks"], lambda _: listed)
    with GalleryClient(lying, key) as client:
        findings = client.verify().findings

    assert len(findings) == 101
    assert findings[-1].subject == f"{len(listed) - 100} more blocks"
