"""Photos at the desk: everybody in them is named, hostile files are refused, nothing is stored."""

from __future__ import annotations

import base64
import io
import re
import struct
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gallery.desk.access.scopes import DeskScope, Holder
from tests.support.desks import Desk
from tests.support.photos import LondonPerson

API = "/v1/galleries/default"


def side_by_side(*paths: Path) -> bytes:
    """Return a photo of several people as a JPEG."""
    pictures = [Image.open(path).convert("RGB") for path in paths]
    height = max(picture.height for picture in pictures)
    whole = Image.new("RGB", (sum(picture.width for picture in pictures), height), "grey")
    left = 0
    for picture in pictures:
        whole.paste(picture, (left, 0))
        left += picture.width
    written = io.BytesIO()
    whole.save(written, "JPEG", quality=95)
    return written.getvalue()


def test_everybody_in_a_photo_is_named_and_framed(
    photo_desk: Desk, london: list[LondonPerson]
) -> None:
    owner = photo_desk.program(DeskScope.MANAGE)
    ada, grace, stranger = london[0], london[1], london[5]
    for label, person in (("Ada", ada), ("Grace", grace)):
        files = {"photos": (person.neutral.name, person.neutral.read_bytes(), "image/jpeg")}
        done = owner.post(f"{API}/enroll", data={"label": label}, files=files)
        assert len(done.json()["added"]) == 1, done.text

    photo = side_by_side(ada.smiling, stranger.neutral, grace.smiling)
    files = {"photos": ("three.jpg", photo, "image/jpeg")}
    (found,) = owner.post(f"{API}/identify", files=files).json()["results"]

    assert [face["label"] for face in found["faces"]] == ["Ada", None, "Grace"]
    width = Image.open(io.BytesIO(photo)).width
    lefts = [face["box"]["left"] / width for face in found["faces"]]
    assert [int(left * 3) for left in lefts] == [0, 1, 2]


def test_a_face_of_another_name_holds_the_enrollment_until_somebody_insists(
    photo_desk: Desk, london: list[LondonPerson]
) -> None:
    browser, person = photo_desk.browser(), london[0]

    def enroll(label: str, path: Path, **more: str) -> str:
        files = {"photos": (path.name, path.read_bytes(), "image/jpeg")}
        answer = browser.post("/g/0/enroll", data={"label": label, **more}, files=files)
        assert answer.status_code == 200
        return answer.text

    assert "1 photo of Ada was enrolled" in enroll("Ada", person.neutral)
    held = enroll("Eve", person.smiling)
    assert "Nothing was enrolled yet" in held
    assert re.search(r"is close to Ada \(distance 0\.\d{4}, limit 0\.\d{4}\)", held), held
    assert "1 photo of Eve was enrolled" in enroll("Eve", person.smiling, despite_duplicates="1")
    (undo,) = re.findall(r'name="enrollment" value="([^"]+)"', browser.get("/g/0/enroll").text)
    undone = browser.post("/g/0/undo", data={"enrollment": undo})
    assert "1 reference of Eve was erased again" in undone.text
    people = photo_desk.program(DeskScope.MANAGE).get(f"{API}/people").json()
    assert [item["label"] for item in people] == ["Ada"]


def test_every_face_of_a_photo_counts_as_a_search(
    photo_desk: Desk, london: list[LondonPerson]
) -> None:
    kiosk = photo_desk.program(DeskScope.IDENTIFY)
    photo = side_by_side(london[0].smiling, london[1].smiling, london[2].smiling)
    most = int(photo_desk.state.config.identify_rate.partition("/")[0])
    (name,) = (item.name for item in photo_desk.state.tokens.all())
    photo_desk.state.rates.take(Holder(name, DeskScope.IDENTIFY), most - 2)

    answer = kiosk.post(f"{API}/identify", files={"photos": ("three.jpg", photo, "image/jpeg")})

    assert answer.status_code == 429
    assert "faces" not in answer.json()


def _png_bomb() -> bytes:
    """Return a small PNG that claims 30,000 x 30,000 pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + check

    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def _noise() -> bytes:
    written = io.BytesIO()
    values = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(values).save(written, "JPEG")
    return written.getvalue()


HOSTILE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "text": lambda: b"no picture at all",
    "bomb": _png_bomb,
    "truncated": lambda: _noise()[:400],
    "svg": lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "html in a jpeg's name": lambda: b"<script>alert(1)</script>",
    "polyglot": lambda: b"GIF89a/*" + b"\x00" * 64 + b"*/=1;alert(1)",
    "no face": _noise,
}


def test_hostile_photos_are_failures_of_their_own(photo_desk: Desk) -> None:
    owner, browser = photo_desk.program(DeskScope.MANAGE), photo_desk.browser()
    files = [
        ("photos", (f'../../etc/{kind}"><script>alert(1)</script>.jpg', make(), "image/jpeg"))
        for kind, make in HOSTILE.items()
    ]

    found = owner.post(f"{API}/identify", files=files).json()["results"]
    page = browser.post("/g/0/identify", files=files)

    assert len(found) == len(HOSTILE)
    assert all(item["failure"] and not item["faces"] for item in found)
    assert page.status_code == 200
    assert "<script>alert" not in page.text


def test_a_photo_touches_no_temporary_file(
    photo_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = photo_desk.program(DeskScope.MANAGE)

    def no_file(*_: object, **__: object) -> None:
        raise AssertionError("a temporary file was made")

    monkeypatch.setattr(tempfile, "mkstemp", no_file)
    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", no_file)
    large = _noise() + b"\x00" * 3_000_000

    files = {"photos": ("large.jpg", large, "image/jpeg")}
    answer = owner.post(f"{API}/identify", files=files)

    assert answer.status_code == 200


def test_only_the_faces_that_are_meant_are_looked_at(
    photo_desk: Desk, london: list[LondonPerson]
) -> None:
    owner = photo_desk.program(DeskScope.MANAGE)
    near = Image.open(london[0].neutral).convert("RGB")
    far = Image.open(london[1].neutral).convert("RGB").resize((200, 240))
    whole = Image.new("RGB", (near.width + far.width, near.height), "grey")
    whole.paste(far, (0, 0))
    whole.paste(near, (far.width, 0))
    written = io.BytesIO()
    whole.save(written, "JPEG", quality=95)

    def embed(**which: str) -> dict[str, Any]:
        files = {"photos": ("two.jpg", written.getvalue(), "image/jpeg")}
        (found,) = owner.post(f"{API}/embed", files=files, data=which).json()["results"]
        return dict(found)

    everybody, largest, one = embed(), embed(faces="largest"), embed(faces="one")

    assert len(everybody["faces"]) == 2
    assert largest["faces"][0]["box"] == everybody["faces"][1]["box"]
    assert len(largest["faces"][0]["embedding"]) == 128
    assert (one["faces"], one["failure"]) == ([], "2 faces were found where there must be one")
    body = {"label": "Ada", "faces": "largest"}
    files = {"photos": ("two.jpg", written.getvalue(), "image/jpeg")}
    assert len(owner.post(f"{API}/enroll", data=body, files=files).json()["added"]) == 1


def test_base64_may_be_in_lines_or_a_data_url(photo_desk: Desk, london: list[LondonPerson]) -> None:
    owner, content = photo_desk.program(DeskScope.MANAGE), london[0].neutral.read_bytes()
    plain = base64.b64encode(content).decode()
    photos = [base64.encodebytes(content).decode(), f"data:image/jpeg;base64,{plain}"]

    found = owner.post(f"{API}/identify", json={"photos": photos}).json()["results"]

    assert [len(item["faces"]) for item in found] == [1, 1]
    refused = owner.post(f"{API}/identify", json={"photos": [plain, "*"]})
    assert refused.status_code == 422
    assert "photos.1: it is not base64" in refused.json()["detail"]
