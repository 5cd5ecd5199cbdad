"""Published systems: quoted with their source, and as measured elsewhere."""

from __future__ import annotations

from benchmarks.compare.published import PUBLISHED


def test_each_is_quoted_with_its_source_and_beside_plain_search() -> None:
    hevec, products = map(str, PUBLISHED)
    assert hevec.startswith("HEVEC (arXiv 2506.17336, MIT licence): 878 to 940 ns a reference")
    assert "14 to 20 times FAISS in the same runs" in hevec
    assert products.startswith("encrypted matrix-vector products (eprint 2025/858): 700 to 780 ns")
    for text in (hevec, products):
        assert "n = 1,000,000; measured elsewhere" in text
        assert text.endswith("and not by this run")
