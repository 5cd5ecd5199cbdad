"""Texts that one page of the desk leaves for the next."""

from __future__ import annotations

from gallery.desk.carried_texts import CarriedTexts


def test_a_text_is_found_by_its_identifier_alone() -> None:
    carried = CarriedTexts()

    ada, grace = carried.keep("Ada was erased."), carried.keep("Grace was erased.")

    assert carried.find(ada) == "Ada was erased."
    assert carried.find(grace) == "Grace was erased."
    assert ada != carried.keep("Ada was erased.")
    assert carried.find("") == carried.find("Ada") == ""


def test_the_oldest_texts_give_way() -> None:
    carried = CarriedTexts()

    identifiers = [carried.keep(str(number)) for number in range(1000)]

    kept = [carried.find(item) for item in identifiers]
    assert kept[-1] == "999" and kept[0] == ""
    assert 100 <= sum(map(bool, kept)) <= 500
