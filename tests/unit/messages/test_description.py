"""Descriptions of galleries: the range of every property, and versions of the format."""

from __future__ import annotations

import math
import struct
from dataclasses import fields, replace
from typing import Any

import pytest

from gallery.distances import Metric
from gallery.errors import MalformedMessageError
from gallery.messages import GalleryDescription, ModelOrigin, Preprocessing
from gallery.parameters import COMPACT, LIGHT, STANDARD, SWIFT, ParameterSet
from tests.support.builders import description, hinted_description

ORIGIN = ModelOrigin("onnx", "0.0.103", bytes(range(32)), bytes(range(32, 64)))
NOT_A_NUMBER = [math.nan, -math.nan, math.inf, -math.inf, -0.0]


def with_number(data: bytes, old: float, new: float) -> bytes:
    assert data.count(struct.pack("<d", old)) == 1
    return data.replace(struct.pack("<d", old), struct.pack("<d", new))


@pytest.mark.parametrize("value", NOT_A_NUMBER)
def test_a_norm_bound_that_is_not_finite_or_negative_zero_is_malformed(value: float) -> None:
    data = description(norm_bound=2.5).to_bytes()

    with pytest.raises(MalformedMessageError, match="not finite"):
        GalleryDescription.from_bytes(with_number(data, 2.5, value))


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_norm_bound_that_is_not_positive_is_malformed(value: float) -> None:
    data = description(norm_bound=2.5).to_bytes()

    with pytest.raises(MalformedMessageError, match="not positive"):
        GalleryDescription.from_bytes(with_number(data, 2.5, value))


@pytest.mark.parametrize("value", NOT_A_NUMBER)
def test_a_threshold_that_is_not_finite_or_negative_zero_is_malformed(value: float) -> None:
    data = description(threshold=0.25).to_bytes()

    with pytest.raises(MalformedMessageError, match="not finite"):
        GalleryDescription.from_bytes(with_number(data, 0.25, value))


def test_a_negative_threshold_is_malformed() -> None:
    data = description(threshold=0.25).to_bytes()

    with pytest.raises(MalformedMessageError, match="threshold is negative"):
        GalleryDescription.from_bytes(with_number(data, 0.25, -0.25))


def test_a_threshold_of_zero_is_not_the_same_as_none() -> None:
    zero, none = description(threshold=0.0), description(threshold=None)

    assert zero.to_bytes() != none.to_bytes()
    assert GalleryDescription.from_bytes(zero.to_bytes()).threshold == 0.0
    assert GalleryDescription.from_bytes(none.to_bytes()).threshold is None


def test_an_absent_threshold_has_no_value() -> None:
    data = description(threshold=0.25).to_bytes()
    flag = data.index(struct.pack("<d", 0.25)) - 1

    with pytest.raises(MalformedMessageError, match="marked absent"):
        GalleryDescription.from_bytes(data[:flag] + b"\0" + data[flag + 1 :])


def test_a_flag_is_0_or_1() -> None:
    data = description(threshold=0.25).to_bytes()
    flag = data.index(struct.pack("<d", 0.25)) - 1

    with pytest.raises(MalformedMessageError, match="a flag is 2"):
        GalleryDescription.from_bytes(data[:flag] + b"\2" + data[flag + 1 :])


@pytest.mark.parametrize("dimension", [0, 4097, 2**32 - 1])
def test_a_dimension_beyond_1_to_4096_is_malformed(dimension: int) -> None:
    with pytest.raises(MalformedMessageError, match=f"dimension {dimension}"):
        GalleryDescription.from_bytes(description(dimension=dimension).to_bytes())


def test_an_unknown_metric_is_malformed() -> None:
    data = description(metric=Metric.COSINE).to_bytes().replace(b"cosine", b"cosinE")

    with pytest.raises(MalformedMessageError, match="metric 'cosinE'"):
        GalleryDescription.from_bytes(data)


@pytest.mark.parametrize("bad", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80"])
def test_text_that_is_not_utf_8_is_malformed(bad: bytes) -> None:
    data = description(name="x" * len(bad)).to_bytes().replace(b"x" * len(bad), bad)

    with pytest.raises(MalformedMessageError, match="not UTF-8"):
        GalleryDescription.from_bytes(data)


def test_a_parameter_set_of_the_future_still_reads_so_that_its_gallery_can_be_listed() -> None:
    made = description(parameters="next-century")

    assert GalleryDescription.from_bytes(made.to_bytes()) == made


def test_a_seed_reads_as_a_calibration_where_the_parameter_set_is_not_known() -> None:
    made = hinted_description(SWIFT, calibration=b"sealed")
    of_the_future = made.to_bytes().replace(b"swift", b"swipe")

    found = GalleryDescription.from_bytes(of_the_future)

    assert (found.parameters, found.seed) == ("swipe", b"")
    assert found.calibration == made.seed + b"sealed"
    assert found.to_bytes() == of_the_future


@pytest.mark.parametrize("seed", [b"", bytes(31)], ids=["none", "short"])
def test_a_hinted_gallery_without_a_whole_seed_is_malformed(seed: bytes) -> None:
    with pytest.raises(MalformedMessageError, match="no seed of public matrices"):
        GalleryDescription.from_bytes(replace(hinted_description(LIGHT), seed=seed).to_bytes())


def test_an_origin_makes_it_a_description_of_the_second_version() -> None:
    for made in (description(), hinted_description(SWIFT), description(calibration=b"sealed")):
        with_origin = replace(made, origin=ORIGIN)

        assert (made.to_bytes()[4:6], with_origin.to_bytes()[4:6]) == (b"\1\0", b"\2\0")
        assert GalleryDescription.from_bytes(with_origin.to_bytes()) == with_origin
        assert not with_origin.differs_in_properties(made)
        assert with_origin.differs_in_properties(replace(made, dimension=2))


@pytest.mark.parametrize("version", [0, 3, 65535])
def test_a_version_of_the_future_is_refused_by_its_number(version: int) -> None:
    data = bytearray(description(origin=ORIGIN).to_bytes())
    data[4:6] = version.to_bytes(2, "little")

    with pytest.raises(MalformedMessageError, match=f"format version {version}, .* version 2"):
        GalleryDescription.from_bytes(bytes(data))


def test_a_version_that_does_not_fit_its_fields_is_malformed() -> None:
    for made in (description(), description(origin=ORIGIN)):
        data = bytearray(made.to_bytes())
        data[4] ^= 3

        with pytest.raises(MalformedMessageError):
            GalleryDescription.from_bytes(bytes(data))


def test_the_statement_is_the_message_without_its_mac() -> None:
    made = description(mac=b"m" * 32)

    assert made.to_bytes() == made.statement() + b"m" * 32
    assert made.with_mac(b"n" * 32).statement() == made.statement()


def test_every_field_but_the_mac_is_part_of_the_statement() -> None:
    changes: dict[str, Any] = {
        "gallery_id": bytes(16),
        "key_id": bytes(16),
        "name": "visitors",
        "preprocessing": Preprocessing(),
        "metric": Metric.EUCLIDEAN,
        "dimension": 2,
        "parameters": "standard",
        "norm_bound": 2.0,
        "threshold": None,
        "created": 0,
        "calibration": b"sealed",
        "origin": ORIGIN,
    }
    hinted = hinted_description(SWIFT)
    assert {field.name for field in fields(GalleryDescription)} == {*changes, "seed", "mac"}

    for made, possible in ((description(), changes), (hinted, changes | {"seed": bytes(32)})):
        changed = {replace(made, **{name: value}).statement() for name, value in possible.items()}
        assert len(changed | {made.statement()}) == 1 + len(possible)


@pytest.mark.parametrize(
    "parameters, metric, columns",
    [
        (SWIFT, Metric.COSINE, 128),
        (LIGHT, Metric.EUCLIDEAN_L2, 128),
        (SWIFT, Metric.EUCLIDEAN, 129),
        (STANDARD, Metric.COSINE, 130),
        (COMPACT, Metric.EUCLIDEAN, 130),
    ],
    ids=lambda value: str(getattr(value, "name", value)),
)
def test_the_columns_follow_from_parameter_set_metric_and_dimension(
    parameters: ParameterSet, metric: Metric, columns: int
) -> None:
    made = description(parameters=parameters.name, metric=metric, dimension=128)

    assert made.columns == columns


@pytest.mark.parametrize(
    "change",
    [
        {"model": "SFace"},
        {"detector": "opencv"},
        {"align": False},
        {"normalization": "Facenet"},
        {"longest_side": 1601},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_step_of_preprocessing_shows_in_its_one_line(change: dict[str, Any]) -> None:
    usual = description().preprocessing

    changed = replace(usual, **change)

    assert changed.statement != usual.statement
    ((name, value),) = change.items()
    assert f"{name}={value!r}" in changed.statement
    assert "\n" not in changed.statement
