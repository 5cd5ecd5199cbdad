"""Tables of people: what is taken from one, and what is refused."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gallery.client import DetailsChange, PersonDetails
from gallery.client.editing.people_table import read_people_table
from gallery.client.embeddings.csv_file import CsvFile
from gallery.errors import GalleryError, SourceError

VISIBLE = st.characters(codec="utf-8", categories=["L", "N", "P", "S"])
# An apostrophe is left out where it would be taken for the one that precedes a formula, and so are
# titles with semicolons, which may be taken for what stands between fields.
TEXTS = st.text(VISIBLE, min_size=1, max_size=20).filter(
    lambda text: text[0] != "'" and ";" not in text
)
RESERVED = {"label", "expires", "references", "undated", "expired", "attributes"}


def named(table: bytes) -> CsvFile:
    return CsvFile("staff.csv", lambda: io.BytesIO(table))


@pytest.mark.parametrize(
    ("table", "code", "told"),
    [
        ("", 50, "must have the title 'label'; there is nothing"),
        ("who,id\nperson 1,1\n", 50, "there is 'who', 'id'"),
        ("label,label\nperson 1,1\n", 50, "one column must have"),
        ("label,id,id\nperson 1,1,2\n", 50, "two columns have the title 'id'"),
        ("label,expires,Expires\nperson 1,,\n", 50, "two columns have the title 'expires'"),
        ("label,references,attributes\nperson 1,2,a=b\n", 50, "references, attributes; take them"),
        ("label\nperson 1\n", 50, "so nothing changes"),
        ("label,id\n", 50, "names nobody"),
        ("label,id\nperson 1,1,2\n", 50, "line 2: 3 fields, where the first row has 2"),
        (
            "label,expires\nperson 1,31.1.2027\n",
            50,
            "the expiry '31.1.2027' is none; write",
        ),
        ("label,a=b\nperson 1,1\n", 38, "line 1: the name of an attribute holds"),
        ("label,id,\nperson 1,1,2\n", 38, "line 2: the name of an attribute is empty"),
        ('label,id\nperson 1,"a\tb"\n', 38, "line 2: the attribute 'id' holds control"),
        (f"label,id\nperson 1,{'x' * 2100}\n", 38, "line 2: the attributes of a person take"),
        ("label,id\n,1\n", 25, "line 2: a label is empty"),
        ("label,id\nperson 1,1\nperson 1 ,2\n", 25, "line 3: 'person 1' stands in line 2 already"),
    ],
)
def test_what_is_no_table_of_people_is_refused(table: str, code: int, told: str) -> None:
    with pytest.raises(GalleryError) as refused:
        read_people_table(named(table.encode()))

    assert refused.value.exit_code == code
    assert refused.value.message.startswith("staff.csv")
    assert told in refused.value.message


def test_a_first_line_without_end_is_told() -> None:
    with pytest.raises(SourceError, match=r"staff\.csv, line .*: field larger than field limit"):
        read_people_table(named(b"a" * (2**20 + 1)))


@given(
    label=TEXTS,
    attributes=st.dictionaries(
        TEXTS.filter(lambda name: "=" not in name and name.casefold() not in RESERVED),
        TEXTS,
        min_size=1,
        max_size=4,
    ),
)
def test_a_table_says_what_was_written_into_it(label: str, attributes: dict[str, str]) -> None:
    wanted, text = PersonDetails(attributes), io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["label", *wanted.attributes])
    writer.writerow([label, *wanted.attributes.values()])

    (found,) = read_people_table(named(text.getvalue().encode())).changes.values()

    assert found == DetailsChange(wanted)
