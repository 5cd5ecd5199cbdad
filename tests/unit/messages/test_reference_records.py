"""Reference tables, whatever one is made into: read as one record after the other, or not at all.

Its records are read by sizes that stand in it, in one step where all have as many bytes.
"""

from __future__ import annotations

import struct

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gallery.errors import MalformedMessageError
from gallery.messages import ReferenceTable, StoredReference
from tests.support.builders import GALLERY_ID, reference

COUNT_AT = 8 + 16 + 4 + 8
HINTED = 2**31
RECORD = 54
MOST_OF_A_LABEL = 4096

Fields = tuple[int, int, bytes, tuple[StoredReference, ...]]
Edit = tuple[str, int, bytes]

sizes = st.one_of(
    st.builds(lambda size, count: [size] * count, st.sampled_from([0, 1, 60]), st.integers(0, 5)),
    st.lists(st.sampled_from([0, 1, 2, 54, 60, MOST_OF_A_LABEL]), max_size=5),
)
edits = st.lists(
    st.tuples(
        st.sampled_from(["put", "insert", "delete"]),
        st.integers(COUNT_AT, COUNT_AT + 4 * RECORD),
        st.one_of(st.sampled_from([b"\0", b"\1", b"\xff\xff"]), st.binary(min_size=1, max_size=60)),
    ),
    max_size=3,
)


def changed(data: bytes, edit: Edit) -> bytes:
    how, at, value = edit
    if how == "insert":
        return data[:at] + value + data[at:]
    return data[:at] + (value if how == "put" else b"") + data[at + len(value) :]


def read_one_by_one(data: bytes) -> Fields | None:
    """Return block, version, hint and references, field by field; None if there is an error."""
    index, version = struct.unpack_from("<IQ", data, COUNT_AT - 12)
    at, hint = COUNT_AT + 4, b""
    references: list[StoredReference] = []
    try:
        (count,) = struct.unpack_from("<I", data, COUNT_AT)
        if count & HINTED:
            (size,) = struct.unpack_from("<I", data, at)
            hint, at = data[at + 4 : at + 4 + size], at + 4 + size
            if not size or len(hint) < size:
                return None
        for _ in range(count & ~HINTED):
            position, name, pseudonym, tag, size = struct.unpack_from("<I16s16s16sH", data, at)
            label, at = data[at + RECORD : at + RECORD + size], at + RECORD + size
            ascends = not references or references[-1].position < position
            if not ascends or size > MOST_OF_A_LABEL or len(label) < size:
                return None
            references.append(StoredReference(position, name, pseudonym, tag, label))
    except struct.error:
        return None
    return (index, version, hint, tuple(references)) if at == len(data) else None


@settings(deadline=None, max_examples=400)
@given(sizes=sizes, hint=st.sampled_from([b"", b"a hint"]), edits=edits)
@example(sizes=[0, 0], hint=b"", edits=[("put", COUNT_AT, b"\xff\xff\xff\x7f")])
@example(sizes=[0, 0], hint=b"", edits=[("put", COUNT_AT + 4 + RECORD - 2, b"\x36\0")])
@example(sizes=[1, 1], hint=b"", edits=[("put", COUNT_AT + 4 + RECORD - 2, b"\0\0")])
def test_a_table_is_read_as_its_records_are_one_by_one(
    sizes: list[int], hint: bytes, edits: list[Edit]
) -> None:
    items = tuple(reference(at, sealed_label=bytes(size)) for at, size in enumerate(sizes))
    data = ReferenceTable(GALLERY_ID, 3, 5, items, hint).to_bytes()
    for edit in edits:
        data = changed(data, edit)

    try:
        table = ReferenceTable.from_bytes(data)
    except MalformedMessageError:
        found = None
    else:
        references = tuple(table.references)
        found = (table.block_index, table.block_version, table.hint, references)
        assert table.to_bytes() == data
        assert table.packed.positions.tolist() == [item.position for item in references]
        assert table.packed.values("pseudonym") == [item.pseudonym for item in references]
        assert all(table.at(item.position) == item for item in references)

    assert found == read_one_by_one(data)
