"""The desk's API with ready embeddings: what each call does, and what its errors say."""

from __future__ import annotations

import json
from typing import Any

import httpx
import numpy as np
import pytest

from gallery.desk.access.scopes import DeskScope
from tests.support.desks import Desk
from tests.support.galleries import random_embeddings

API = "/v1/galleries/default"


@pytest.fixture
def embeddings() -> list[list[float]]:
    """Two embeddings of Ada's, and one of Grace's."""
    found: list[list[float]] = random_embeddings(3, 8).tolist()
    return found


@pytest.fixture
def enrolled(desk: Desk, embeddings: list[list[float]]) -> Desk:
    """A desk with Ada and Grace enrolled."""
    program = desk.program(DeskScope.ENROLL)
    for label, some in (("Ada", embeddings[:2]), ("Grace", embeddings[2:])):
        done = program.post(f"{API}/enroll", json={"label": label, "embeddings": some})
        assert done.status_code == 200
        assert len(done.json()["added"]) == len(some)
    return desk


def test_who_was_enrolled_is_identified(enrolled: Desk, embeddings: list[list[float]]) -> None:
    program = enrolled.program(DeskScope.MANAGE)

    found = program.post(f"{API}/identify", json={"embeddings": embeddings, "top": 2}).json()

    faces = [result["faces"][0] for result in found["results"]]
    assert [face["label"] for face in faces] == ["Ada", "Ada", "Grace"]
    assert {face["decision"] for face in faces} == {"match"}
    assert [item["label"] for item in faces[2]["candidates"]] == ["Grace", "Ada"]
    assert faces[0]["threshold"] == 0.3


def test_a_threshold_is_a_number_or_one_of_the_gallerys_own(
    enrolled: Desk, embeddings: list[list[float]]
) -> None:
    owner, name = enrolled.program(DeskScope.MANAGE), "door"
    with enrolled.state.owner.gallery("default") as opened:
        opened.client.set_threshold(0.123, name=name)

    def limit(threshold: object) -> Any:
        body = {"embeddings": embeddings[:1], "threshold": threshold}
        answer = owner.post(f"{API}/identify", json=body)
        return answer.json()["results"][0]["faces"][0]["threshold"] if answer.is_success else answer

    assert [limit(item) for item in (None, 0.2, "0.2", name)] == [0.3, 0.2, 0.2, 0.123]
    assert (limit("gate").status_code, limit(-1).status_code) == (422, 422)


def test_a_stranger_is_nobody(enrolled: Desk) -> None:
    probe = (-random_embeddings(1, 8)).tolist()

    found = enrolled.program(DeskScope.MANAGE).post(f"{API}/identify", json={"embeddings": probe})

    face = found.json()["results"][0]["faces"][0]
    assert (face["decision"], face["label"]) == ("non-match", None)


def test_a_token_that_only_identifies_learns_decisions_alone(
    enrolled: Desk, embeddings: list[list[float]]
) -> None:
    kiosk = enrolled.program(DeskScope.IDENTIFY)
    stranger = (-np.array(embeddings[:1])).tolist()

    body = {"embeddings": [embeddings[0], *stranger], "top": 2, "threshold": 2.0}
    found = kiosk.post(f"{API}/identify", json=body)

    known, unknown = (result["faces"][0] for result in found.json()["results"])
    assert (known["decision"], known["label"], known["candidates"]) == ("match", "Ada", [])
    assert known["distance"] == round(known["distance"], 2)
    # Its own threshold is of no account: it would make a scale of distances out of decisions.
    assert known["threshold"] == 0.3
    assert (unknown["decision"], unknown["distance"]) == ("non-match", None)


def lines_of(answer: httpx.Response) -> list[dict[str, Any]]:
    """Return the documents of an answer in lines."""
    assert answer.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answer.text.splitlines()]


def test_a_batch_gives_what_single_searches_give(
    enrolled: Desk, embeddings: list[list[float]]
) -> None:
    program, body = enrolled.program(DeskScope.MANAGE), {"embeddings": embeddings, "top": 2}

    together = program.post(f"{API}/identify", json=body).json()["results"]

    assert lines_of(program.post(f"{API}/batch", json=body)) == together
    assert [item["photo"] for item in together] == ["0", "1", "2"]


def test_a_batch_ends_with_what_went_wrong(enrolled: Desk, embeddings: list[list[float]]) -> None:
    kiosk = enrolled.program(DeskScope.IDENTIFY)
    holder = enrolled.state.tokens.holder(kiosk.headers["Authorization"].split()[1])
    most = int(enrolled.state.config.identify_rate.partition("/")[0])
    enrolled.state.rates.take(holder, most - 2)

    first, second, problem = lines_of(kiosk.post(f"{API}/batch", json={"embeddings": embeddings}))

    assert (first["faces"][0]["label"], second["faces"][0]["candidates"]) == ("Ada", [])
    assert (problem["status"], problem["title"]) == (429, "TooManySearchesError")
    refused = kiosk.post(f"{API}/batch", json={"embeddings": embeddings})
    assert (refused.status_code, refused.json()["title"]) == (429, "TooManySearchesError")


def test_a_batch_under_way_ends_with_the_desk(
    enrolled: Desk, embeddings: list[list[float]]
) -> None:
    enrolled.state.stopping.set()

    answer = enrolled.program(DeskScope.MANAGE).post(
        f"{API}/batch", json={"embeddings": embeddings}
    )

    assert (answer.status_code, answer.json()["title"]) == (503, "BusyError")


def test_one_person_is_matched(enrolled: Desk, embeddings: list[list[float]]) -> None:
    program = enrolled.program(DeskScope.IDENTIFY)

    body = {"embeddings": embeddings[:1], "label": "Ada"}
    same = program.post(f"{API}/match", json=body).json()
    other = program.post(f"{API}/match", json={**body, "label": "Grace"}).json()

    decisions = [item["results"][0]["faces"][0]["decision"] for item in (same, other)]
    assert decisions == ["match", "non-match"]


def test_who_may_only_search_does_not_learn_whether_there_is_a_person(
    enrolled: Desk, embeddings: list[list[float]]
) -> None:
    kiosk, owner = (enrolled.program(item) for item in (DeskScope.IDENTIFY, DeskScope.MANAGE))

    def ask(program: httpx.Client, label: str) -> httpx.Response:
        body = {"embeddings": embeddings[:1], "label": label}
        return program.post(f"{API}/match", json=body)

    assert ask(kiosk, "Nobody").json() == ask(kiosk, "Grace").json()
    assert ask(owner, "Nobody").status_code == 404


def test_who_may_only_enroll_gets_rounded_distances_of_duplicates(
    enrolled: Desk, embeddings: list[list[float]]
) -> None:
    near = (np.array(embeddings[:1]) + 0.0371).tolist()

    def distance(scope: DeskScope) -> float:
        body = {"label": "Eve", "embeddings": near}
        (found,) = enrolled.program(scope).post(f"{API}/enroll", json=body).json()["duplicates"]
        return float(found["distance"])

    exact, rounded = distance(DeskScope.MANAGE), distance(DeskScope.ENROLL)
    assert rounded == round(exact, 2) != exact


def test_people_are_listed_renamed_merged_and_erased(enrolled: Desk) -> None:
    owner = enrolled.program(DeskScope.MANAGE)

    listed = owner.get(f"{API}/people").json()
    renamed = owner.post(f"{API}/people/rename", json={"old": "Grace", "new": "Grace H."})
    merged = owner.post(f"{API}/people/merge", json={"old": "Grace H.", "new": "Ada"})
    after = owner.get(f"{API}/people").json()
    removed = owner.delete(f"{API}/people", params={"label": "Ada"})

    assert [(item["label"], item["references"]) for item in listed] == [("Ada", 2), ("Grace", 1)]
    assert (renamed.json(), merged.json()) == ({"references": 1}, {"references": 1})
    assert [(item["label"], item["references"]) for item in after] == [("Ada", 3)]
    assert removed.json() == {"references": 3}
    assert owner.get(f"{API}/people").json() == []


def test_one_person_is_looked_up(enrolled: Desk) -> None:
    owner = enrolled.program(DeskScope.MANAGE)

    def found(label: str) -> list[str]:
        people = owner.get(f"{API}/people", params={"label": label}).json()
        return [item["label"] for item in people]

    assert (found("Ada"), found("Nobody")) == (["Ada"], [])


def test_single_references_are_moved_and_erased(enrolled: Desk) -> None:
    owner = enrolled.program(DeskScope.MANAGE)

    def references(**which: str) -> list[dict[str, str]]:
        listed: list[dict[str, str]] = owner.get(f"{API}/references", params=which).json()
        return listed

    first, second = (item["reference_id"] for item in references(label="Ada"))
    body = {"reference_ids": [first], "label": "Ada B."}
    moved = owner.post(f"{API}/references/move", json=body)
    erased = owner.delete(f"{API}/references/{second}")

    assert (moved.json(), erased.json()) == ({"references": 1}, {"references": 1})
    assert sorted(item["label"] for item in references()) == ["Ada B.", "Grace"]
    assert references(label="Ada B.") == [{"reference_id": first, "label": "Ada B."}]
    assert owner.delete(f"{API}/references/{second}").status_code == 404


def test_what_is_known_of_a_person_is_shown_with_a_match_until_she_expires(
    enrolled: Desk, embeddings: list[list[float]]
) -> None:
    owner, kiosk = (enrolled.program(item) for item in (DeskScope.MANAGE, DeskScope.IDENTIFY))

    def search(program: httpx.Client) -> dict[str, Any]:
        answer = program.post(f"{API}/identify", json={"embeddings": embeddings[:1]})
        face: dict[str, Any] = answer.json()["results"][0]["faces"][0]
        return face

    owner.post(f"{API}/people/annotate", json={"label": "Ada", "attributes": {"id": "4711"}})
    assert search(owner)["attributes"] == {"id": "4711"}
    assert search(kiosk)["attributes"] == {}

    owner.post(f"{API}/people/annotate", json={"label": "Ada", "expires": 86400})
    found = search(owner)
    assert (found["decision"], found["label"], found["expired"]) == ("non-match", None, True)
    assert (found["candidates"][0]["label"], found["candidates"][0]["expired"]) == ("Ada", True)
    assert search(kiosk)["expired"] is False
    (person, _) = owner.get(f"{API}/people").json()
    assert (person["expires"], person["expired"]) == ("1970-01-02T00:00:00+00:00", True)
    owner.post(f"{API}/people/annotate", json={"label": "Ada", "unlimited": True})
    assert search(owner)["decision"] == "match"


def test_the_gallery_is_described(enrolled: Desk) -> None:
    found = enrolled.program(DeskScope.MANAGE).get(API).json()

    assert (found["name"], found["references"], found["parameters"]) == ("default", 3, "swift")
    assert (found["threshold"], found["alarm"]) == (0.3, None)


def test_a_locked_desk_answers_that_it_is_locked(enrolled: Desk) -> None:
    owner = enrolled.program(DeskScope.MANAGE)

    assert owner.post("/v1/lock").status_code == 204

    answer = owner.get(f"{API}/people")
    assert (answer.status_code, answer.json()["title"]) == (423, "LockedError")
    assert owner.get("/v1/galleries").json() == {"galleries": ["default"], "locked": True}


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("identify", {}, 422, "send photos"),
        ("identify", {"embeddings": [[1.0, 2.0]]}, 422, "8"),
        ("identify", {"embeddings": [[0.0] * 8]}, 422, "zero"),
        ("identify", {"embeddings": [[1.0] * 8, [1.0]]}, 422, "shape (n, d)"),
        ("batch", {}, 422, "send photos"),
        ("batch", {"embeddings": [[0.0] * 8]}, 422, "zero"),
        ("match", {"embeddings": [[1.0] * 8, [1.0]], "label": "Ada"}, 422, "shape (n, d)"),
        ("enroll", {"embeddings": [[1.0] * 8, [1.0]], "label": "Ada"}, 422, "shape (n, d)"),
        ("identify", {"embeddings": "text"}, 422, "embeddings"),
        ("identify", {"embeddings": [["1"] * 8]}, 422, "embeddings.0.0"),
        ("enroll", {"label": "x", "embeddings": [[True] * 8]}, 422, "embeddings.0.0"),
        ("identify", {"embeddings": [[1.0] * 8], "treshold": 0.1}, 422, "treshold: there is no"),
        ("identify", {"embeddings": [[1.0] * 8], "faces": "two"}, 422, "faces"),
        ("references/move", {"reference_ids": [], "label": "x"}, 422, "reference_ids"),
        ("references/move", {"reference_ids": ["0" * 32], "label": "x"}, 404, "0" * 32),
        ("identify", {"photos": ["%%%"]}, 422, "photos.0: it is not base64"),
        ("identify", {"embeddings": [[1.0] * 8], "top": 0}, 422, "top"),
        ("match", {"embeddings": [[1.0] * 8], "label": "Nobody"}, 404, "Nobody"),
        ("enroll", {"label": "x"}, 422, "send photos or embeddings"),
        ("enroll", {"label": "\x00", "embeddings": [[1.0] * 8]}, 422, "control"),
        ("people/annotate", {"label": "Ada", "attributes": {"a": "\x07"}}, 422, "control"),
        ("people/rename", {"old": "Ada", "new": "Grace"}, 409, "Grace"),
        ("people/rename", {"old": "Nobody", "new": "x"}, 404, "Nobody"),
        ("people/annotate", {"label": "Ada", "expires": 5, "unlimited": True}, 422, "exclude"),
        ("undo?enrollment=x", None, 422, "can no longer be undone"),
    ],
)
def test_bad_requests_are_told_what_is_wrong(
    enrolled: Desk, path: str, body: object, status: int, said: str
) -> None:
    answer = enrolled.program(DeskScope.MANAGE).post(f"{API}/{path}", json=body)

    assert answer.headers["content-type"] == "application/problem+json"
    assert said in answer.json()["detail"]
    assert answer.status_code == status


@pytest.mark.parametrize(
    ("kind", "content", "status", "said"),
    [
        ("application/json", b"{", 422, "Invalid JSON"),
        ("multipart/form-data", b"\xff\x00", 422, "the form cannot be read"),
        ("image/jpeg", b"\xff\xd8", 415, "multipart/form-data or application/json"),
        ("text/plain", b"Ada", 415, "multipart/form-data or application/json"),
        ("", b"Ada", 415, "multipart/form-data or application/json"),
        ("", b"", 422, "send photos"),
    ],
)
def test_bodies_that_are_neither_json_nor_a_form_are_refused(
    desk: Desk, kind: str, content: bytes, status: int, said: str
) -> None:
    headers = {"content-type": kind} if kind else {}
    answer = desk.program(DeskScope.MANAGE).post(
        f"{API}/identify", content=content, headers=headers
    )

    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text


def test_types_are_called_by_small_or_capital_letters(
    enrolled: Desk, embeddings: list[list[float]]
) -> None:
    answer = enrolled.program(DeskScope.MANAGE).post(
        f"{API}/identify",
        content=json.dumps({"embeddings": embeddings}),
        headers={"content-type": "Application/JSON; charset=UTF-8"},
    )

    assert answer.status_code == 200


def test_a_wrong_threshold_is_no_matter_for_the_owner(
    enrolled: Desk, embeddings: list[list[float]]
) -> None:
    program = enrolled.program(DeskScope.MANAGE)

    for threshold, advice in ((-1, "Give another one"), ("door", "Give a number")):
        body = {"embeddings": embeddings[:1], "threshold": threshold}
        problem = program.post(f"{API}/identify", json=body).json()
        assert advice in problem["detail"]
        assert "owner" not in problem["detail"]


def test_json_that_was_sent_as_a_form_is_told_so(desk: Desk) -> None:
    answer = desk.program(DeskScope.MANAGE).post(
        f"{API}/identify",
        content=b'{"embeddings": [[1]]}',
        headers={"content-type": "application/x-www-form-urlencoded"},
    )

    assert answer.status_code == 422
    assert "Content-Type: application/json" in answer.json()["detail"]


def test_programs_are_told_to_send_a_token_and_which_method_is_taken(desk: Desk) -> None:
    nobody = desk.program()

    assert "Authorization: Bearer" in nobody.get("/v1/galleries").json()["detail"]
    refused = nobody.put(f"{API}/identify")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")
    assert refused.json()["detail"] == "this address takes the method POST"


def test_what_watches_the_desk_may_ask_for_heads_alone(desk: Desk) -> None:
    program = desk.program(DeskScope.IDENTIFY)

    assert [program.head(path).status_code for path in ("/healthz", "/metrics")] == [200, 200]
    assert desk.program().head("/metrics").status_code == 401


def test_the_openapi_document_names_every_call(desk: Desk) -> None:
    document = desk.program().get("/v1/openapi.json").json()
    paths = document["paths"]

    identify = paths["/v1/galleries/{gallery}/identify"]["post"]
    assert identify["security"] == [{"token": []}]
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    form = identify["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert set(form["properties"]) == {"photos", "faces", "top", "threshold"}
    assert {"401", "422", "423", "429"} < set(identify["responses"])
    events = paths["/v1/galleries/{gallery}/events"]["get"]["responses"]["200"]
    assert set(events["content"]["text/event-stream"]["x-events"]) == {"search", "state"}
    assert not any(path.startswith("/g/") for path in paths)
