"""The cache of embeddings: found again, and nothing else; never in the way."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gallery.client import (
    CacheFolder,
    EmbeddedFace,
    EmbeddingCache,
    FaceBox,
    FaceQuality,
    GalleryKey,
)
from gallery.client.cache import clear_embeddings, kept_embeddings
from gallery.client.photos.model_table import find_model
from gallery.messages import ModelOrigin, Preprocessing
from tests.support.small_disks import fill, mounted_disk

MODEL = find_model("Dlib")
MADE_BY = Preprocessing("Dlib", "dlib", True, "base", 1024)
ORIGIN = ModelOrigin("onnx", "0.0.103", b"m" * 32, b"d" * 32)
KEY = GalleryKey(b"k" * 32, {})


def a_face(seed: int = 0) -> EmbeddedFace:
    quality = FaceQuality(120, 60, 0.87, 0.0123456789, 200, -1.25, None, turn=90)
    return EmbeddedFace(np.random.default_rng(seed).normal(size=128), quality, FaceBox(1, 2, 3, 4))


@pytest.fixture
def folder(tmp_path: Path) -> CacheFolder:
    return CacheFolder(tmp_path / "cache")


def files_of(folder: CacheFolder) -> list[Path]:
    return [path for path in folder.path.rglob("*") if path.is_file()]


def test_a_face_comes_back_to_the_bit(folder: CacheFolder) -> None:
    face = a_face()
    EmbeddingCache(folder, KEY).keep(b"1" * 32, MADE_BY, ORIGIN, face)

    found = EmbeddingCache(CacheFolder(folder.path), KEY).find(b"1" * 32, MODEL, MADE_BY, ORIGIN)

    assert found is not None
    assert found.embedding.tobytes() == face.embedding.tobytes()
    assert (found.quality, found.box) == (face.quality, face.box)


@pytest.mark.parametrize(
    ("made_by", "origin"),
    [
        (replace(MADE_BY, align=False), ORIGIN),
        (replace(MADE_BY, normalization="Facenet"), ORIGIN),
        (replace(MADE_BY, detector="opencv"), ORIGIN),
        (MADE_BY, replace(ORIGIN, model_digest=b"n" * 32)),
        (MADE_BY, replace(ORIGIN, detector_digest=b"n" * 32)),
        (MADE_BY, replace(ORIGIN, deepface="0.0.104")),
        (MADE_BY, replace(ORIGIN, runtime="tensorflow")),
    ],
)
def test_what_was_embedded_in_another_way_is_not_found(
    folder: CacheFolder, made_by: Preprocessing, origin: ModelOrigin
) -> None:
    cache = EmbeddingCache(folder, KEY)
    cache.keep(b"1" * 32, MADE_BY, ORIGIN, a_face())
    assert cache.find(b"1" * 32, MODEL, made_by, origin) is None
    assert cache.find(b"2" * 32, MODEL, MADE_BY, ORIGIN) is None


def test_another_key_finds_nothing_and_clears_nothing(folder: CacheFolder) -> None:
    cache, other = EmbeddingCache(folder, KEY), EmbeddingCache(folder, GalleryKey(b"o" * 32, {}))
    cache.keep(b"1" * 32, MADE_BY, ORIGIN, a_face())
    assert other.find(b"1" * 32, MODEL, MADE_BY, ORIGIN) is None
    other.clear()
    assert cache.find(b"1" * 32, MODEL, MADE_BY, ORIGIN) is not None


def test_the_folder_says_nothing_without_the_key(folder: CacheFolder) -> None:
    digest, face = os.urandom(32), a_face()
    EmbeddingCache(folder, KEY).keep(digest, MADE_BY, ORIGIN, face)
    (path,) = files_of(folder)
    content = path.read_bytes()
    for secret in (digest, face.embedding.tobytes()[:16], b"Dlib", b"face_size"):
        assert secret not in content
        assert secret.hex() not in str(path)
    assert path.stat().st_mode & 0o777 == 0o600
    for parent in path.relative_to(folder.path.parent).parents[:-1]:
        assert (folder.path.parent / parent).stat().st_mode & 0o777 == 0o700


def _cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _flipped(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


@pytest.mark.parametrize("damage", [_cut, _flipped, lambda _: b""])
def test_what_is_damaged_is_not_found(
    folder: CacheFolder, damage: Callable[[bytes], bytes]
) -> None:
    cache = EmbeddingCache(folder, KEY)
    cache.keep(b"1" * 32, MADE_BY, ORIGIN, a_face())
    (path,) = files_of(folder)
    path.write_bytes(damage(path.read_bytes()))
    assert cache.find(b"1" * 32, MODEL, MADE_BY, ORIGIN) is None
    cache.keep(b"1" * 32, MADE_BY, ORIGIN, a_face(1))
    found = cache.find(b"1" * 32, MODEL, MADE_BY, ORIGIN)
    assert found is not None
    assert np.array_equal(found.embedding, a_face(1).embedding)


def test_one_face_does_not_stand_for_another(folder: CacheFolder) -> None:
    cache = EmbeddingCache(folder, KEY)
    cache.keep(b"1" * 32, MADE_BY, ORIGIN, a_face(1))
    (first,) = files_of(folder)
    cache.keep(b"2" * 32, MADE_BY, ORIGIN, a_face(2))
    (second,) = set(files_of(folder)) - {first}
    second.write_bytes(first.read_bytes())
    assert cache.find(b"2" * 32, MODEL, MADE_BY, ORIGIN) is None


def test_what_is_erased_is_forgotten_and_the_rest_stays(folder: CacheFolder) -> None:
    cache = EmbeddingCache(folder, KEY)
    for name in (b"1", b"2", b"3"):
        cache.keep(name * 32, MADE_BY, ORIGIN, a_face())
    cache.forget({b"2" * 32})
    kept = [
        cache.find(name * 32, MODEL, MADE_BY, ORIGIN) is not None for name in (b"1", b"2", b"3")
    ]
    assert kept == [True, False, True]
    assert kept_embeddings(folder)[0] == 2


def test_a_cache_that_was_switched_off_forgets_and_keeps_nothing_more(folder: CacheFolder) -> None:
    EmbeddingCache(folder, KEY).keep(b"1" * 32, MADE_BY, ORIGIN, a_face())
    off = EmbeddingCache(CacheFolder(folder.path, limit=0), KEY)
    off.keep(b"2" * 32, MADE_BY, ORIGIN, a_face())
    assert kept_embeddings(folder)[0] == 1
    off.forget({b"1" * 32})
    assert kept_embeddings(folder)[0] == 0


def test_what_cannot_be_removed_is_counted(
    folder: CacheFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unlink(path: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    cache = EmbeddingCache(folder, KEY)
    for name in (b"1", b"2"):
        cache.keep(name * 32, MADE_BY, ORIGIN, a_face())
    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", unlink)
        assert cache.forget({b"1" * 32}) == 1
    assert cache.forget({b"1" * 32}) == 0


def test_the_cache_stays_within_its_limit(tmp_path: Path) -> None:
    folder = CacheFolder(tmp_path, limit=8 * 20_000)
    cache = EmbeddingCache(folder, KEY)
    for number in range(40):
        cache.keep(bytes([number]) * 32, MADE_BY, ORIGIN, a_face())
        for place, path in enumerate(
            sorted(files_of(folder), key=lambda item: item.stat().st_mtime)
        ):
            os.utime(path, (1000 + place, 1000 + place))
    count, size = kept_embeddings(folder)
    assert 5 < count < 20
    assert size <= 20_000
    assert cache.find(bytes([39]) * 32, MODEL, MADE_BY, ORIGIN) is not None
    assert cache.find(bytes([0]) * 32, MODEL, MADE_BY, ORIGIN) is None


def test_clearing_leaves_what_is_not_its_own(folder: CacheFolder) -> None:
    cache = EmbeddingCache(folder, KEY)
    cache.keep(b"1" * 32, MADE_BY, ORIGIN, a_face())
    (path,) = files_of(folder)
    (path.parent / "notes.txt").write_text("mine")
    clear_embeddings(folder)
    assert kept_embeddings(folder) == (0, 0)
    assert (path.parent / "notes.txt").read_text() == "mine"


def test_a_folder_that_cannot_be_made_keeps_nobody_from_anything(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told: list[str] = []
    cache = EmbeddingCache(CacheFolder(tmp_path / "file" / "cache", told=told.append), KEY)
    cache.keep(b"1" * 32, MADE_BY, ORIGIN, a_face())
    cache.keep(b"2" * 32, MADE_BY, ORIGIN, a_face())
    assert cache.find(b"1" * 32, MODEL, MADE_BY, ORIGIN) is None
    cache.forget({b"1" * 32})
    assert len(told) == 1


def test_a_full_disk_keeps_nobody_from_anything(tmp_path: Path) -> None:
    told: list[str] = []
    with mounted_disk(tmp_path / "disk", "64k") as disk:
        cache = EmbeddingCache(CacheFolder(disk / "cache", told=told.append), KEY)
        cache.keep(b"1" * 32, MADE_BY, ORIGIN, a_face())
        fill(disk)

        cache.keep(b"2" * 32, MADE_BY, ORIGIN, a_face())

        assert cache.find(b"1" * 32, MODEL, MADE_BY, ORIGIN) is not None
        assert cache.find(b"2" * 32, MODEL, MADE_BY, ORIGIN) is None
        assert not list(disk.rglob("*partial*"))
        assert len(told) == 1
        assert "No space left on device" in told[0]


def test_owners_processes_that_share_a_cache_find_what_is_of_the_photo(tmp_path: Path) -> None:
    faces = [a_face(number) for number in range(24)]

    def work(seed: int) -> int:
        """Keep, find and forget in any order; return how often something was found."""
        cache = EmbeddingCache(CacheFolder(tmp_path, limit=8 * 20_000), KEY)
        random, hits = np.random.default_rng(seed), 0
        for number in random.integers(len(faces), size=150).tolist():
            digest = bytes([number]) * 32
            found = cache.find(digest, MODEL, MADE_BY, ORIGIN)
            if found is None:
                cache.keep(digest, MADE_BY, ORIGIN, faces[number])
            else:
                hits += 1
                assert found.embedding.tobytes() == faces[number].embedding.tobytes()
            if random.random() < 0.1:
                cache.forget({digest})
        return hits

    with ThreadPoolExecutor(4) as pool:
        assert min(pool.map(work, range(4))) > 0

    assert not list(tmp_path.rglob("*partial*"))
