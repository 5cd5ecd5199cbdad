"""Files of embeddings come from anywhere: nothing in them is executed, nor believed unchecked."""

from __future__ import annotations

import io
import pickle
import random
import struct
import sys
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.client.embeddings.sources import (
    SourceKind,
    kind_of,
    open_embeddings,
    read_embeddings,
)
from gallery.errors import MissingDependencyError, SourceError

EMBEDDINGS = np.random.default_rng(0).normal(size=(3, 5))
LABELS = ["Ada Lovelace", "Zürich", "東京"]

each_writer = pytest.mark.parametrize("save", [np.savez, np.savez_compressed])


def npy(array: Any, **options: Any) -> bytes:
    """Return an array as a ``.npy`` file."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.asarray(array), **options)
    return buffer.getvalue()


def npy_claiming(header: str, data: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    """Return a ``.npy`` file with any header before its data."""
    length = struct.pack("<H" if version == (1, 0) else "<I", len(header))
    return b"\x93NUMPY" + bytes(version) + length + header.encode() + data


def archive(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """Write a zip archive of any members."""
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return path


def refuse(path: Path, match: str | None = None) -> None:
    with pytest.raises(SourceError, match=match) as caught:
        read_embeddings(path)
    assert str(path) in str(caught.value)


# --- good files -----------------------------------------------------------------------------------


@each_writer
def test_embeddings_labels_and_model_are_read(tmp_path: Path, save: Callable[..., None]) -> None:
    path = tmp_path / "some.npz"
    save(path, embeddings=EMBEDDINGS, labels=LABELS, model="Facenet")

    found = read_embeddings(path, need_labels=True)

    assert np.array_equal(found.embeddings, EMBEDDINGS)
    assert found.labels == LABELS
    assert found.model == "Facenet"


def test_labels_and_model_may_be_left_out(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", embeddings=EMBEDDINGS)

    found = read_embeddings(tmp_path / "some.npz")

    assert (found.labels, found.model) == ([], None)


def test_labels_that_are_needed_must_be_there(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", embeddings=EMBEDDINGS)

    with pytest.raises(SourceError, match="has no array 'labels', one for each embedding"):
        read_embeddings(tmp_path / "some.npz", need_labels=True)


@pytest.mark.parametrize("dtype", ["i8", "u2", ">i4"])
def test_numbers_may_be_labels(tmp_path: Path, dtype: str) -> None:
    np.savez(tmp_path / "some.npz", embeddings=EMBEDDINGS, labels=np.array([7, 0, 12], dtype))

    assert read_embeddings(tmp_path / "some.npz").labels == ["7", "0", "12"]


def test_one_embedding_may_stand_without_rows(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", embeddings=EMBEDDINGS[0], labels=["Ada"])

    found = read_embeddings(tmp_path / "some.npz")

    assert found.embeddings.shape == (5,)
    assert found.labels == ["Ada"]


@pytest.mark.parametrize("dtype", ["f2", "f4", ">f8", "i8"])
def test_every_type_of_number_and_order_of_memory_is_read(tmp_path: Path, dtype: str) -> None:
    given = np.asfortranarray(np.arange(15).reshape(3, 5).astype(dtype))
    np.savez(tmp_path / "some.npz", embeddings=given)

    assert np.array_equal(read_embeddings(tmp_path / "some.npz").embeddings, given)


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
def test_every_version_of_the_npy_format_is_read(tmp_path: Path, version: tuple[int, int]) -> None:
    path = archive(tmp_path / "some.npz", {"embeddings.npy": npy(EMBEDDINGS, version=version)})

    assert np.array_equal(read_embeddings(path).embeddings, EMBEDDINGS)


def test_other_arrays_are_passed_over_even_unreadable_ones(tmp_path: Path) -> None:
    members = {"embeddings.npy": npy(EMBEDDINGS), "other.npy": b"?", "README": b"hello"}

    found = read_embeddings(archive(tmp_path / "some.npz", members))

    assert np.array_equal(found.embeddings, EMBEDDINGS)


def test_a_well_compressed_file_is_read(tmp_path: Path) -> None:
    ones = np.ones((2000, 512))
    np.savez_compressed(tmp_path / "some.npz", embeddings=ones)

    assert np.array_equal(read_embeddings(tmp_path / "some.npz").embeddings, ones)


# --- some rows at a time --------------------------------------------------------------------------


def in_batches(path: Path, rows: int) -> tuple[list[Any], list[str]]:
    """Return the rows of a file that is read some at a time, after checking how many come."""
    with open_embeddings(path) as source:
        batches = list(source.batches(rows))
        again = list(source.batches(rows))
        assert source.count == sum(len(some) for some, _ in batches)
    sizes = [len(some) for some, _ in batches]
    assert max(sizes) <= rows
    assert [some.tolist() for some, _ in again] == [some.tolist() for some, _ in batches]
    return (
        [row for some, _ in batches for row in some.tolist()],
        [label for _, labels in batches for label in labels],
    )


@each_writer
@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "i8"])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("rows", [1, 4, 11, 100])
def test_reading_some_rows_at_a_time_gives_what_numpy_loads(
    tmp_path: Path, save: Callable[..., None], dtype: str, order: Any, rows: int
) -> None:
    path = tmp_path / "some.npz"
    embeddings = np.arange(55).reshape(11, 5).astype(dtype, order=order)
    labels = np.array([f"Zoë {number}" * (1 + number % 3) for number in range(11)])
    save(path, embeddings=embeddings, labels=labels)

    found, found_labels = in_batches(path, rows)

    with np.load(path) as arrays:
        assert found == arrays["embeddings"].tolist()
        assert found_labels == arrays["labels"].tolist()


def test_rows_are_read_without_the_rest_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "some.npz"
    count = 40_000
    np.savez_compressed(path, embeddings=np.ones((count, 128)), labels=np.arange(count))
    tracemalloc.start()

    try:
        with open_embeddings(path, need_labels=True) as source:
            seen = sum(len(some) for some, _ in source.batches(1000))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert seen == count
    assert peak < 8_000_000, "all of it is 41 MB"


def test_damage_at_the_end_is_noticed_before_the_first_row_is_given_out(tmp_path: Path) -> None:
    path = tmp_path / "some.npz"
    np.savez(path, embeddings=np.random.default_rng(0).normal(size=(5000, 4)))
    data = bytearray(path.read_bytes())
    data[140_000] ^= 1
    path.write_bytes(data)

    with pytest.raises(SourceError, match=r"it is no \.npz file, or a damaged one"):
        with open_embeddings(path):
            raise AssertionError("opened")


def test_a_file_without_rows_has_no_batches(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", embeddings=np.empty((0, 5)), labels=np.empty(0, dtype=str))

    with open_embeddings(tmp_path / "some.npz") as source:
        assert (source.count, list(source.batches(10))) == (0, [])


def test_what_the_system_refuses_is_told_from_damage(tmp_path: Path) -> None:
    path = tmp_path / "some.npz"
    np.savez(path, embeddings=EMBEDDINGS)
    (tmp_path / "loop.npz").symlink_to(tmp_path / "loop.npz")

    refuse(tmp_path / "loop.npz", "Too many levels of symbolic links")


@pytest.mark.parametrize("name", ["some.npz", "some.parquet"])
def test_a_file_that_may_not_be_read_is_not_called_damaged(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse_to_open(path: Path, *_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / name).write_bytes(b"")
    monkeypatch.setattr(Path, "open", refuse_to_open)

    refuse(tmp_path / name, "Permission denied$")


# --- Parquet --------------------------------------------------------------------------------------


def parquet(path: Path, columns: dict[str, Any], model: str | None = None, **options: Any) -> Path:
    """Write a Parquet file."""
    pa = pytest.importorskip("pyarrow")
    table = pa.table(columns)
    if model is not None:
        table = table.replace_schema_metadata({"model": model})
    pytest.importorskip("pyarrow.parquet").write_table(table, path, **options)
    return path


def lists(kind: str, rows: Any = EMBEDDINGS, width: int = 5) -> Any:
    """Return rows as a column of lists."""
    pa = pytest.importorskip("pyarrow")
    value, _, outer = kind.partition(" ")
    number = getattr(pa, value)()
    types = {
        "list": pa.list_(number),
        "large": pa.large_list(number),
        "fixed": pa.list_(number, width),
    }
    values = [None if row is None else list(row) for row in rows]
    if value.startswith("int"):
        values = [[int(number) for number in row] for row in values]
    return pa.array(values, types[outer])


@pytest.mark.parametrize("outer", ["list", "large", "fixed"])
@pytest.mark.parametrize("value", ["float16", "float32", "float64", "int32"])
def test_lists_of_numbers_are_embeddings(tmp_path: Path, outer: str, value: str) -> None:
    given = EMBEDDINGS.astype(value)
    path = parquet(tmp_path / "some.parquet", {"embedding": lists(f"{value} {outer}", given)})

    found = read_embeddings(path)

    assert found.embeddings.dtype == value
    assert np.array_equal(found.embeddings, given)
    assert (found.labels, found.model) == ([], None)


@pytest.mark.parametrize("kind", ["string", "large_string", "dictionary", "int64"])
def test_texts_and_whole_numbers_are_labels(tmp_path: Path, kind: str) -> None:
    pa = pytest.importorskip("pyarrow")
    labels = pa.array([7, 0, 12]) if kind == "int64" else pa.array(LABELS)
    if kind == "dictionary":
        labels = labels.dictionary_encode()
    elif kind == "large_string":
        labels = labels.cast(pa.large_string())
    columns = {"embedding": lists("float64 list"), "label": labels}

    found = read_embeddings(parquet(tmp_path / "some.parquet", columns, model="Facenet"))

    assert found.labels == (["7", "0", "12"] if kind == "int64" else LABELS)
    assert found.model == "Facenet"


@pytest.mark.parametrize("rows", [1, 4, 100])
def test_a_parquet_file_is_read_some_rows_at_a_time(tmp_path: Path, rows: int) -> None:
    embeddings = np.arange(55.0).reshape(11, 5)
    columns = {
        "other": list(range(11)),
        "embedding": lists("float64 list", embeddings),
        "label": [f"Zoë {number}" for number in range(11)],
    }
    path = parquet(tmp_path / "some.PARQUET", columns, row_group_size=3)

    assert in_batches(path, rows) == (embeddings.tolist(), columns["label"])


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([[1.0, 2.0], [3.0]], "not as long as"),
        ([[1.0, 2.0], None], "missing"),
        ([[1.0, 2.0], [3.0, None]], "missing"),
    ],
)
def test_rows_that_are_no_embeddings_are_refused(tmp_path: Path, rows: Any, reason: str) -> None:
    refuse(parquet(tmp_path / "some.parquet", {"embedding": lists("float64 list", rows)}), reason)


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ({"label": LABELS}, "no column 'embedding'; it has label"),
        ({"embedding": [1.0, 2.0]}, "must hold lists of numbers; found double"),
        ({"embedding": [["a"], ["b"]]}, "must hold lists of numbers"),
        ({"embedding": [[1.0], [2.0]], "label": [0.5, 1.5]}, "'label' must hold a text in every"),
        ({"embedding": [[1.0], [2.0]], "label": ["a", None]}, "'label' must hold a text in every"),
    ],
)
def test_a_parquet_file_of_other_columns_is_refused(
    tmp_path: Path, columns: dict[str, Any], reason: str
) -> None:
    refuse(parquet(tmp_path / "some.parquet", columns), reason)


def test_labels_that_are_needed_must_be_a_column(tmp_path: Path) -> None:
    path = parquet(tmp_path / "some.parquet", {"embedding": lists("float64 list")})

    with pytest.raises(SourceError, match="has no column 'label', one for each embedding"):
        read_embeddings(path, need_labels=True)


def test_every_truncation_of_a_parquet_file_is_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path / "some.parquet", {"embedding": lists("float64 list")})
    data = path.read_bytes()

    for size in range(0, len(data), 7):
        path.write_bytes(data[:size])
        refuse(path, "it is no Parquet file, or a damaged one")


def test_without_pyarrow_a_parquet_file_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "some.parquet").write_bytes(b"PAR1")
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    with pytest.raises(MissingDependencyError, match=r"pip install '\.\[parquet\]'"):
        read_embeddings(tmp_path / "some.parquet")


# --- code in files --------------------------------------------------------------------------------


class CreatesFile:
    """What a pickle can do when it is loaded: here, open a file for writing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return open, (str(self.path), "w")


def test_the_pickle_used_below_does_run_code_when_it_is_loaded(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(CreatesFile(tmp_path / "proof"))).close()

    assert (tmp_path / "proof").exists()


@pytest.mark.parametrize("name", ["embeddings", "labels", "model"])
def test_an_array_of_objects_is_refused_and_nothing_in_it_is_executed(
    tmp_path: Path, name: str
) -> None:
    proof = tmp_path / "proof"
    hostile = np.empty(3, dtype=object)
    hostile[:] = [CreatesFile(proof)] * 3
    arrays = {"embeddings": EMBEDDINGS, name: hostile}
    np.savez(tmp_path / "some.npz", **arrays, allow_pickle=True)

    refuse(tmp_path / "some.npz", f"array '{name}' holds Python objects")

    assert not proof.exists()


@pytest.mark.parametrize("descr", ["'|O'", "[('x', '|O')]", "'f8,O'"])
def test_a_hidden_type_of_objects_is_refused_and_nothing_in_it_is_executed(
    tmp_path: Path, descr: str
) -> None:
    proof = tmp_path / "proof"
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': (1,)}}"
    member = npy_claiming(header, pickle.dumps(CreatesFile(proof)))

    refuse(archive(tmp_path / "some.npz", {"embeddings.npy": member}), "holds Python objects")

    assert not proof.exists()


def test_a_pickle_in_place_of_an_array_is_refused_and_not_executed(tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    member = pickle.dumps(CreatesFile(proof))

    refuse(archive(tmp_path / "some.npz", {"embeddings.npy": member}), "is no NumPy array")

    assert not proof.exists()


# --- content that does not fit --------------------------------------------------------------------


def test_a_file_without_embeddings_is_refused_with_what_it_has(tmp_path: Path) -> None:
    np.savez(tmp_path / "some.npz", labels=LABELS)

    refuse(tmp_path / "some.npz", r"no array 'embeddings'; it has labels\. Write it with")


def test_an_empty_archive_is_refused(tmp_path: Path) -> None:
    refuse(archive(tmp_path / "some.npz", {}), "no array 'embeddings'; it has none")


def test_a_member_without_the_ending_that_numpy_writes_is_not_an_array(tmp_path: Path) -> None:
    path = archive(tmp_path / "some.npz", {"embeddings": npy(EMBEDDINGS)})

    refuse(path, "no array 'embeddings'")


@pytest.mark.parametrize(
    "labels",
    [
        LABELS[:2],
        [*LABELS, "one more"],
        [LABELS],
        "Ada Lovelace",
        [],
        [1.0, 2.0, 3.0],
        [True, False, True],
        [b"a", b"b", b"c"],
    ],
    ids=str,
)
def test_labels_that_are_not_one_text_for_each_embedding_are_refused(
    tmp_path: Path, labels: Any
) -> None:
    np.savez(tmp_path / "some.npz", embeddings=EMBEDDINGS, labels=labels)

    refuse(tmp_path / "some.npz", "must be text, one for each of the 3 embeddings")


def test_labels_of_code_points_that_no_text_has_are_refused(tmp_path: Path) -> None:
    header = "{'descr': '<U1', 'fortran_order': False, 'shape': (3,)}"
    members = {
        "embeddings.npy": npy(EMBEDDINGS),
        "labels.npy": npy_claiming(header, b"\xff" * 12),
    }

    refuse(archive(tmp_path / "some.npz", members), "holds what is not text")


@pytest.mark.parametrize("model", [["Facenet", "Dlib"], [], 5, b"Facenet", None], ids=str)
def test_a_model_that_is_not_one_name_is_refused(tmp_path: Path, model: Any) -> None:
    np.savez(tmp_path / "some.npz", embeddings=EMBEDDINGS, model=model, allow_pickle=True)

    refuse(tmp_path / "some.npz", "model")


# --- claims ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape",
    [
        "(10000000000, 1)",
        "(100000, 100000)",
        "(4294967296, 4294967296, 1)",
        "(99999999999999999999999999,)",
        "(0, 99999999999999999999999999)",
        "(2,)",
        "(-1,)",
        "(-1, -1)",
        "(1.0,)",
        "1",
        "None",
    ],
)
def test_a_header_that_claims_what_the_file_does_not_hold_is_refused_without_allocating_for_it(
    tmp_path: Path, shape: str
) -> None:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}"
    path = archive(tmp_path / "some.npz", {"embeddings.npy": npy_claiming(header, bytes(8))})
    tracemalloc.start()

    try:
        refuse(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 5_000_000


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_an_archive_that_backs_such_a_claim_with_a_false_size_is_refused_too(
    tmp_path: Path, compression: int
) -> None:
    count = 250_000_000
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({count},)}}"
    member = npy_claiming(header, bytes(8))
    path = archive(tmp_path / "some.npz", {"embeddings.npy": member}, compression)
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\1\2")
    struct.pack_into("<I", data, entry + 24, len(member) + 8 * (count - 1))
    path.write_bytes(data)
    tracemalloc.start()

    try:
        refuse(path, "not the size that its header claims")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 5_000_000


# --- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "member",
    [
        b"",
        b"\x93NUMPY",
        npy(EMBEDDINGS)[:40],
        npy(EMBEDDINGS)[:-1],
        npy(EMBEDDINGS) + b"\0",
        npy_claiming(""),
        npy_claiming("(" * 9000),
        npy_claiming("{'descr': '<f8', 'shape': (3"),
        npy_claiming("{[]: 3}"),
        npy_claiming("{'descr': '<f8', 'shape': (0,)}"),
        npy_claiming("{'descr': 5, 'fortran_order': False, 'shape': (0,)}"),
        npy_claiming("{'descr': 'nonsense', 'fortran_order': False, 'shape': (0,)}"),
        npy_claiming("__import__('os').system('false')"),
        npy_claiming("{'descr': '<f8', 'fortran_order': False, 'shape': (0,)}", version=(9, 9)),
    ],
    ids=range(14),
)
def test_a_damaged_array_is_refused(tmp_path: Path, member: bytes) -> None:
    refuse(archive(tmp_path / "some.npz", {"embeddings.npy": member}))


def test_a_missing_file_is_named_as_such(tmp_path: Path) -> None:
    refuse(tmp_path / "some.npz", "No such file or directory")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    refuse(tmp_path, "Is a directory")


@pytest.mark.parametrize(
    "data",
    [b"", b"PK", b"not a zip archive" * 100, random.Random(0).randbytes(4096)],
    ids=["empty", "two letters", "text", "noise"],
)
def test_a_file_of_another_kind_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "some.npz"
    path.write_bytes(data)

    refuse(path, r"it is no \.npz file, or a damaged one")


def test_a_lone_npy_file_under_this_name_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "some.npz"
    path.write_bytes(npy(EMBEDDINGS))

    refuse(path, r"it is no \.npz file")


@each_writer
def test_every_truncation_is_refused(tmp_path: Path, save: Callable[..., None]) -> None:
    path = tmp_path / "some.npz"
    save(path, embeddings=EMBEDDINGS, labels=LABELS)
    data = path.read_bytes()

    for size in range(0, len(data), 3):
        path.write_bytes(data[:size])
        refuse(path)


@each_writer
def test_a_flipped_bit_is_refused_or_changes_nothing_that_is_read(
    tmp_path: Path, save: Callable[..., None]
) -> None:
    path = tmp_path / "some.npz"
    save(path, embeddings=EMBEDDINGS, labels=LABELS)
    data = path.read_bytes()

    for bit in random.Random(11).sample(range(8 * len(data)), 1500):
        damaged = bytearray(data)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            found = read_embeddings(path)
        except SourceError:
            continue
        assert np.array_equal(found.embeddings, EMBEDDINGS)
        assert found.labels in (LABELS, []), "a damaged name hides the labels at most"


# --- kinds ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("some.npz", SourceKind.EMBEDDINGS),
        ("some.NPZ", SourceKind.EMBEDDINGS),
        ("some.parquet", SourceKind.EMBEDDINGS),
        ("some.jpg", SourceKind.PHOTO),
        ("some.npy", SourceKind.PHOTO),
        ("some", SourceKind.PHOTO),
    ],
)
def test_a_file_of_embeddings_is_told_by_its_name(
    tmp_path: Path, name: str, kind: SourceKind
) -> None:
    assert kind_of(tmp_path / name) is kind


def test_a_folder_is_a_folder_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "folder.npz").mkdir()

    assert kind_of(tmp_path / "folder.npz") is SourceKind.FOLDER
