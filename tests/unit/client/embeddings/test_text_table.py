"""Embeddings out of CSV files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gallery.client.embeddings.embedding_files import open_embeddings, read_embeddings
from gallery.errors import SourceError
from tests.support.embedding_files import in_batches, refuse

VALUES = [[0.5, -1.25, 1e-3], [2.0, 0.0, 7.5], [1.0, 2.0, 3.0]]
LABELS = ["Ada Lovelace", "Zürich, Anna", "東京"]

NUMBERS = """\
"Ada Lovelace",0.5,-1.25,1e-3
"Zürich, Anna",2.0,0,7.5
東京,1,2,3
"""
COMMAS = """\
label;a;b;c
Ada Lovelace;0,5;-1,25;0,001
Zürich, Anna;2,0;0;7,5
東京;1;2;3
"""
LISTS = """\
name,embedding
Ada Lovelace,"[0.5, -1.25, 0.001]"
"Zürich, Anna",[2.0 0. 7.5]
東京,"[1,2,3]"
"""
PANDAS = """\
,label,0,1,2
0,Ada Lovelace,0.5,-1.25,0.001
1,"Zürich, Anna",2.0,0.0,7.5
2,東京,1.0,2.0,3.0
"""


@pytest.mark.parametrize("rows", [1, 2, 100])
@pytest.mark.parametrize(
    "text",
    [
        NUMBERS,
        "label,v0,v1,v2\n" + NUMBERS,
        "label,0,1,2\n" + NUMBERS,
        "Name,1,2,3\r\n" + NUMBERS.replace("\n", "\r\n"),
        "\ufefflabel,v0,v1,v2\n\n" + NUMBERS + "\n\n",
        NUMBERS.rstrip(),
        COMMAS,
        LISTS,
        PANDAS,
        "".join(line + "\n" for line in COMMAS.replace(",", ".").replace(";", "\t").splitlines())
        .replace("Zürich.", "Zürich,"),
        "".join(f"{tail},{head}\n" for head, tail in [
            ("Ada Lovelace", "0.5,-1.25,.001"), ('"Zürich, Anna"', "2,0,7.5"), ("東京", "1,2,3")
        ]),
    ],
)  # fmt: skip
def test_labels_and_values_are_found(tmp_path: Path, text: str, rows: int) -> None:
    path = tmp_path / "some.csv"
    path.write_text(text, "utf-8", newline="")

    assert in_batches(path, rows) == (VALUES, LABELS)
    found = read_embeddings(path, need_labels=True)
    assert np.array_equal(found.embeddings, VALUES)
    assert found.labels == LABELS


@pytest.mark.parametrize("head", ["", "a,b,c\n", "0,1,2\n"])
def test_values_without_labels(tmp_path: Path, head: str) -> None:
    path = tmp_path / "some.csv"
    path.write_text(head + "\n".join(",".join(map(str, row)) for row in VALUES))

    assert in_batches(path, 2) == (VALUES, [])
    with pytest.raises(SourceError, match=r"no column of labels that is clear; it has .*'label'"):
        read_embeddings(path, need_labels=True)
    with open_embeddings(path, need_labels=True, label="Ada") as source:
        assert source.read().labels == ["Ada"] * 3


def test_numbers_may_be_labels_where_the_header_says_so(tmp_path: Path) -> None:
    (tmp_path / "some.csv").write_text("a,y,b\n0.5,7,0.25\n1,8,2\n")

    found = read_embeddings(tmp_path / "some.csv")

    assert found.embeddings.tolist() == [[0.5, 0.25], [1, 2]]
    assert found.labels == ["7", "8"]


def test_a_column_of_text_under_another_name_is_not_taken_for_labels(tmp_path: Path) -> None:
    (tmp_path / "some.csv").write_text("file,a,b\nx.jpg,1,2\n")

    assert read_embeddings(tmp_path / "some.csv").embeddings.tolist() == [[1, 2]]
    with pytest.raises(SourceError, match="it has 'file', 'a', 'b'"):
        read_embeddings(tmp_path / "some.csv", need_labels=True)


def test_what_was_taken_is_said(tmp_path: Path) -> None:
    (tmp_path / "some.csv").write_text("person,file,a,b\nAda,x.jpg,1,2\n")
    (tmp_path / "usual.csv").write_text("label,a,b\nAda,1,2\n")

    with open_embeddings(tmp_path / "some.csv") as source:
        assert source.taken is not None
        said = "embeddings are taken from column 'a' to 'b', labels from 'person'"
        assert source.taken.statement == said
    with open_embeddings(tmp_path / "usual.csv") as source:
        assert source.taken is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is empty"),
        ("\n\n", "is empty"),
        ("label,text\nAda,hello\n", "no columns of values that are clear; it has 'label', 'text'"),
        ("a,b\n[1],[2]\n", "no columns of values that are clear"),
        ("Ada,1,2\nJoan,3\n", "line 2: 2 fields, where the first row has 3"),
        ("Ada,1,2\nJoan,3,?\n", "line 2: column 3 holds no number"),
        ("Ada,1,2\nJoan,3,\n", "line 2: column 3 holds no number"),
        ("Ada,1,2\nJoan,3,1_0\n", "line 2: column 3 holds no number"),
        ("label,v\nAda,[1 2]\nJoan,[1]\n", "line 3: 1 values, where others have 2"),
        ("label,v\nAda,[1 2]\nJoan,[1 ...]\n", "line 3: column 'v' holds no list of numbers"),
        ("label,v\nAda,[1 2]\nJoan,\n", "line 3: column 'v' holds no list of numbers"),
    ],
)
def test_other_text_is_refused_with_the_place_and_without_its_content(
    tmp_path: Path, text: str, reason: str
) -> None:
    (tmp_path / "some.csv").write_text(text)

    refuse(tmp_path / "some.csv", reason)
    with pytest.raises(SourceError) as caught:
        read_embeddings(tmp_path / "some.csv")
    assert "Joan" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    ["Zürich,1,2\n".encode("latin-1"), "Ada,1,2\n".encode("utf-16"), b"Ada,1,2\n\0\xff\xfe"],
)
def test_other_encodings_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "some.csv").write_bytes(data)

    refuse(tmp_path / "some.csv", "UTF-8")


def test_a_field_of_4096_numbers_is_read(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=4096).tolist()
    (tmp_path / "some.csv").write_text(f'label,embedding\nAda,"{values}"\n')

    assert read_embeddings(tmp_path / "some.csv").embeddings.tolist() == [values]
