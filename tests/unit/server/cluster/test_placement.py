"""Blocks are divided evenly, and move only when they must."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gallery.messages import ManifestEntry
from gallery.server.cluster.placement import place_blocks

GALLERY = bytes(range(16))
WORKERS = [f"tcp://10.0.0.{number}:40000" for number in range(1, 9)]


def entries(count: int) -> list[ManifestEntry]:
    return [ManifestEntry(index, 1, bytes(32)) for index in range(count)]


def owners(count: int, workers: list[str], gallery_id: bytes = GALLERY) -> list[str]:
    divided = place_blocks(gallery_id, entries(count), workers)
    found = {entry.index: worker for worker, share in divided.items() for entry in share}
    return [found[index] for index in range(count)]


@given(st.integers(0, 300), st.permutations(WORKERS), st.integers(1, 8))
def test_every_block_has_one_owner_whatever_the_order(
    count: int, shuffled: list[str], chosen: int
) -> None:
    workers = shuffled[:chosen]

    divided = place_blocks(GALLERY, entries(count), workers)

    assert set(divided) == set(workers)
    assert sorted(entry.index for share in divided.values() for entry in share) == [*range(count)]
    assert all(share == sorted(share, key=lambda one: one.index) for share in divided.values())
    assert divided == place_blocks(GALLERY, entries(count), sorted(workers))


@given(st.integers(0, 300), st.sampled_from(WORKERS))
def test_a_lost_worker_moves_its_own_blocks_only(count: int, lost: str) -> None:
    before = owners(count, WORKERS)
    after = owners(count, [worker for worker in WORKERS if worker != lost])

    assert all(old in (new, lost) for old, new in zip(before, after, strict=True))
    assert lost not in after


def test_what_a_gallery_gains_by_growth_moves_nothing() -> None:
    assert owners(1000, WORKERS)[:400] == owners(400, WORKERS)


def test_a_part_of_the_blocks_is_divided_as_the_whole_is() -> None:
    whole = owners(100, WORKERS)

    divided = place_blocks(GALLERY, entries(100)[::7], WORKERS)

    assert all(whole[one.index] == worker for worker, share in divided.items() for one in share)


def test_shares_are_even() -> None:
    # 24,426 blocks hold 100 million references; the shares of 16 workers vary as a binomial
    # distribution does, with a standard deviation of 38.
    sixteen = [f"tcp://10.0.1.{number}:40000" for number in range(16)]

    sizes = [len(share) for share in place_blocks(GALLERY, entries(24_426), sixteen).values()]

    assert max(abs(size - 24_426 / 16) for size in sizes) < 5 * 38


def test_two_galleries_are_divided_differently() -> None:
    assert owners(50, WORKERS) != owners(50, WORKERS, b"another gallery!")
