"""Problem responses, for programs that may not know the library or its commands."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from gallery.hints import Hint
from gallery.messages import Failure, GalleryContent, Manifest, SealedCheckSums
from gallery.server.http.app import make_app
from tests.support.wording import FOREIGN
from tests.unit.server.http.conftest import Galleries


@pytest.mark.parametrize(
    ("path", "token", "kind", "hint"),
    [
        ("descriptions/nobody", "admin", "GalleryNotFoundError", Hint.MAKE_GALLERY),
        (f"galleries/{'ab' * 16}/manifest", "admin", "GalleryNotFoundError", Hint.MAKE_GALLERY),
        ("galleries", None, "AccessDeniedError", Hint.ASK_FOR_TOKEN),
    ],
)
def test_a_problem_holds_the_message_and_a_client_adds_the_hint(
    shared: Galleries, path: str, token: str | None, kind: str, hint: Hint
) -> None:
    if token is None:
        answer = httpx.get(f"{shared.server.url}/v1/{path}")
    else:
        answer = shared.ask("GET", path, token)
    found = answer.json()

    assert (found["status"], found["title"]) == (answer.status_code, kind)
    assert not FOREIGN.search(found["detail"])
    assert hint.value not in found["detail"]
    error = Failure(found["title"], found["detail"]).error()
    assert str(error) == f"{found['detail']}; {hint.value}"


def test_the_description_of_the_interface_names_no_command() -> None:
    document = make_app(lambda: None).openapi()  # type: ignore[arg-type, return-value]

    assert FOREIGN.findall(str(document)) == []


def test_a_new_gallery_that_comes_with_check_sums_is_refused(shared: Galleries) -> None:
    made = replace(shared.staff, gallery_id=bytes(16), name="another")
    empty = Manifest(bytes(16), 1, ())
    body = GalleryContent(made, empty, SealedCheckSums(bytes(100))).to_bytes()

    answer = shared.ask("POST", "galleries", content=body)

    assert (answer.status_code, answer.json()["title"]) == (400, "MalformedMessageError")
    assert "another" not in shared.ask("GET", "galleries").text
