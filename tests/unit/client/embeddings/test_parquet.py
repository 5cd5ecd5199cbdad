"""Embeddings out of Parquet files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.client.embeddings.embedding_files import read_embeddings
from gallery.client.embeddings.parquet import ParquetSource
from gallery.errors import MissingDependencyError, SourceError
from tests.support.embedding_files import EMBEDDINGS, LABELS, in_batches, refuse


def parquet(path: Path, columns: dict[str, Any], model: str | None = None, **options: Any) -> Path:
    """Write a Parquet file."""
    pa = pytest.importorskip("pyarrow")
    table = pa.table(columns)
    if model is not None:
        table = table.replace_schema_metadata({"model": model})
    written = pytest.importorskip("pyarrow.parquet").write_table
    try:
        written(table, path, **options)
    except pa.ArrowNotImplementedError as error:  # the oldest supported releases
        pytest.skip(f"this pyarrow writes no such column: {error}")
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
        "view": pa.list_view(number),
        "large view": pa.large_list_view(number),
        "tensor": pa.list_(number, width),
    }
    values = [None if row is None else list(row) for row in rows]
    if value.startswith("int"):
        values = [None if row is None else [int(number) for number in row] for row in values]
    column = pa.array(values, types[outer])
    if outer != "tensor":
        return column
    return pa.ExtensionArray.from_storage(pa.fixed_shape_tensor(number, [width]), column)


@pytest.mark.parametrize("outer", ["list", "large", "fixed", "view", "large view", "tensor"])
@pytest.mark.parametrize("value", ["float16", "float32", "float64", "int32"])
def test_lists_of_numbers_are_embeddings(tmp_path: Path, outer: str, value: str) -> None:
    given = EMBEDDINGS.astype(value)
    path = parquet(tmp_path / "some.parquet", {"embedding": lists(f"{value} {outer}", given)})

    found = read_embeddings(path)

    assert found.embeddings.dtype == value
    assert np.array_equal(found.embeddings, given)
    assert (found.labels, found.model) == ([], None)


@pytest.mark.parametrize("kind", ["string", "large_string", "string_view", "dictionary", "int64"])
def test_texts_and_whole_numbers_are_labels(tmp_path: Path, kind: str) -> None:
    pa = pytest.importorskip("pyarrow")
    labels = pa.array([7, 0, 12]) if kind == "int64" else pa.array(LABELS)
    if kind == "dictionary":
        labels = labels.dictionary_encode()
    elif kind.endswith(("_string", "_view")):
        labels = labels.cast(getattr(pa, kind)())
    columns = {"embedding": lists("float64 list"), "label": labels}

    found = read_embeddings(parquet(tmp_path / "some.parquet", columns, model="Facenet"))

    assert found.labels == (["7", "0", "12"] if kind == "int64" else LABELS)
    assert found.model == "Facenet"


@pytest.mark.parametrize("rows", [1, 4, 100])
@pytest.mark.parametrize("outer", ["view", "large view", "tensor"])
def test_views_and_tensors_are_read_some_rows_at_a_time(
    tmp_path: Path, outer: str, rows: int
) -> None:
    embeddings = np.arange(55.0).reshape(11, 5)
    columns = {"embedding": lists(f"float32 {outer}", embeddings), "label": list("abcdefghijk")}

    path = parquet(tmp_path / "some.parquet", columns, row_group_size=3)

    assert in_batches(path, rows) == (embeddings.tolist(), columns["label"])


@pytest.mark.parametrize(
    ("names", "labelled"),
    [
        (("embedding", "name"), True),
        (("vectors", "label"), True),
        (("anything", "person"), True),
        (("embedding", "path"), False),
    ],
)
def test_other_names_are_taken_where_only_one_column_can_be_meant(
    tmp_path: Path, names: tuple[str, str], labelled: bool
) -> None:
    columns = {names[0]: lists("float64 list"), names[1]: LABELS, "age": [30, 31, 32]}

    found = read_embeddings(parquet(tmp_path / "some.parquet", columns))

    assert np.array_equal(found.embeddings, EMBEDDINGS)
    assert found.labels == (LABELS if labelled else [])


def test_two_columns_of_lists_without_a_name_are_not_clear(tmp_path: Path) -> None:
    columns = {"left": lists("float64 list"), "right": lists("float64 list")}

    refuse(parquet(tmp_path / "some.parquet", columns), "no column 'embedding'; it has left, right")


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


@pytest.mark.parametrize("dictionaries", [True, False])
def test_batches_are_whole_where_row_groups_have_labels_of_their_own(
    tmp_path: Path, dictionaries: bool
) -> None:
    labels = [f"of {number // 3}" for number in range(11)]
    columns = {"embedding": lists("float64 list", np.ones((11, 5))), "label": labels}
    options: dict[str, Any] = {"use_dictionary": dictionaries, "row_group_size": 3}
    source = ParquetSource(parquet(tmp_path / "some.parquet", columns, **options))

    batches = list(source.batches(4, labelled=True))

    assert [len(some) for some, _ in batches] == [4, 4, 3]
    assert [some for _, some in batches] == [labels[:4], labels[4:8], labels[8:]]


def test_a_long_label_of_thousands_of_rows_is_read_once(tmp_path: Path) -> None:
    # A file of a kilobyte stands for 40 MB of labels; with longer ones it stood for gigabytes.
    columns = {
        "embedding": lists("float64 list", np.ones((4000, 5))),
        "label": ["x" * 10_000] * 4000,
    }
    path = parquet(tmp_path / "some.parquet", columns, compression="zstd")

    ((_, labels),) = ParquetSource(path).batches(4096, labelled=True)

    assert labels == columns["label"]
    assert len({id(label) for label in labels}) == 1


def test_row_groups_that_are_read_together_are_of_one_length(tmp_path: Path) -> None:
    rows = [[1.0, 2.0], [3.0]]
    columns = {"embedding": lists("float64 list", rows), "label": ["a", "b"]}

    refuse(parquet(tmp_path / "some.parquet", columns, row_group_size=1), "not as long as")


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
