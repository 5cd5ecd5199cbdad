"""Access to the desk: sessions, tokens, scopes, rates, and requests of other sites."""

from __future__ import annotations

from pathlib import Path

import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.desk.access.scopes import DeskScope
from gallery.desk.config import DeskConfig
from gallery.server import EmbeddedService
from tests.support.desks import PASSPHRASE, Desk, open_desk
from tests.support.galleries import random_embeddings

KIND = {"content-type": "application/json"}
API = "/v1/galleries/default"

CALLS = [
    ("GET", "/v1/galleries", DeskScope.IDENTIFY),
    ("GET", f"{API}/events", DeskScope.IDENTIFY),
    ("POST", f"{API}/identify", DeskScope.IDENTIFY),
    ("POST", f"{API}/batch", DeskScope.IDENTIFY),
    ("POST", f"{API}/match", DeskScope.IDENTIFY),
    ("POST", f"{API}/enroll", DeskScope.ENROLL),
    ("POST", f"{API}/undo?enrollment=x", DeskScope.ENROLL),
    ("POST", f"{API}/embed", DeskScope.MANAGE),
    ("GET", API, DeskScope.MANAGE),
    ("GET", f"{API}/decisions", DeskScope.MANAGE),
    ("GET", f"{API}/people", DeskScope.MANAGE),
    ("DELETE", f"{API}/people?label=x", DeskScope.MANAGE),
    ("GET", f"{API}/references", DeskScope.MANAGE),
    ("POST", f"{API}/references/move", DeskScope.MANAGE),
    ("DELETE", f"{API}/references/{'0' * 32}", DeskScope.MANAGE),
    ("POST", f"{API}/people/rename", DeskScope.MANAGE),
    ("POST", f"{API}/people/merge", DeskScope.MANAGE),
    ("POST", f"{API}/people/annotate", DeskScope.MANAGE),
    ("POST", "/v1/lock", DeskScope.MANAGE),
]

PAGES = [
    ("/g/0/identify", DeskScope.IDENTIFY),
    ("/g/0/live", DeskScope.IDENTIFY),
    ("/g/0/enroll", DeskScope.ENROLL),
    ("/g/0/people", DeskScope.MANAGE),
    ("/g/0/gallery", DeskScope.MANAGE),
    ("/g/0/accuracy", DeskScope.MANAGE),
]

FORMS = [
    ("/g/0/folder", DeskScope.ENROLL),
    ("/g/0/folder/accept", DeskScope.ENROLL),
    ("/g/0/people/table", DeskScope.MANAGE),
    ("/g/0/people/table/keep", DeskScope.MANAGE),
    ("/g/0/set/folder", DeskScope.MANAGE),
    ("/g/0/set/embeddings", DeskScope.MANAGE),
    ("/g/0/set/machine", DeskScope.MANAGE),
    ("/g/0/calibrate", DeskScope.MANAGE),
    ("/g/0/calibrate/store", DeskScope.MANAGE),
    ("/g/0/evaluate", DeskScope.MANAGE),
]


def test_every_call_is_listed_here(desk: Desk) -> None:
    document = desk.program().get("/v1/openapi.json").json()

    known = {(method, path.partition("?")[0]) for method, path, _ in CALLS}
    assert known == {
        (
            method.upper(),
            path.replace("{gallery}", "default").replace("{reference_id}", "0" * 32),
        )
        for path, methods in document["paths"].items()
        for method in methods
    }


@pytest.mark.parametrize(("method", "path", "scope"), CALLS)
def test_a_call_wants_a_token_of_its_scope(
    desk: Desk, method: str, path: str, scope: DeskScope
) -> None:
    assert desk.program().request(method, path).status_code == 401
    for held in DeskScope:
        with desk.program(held).stream(method, path) as answer:  # events have no end
            status = answer.status_code
        assert (status == 403) == (not held.includes(scope)), held
        assert status != 401


@pytest.mark.parametrize(("path", "scope"), PAGES)
def test_a_page_wants_a_session_of_its_scope(desk: Desk, path: str, scope: DeskScope) -> None:
    assert desk.program().get(path).status_code == 401
    assert desk.browser().get(path).status_code == 200
    for held in DeskScope:
        browser = desk.program()
        token = desk.state.tokens.issue(f"page {held}", held)
        assert browser.post("/enter", data={"token": token}).status_code == 200
        expected = 200 if held.includes(scope) else 403
        assert browser.get(path).status_code == expected, held


def test_a_form_wants_a_page_of_its_session_and_a_scope(desk: Desk) -> None:
    browser, other, guard = desk.browser(), desk.browser(), desk.program()
    token = desk.state.tokens.issue("guard", DeskScope.ENROLL)
    guard.post("/enter", data={"token": token})
    for path, scope in FORMS:
        assert desk.program().post(path).status_code == 401, path
        foreign = {"Origin": "http://elsewhere.example"}
        assert browser.post(path, headers=foreign).status_code == 403, path
        stolen = {"X-Form-Token": other.headers["X-Form-Token"]}
        assert browser.post(path, headers=stolen).status_code == 403, path
        told = guard.post(path).text
        assert ("takes a token of the scope" in told) == (scope is DeskScope.MANAGE), path


def test_a_wrong_secret_or_token_signs_nobody_in(desk: Desk) -> None:
    browser = desk.program()

    assert browser.get("/enter?secret=guess").status_code == 401
    assert browser.post("/enter", data={"token": "efd_0123456789abcdef_guess"}).status_code == 401
    assert not browser.cookies


def test_where_tokens_are_the_only_way_in_no_address_signs_in(
    service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> None:
    GalleryClient.create(service, key, dimension=8, threshold=0.3).close()
    with open_desk(service, key, tmp_path, config=DeskConfig(tokens_only=True)) as desk:
        browser, secret = desk.program(), desk.state.sessions.launch_secret
        assert "The owner of this desk makes them." in browser.get("/enter").text
        assert browser.get(f"/enter?secret={secret}").status_code == 401
        assert not browser.cookies
        token = desk.state.tokens.issue("manager", DeskScope.MANAGE)
        assert browser.post("/enter", data={"token": token}).status_code == 200
        assert browser.get("/g/0/people").status_code == 200


def test_the_cookie_is_for_this_site_alone(desk: Desk) -> None:
    secret = desk.state.sessions.launch_secret

    cookie = desk.program().get(f"/enter?secret={secret}").headers["set-cookie"].lower()

    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert cookie.startswith(f"{desk.state.cookie}=")


def test_a_revoked_token_ends_its_sessions_too(desk: Desk) -> None:
    browser, token = desk.program(), desk.state.tokens.issue("guard", DeskScope.IDENTIFY)
    browser.post("/enter", data={"token": token})
    assert browser.get("/g/0/identify").status_code == 200

    desk.state.tokens.revoke("guard")

    assert browser.get("/g/0/identify").status_code == 401


def test_a_session_ends_after_its_time(desk: Desk) -> None:
    browser = desk.browser()
    desk.clock.now += desk.state.config.session_seconds + 1

    assert browser.get("/g/0/identify").status_code == 401


def test_sessions_of_a_token_end_no_session_of_others(desk: Desk) -> None:
    owner, kiosk = desk.browser(), desk.program()
    token = desk.state.tokens.issue("kiosk", DeskScope.IDENTIFY)
    holder = desk.state.tokens.holder(token)
    assert kiosk.post("/enter", data={"token": token}).status_code == 200

    for _ in range(300):
        desk.state.sessions.enter_as(holder, token)

    assert owner.get("/g/0/people").status_code == 200
    assert kiosk.get("/g/0/identify").status_code == 401


def test_a_browser_signs_out(desk: Desk) -> None:
    browser, other = desk.browser(), desk.browser()
    thief = desk.program()
    thief.cookies.update(browser.cookies)
    assert "Sign out" in browser.get("/g/0/identify").text

    assert browser.post("/leave", follow_redirects=False).status_code == 303

    assert not browser.cookies
    assert thief.get("/g/0/identify").status_code == 401
    assert other.get("/g/0/identify").status_code == 200


def test_a_token_for_one_gallery_reaches_no_other(
    service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> None:
    for name in ("staff", "visitors"):
        GalleryClient.create(service, key, name, dimension=8, threshold=0.3).close()
    body = {"embeddings": random_embeddings(1, 8).tolist()}
    with open_desk(service, key, tmp_path, galleries=("staff", "visitors")) as desk:
        kiosk, browser = desk.program(), desk.program()
        token = desk.state.tokens.issue("kiosk", DeskScope.IDENTIFY, galleries=("visitors",))
        kiosk.headers["Authorization"] = f"Bearer {token}"
        browser.post("/enter", data={"token": token})

        def search(gallery: str) -> int:
            return kiosk.post(f"/v1/galleries/{gallery}/identify", json=body).status_code

        assert (search("visitors"), search("staff"), search("nowhere")) == (200, 404, 404)
        assert kiosk.get("/v1/galleries").json()["galleries"] == ["visitors"]
        pages = [browser.get(f"/g/{number}/identify") for number in ("0", "+0", "1")]
        assert [page.status_code for page in pages] == [404, 404, 200]
        assert [browser.get(f"/go?g={number}").status_code for number in "01"] == [404, 200]
        first = browser.get("/")
        assert first.url.path == "/g/1/identify"
        assert "staff" not in first.text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8480", "127.0.0.1:80"])
def test_a_request_under_another_name_is_refused(desk: Desk, host: str) -> None:
    """A page can point a name of its own at this machine (DNS rebinding)."""
    answer = desk.browser().get("/g/0/identify", headers={"host": host})

    assert answer.status_code == 403
    assert "default" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_request_of_another_site_changes_nothing(desk: Desk, headers: dict[str, str]) -> None:
    browser = desk.browser()

    answer = browser.post("/lock", headers=headers)

    assert answer.status_code == 403
    assert not desk.state.owner.is_locked


@pytest.mark.parametrize("path", ["/lock", "/v1/lock", "/g/0/undo", "/g/0/person/remove"])
def test_a_form_without_the_token_of_its_session_changes_nothing(desk: Desk, path: str) -> None:
    browser, other = desk.browser(), desk.browser()
    for stolen in ("", "0" * 64, other.headers["X-Form-Token"]):
        browser.headers["X-Form-Token"] = stolen
        answer = browser.post(path, data={"label": "Ada", "sure": "on"})
        assert answer.status_code == 403
    assert not desk.state.owner.is_locked


def test_the_desk_locks_when_nobody_asks_for_a_while(desk: Desk) -> None:
    browser = desk.browser()
    desk.clock.now += desk.state.config.idle_lock - 1
    desk.state.owner.lock_if_idle()
    assert browser.get("/g/0/people").status_code == 200

    desk.idle_until_locked()

    asked = browser.get("/g/0/people", follow_redirects=False)
    assert (asked.status_code, asked.headers["location"]) == (
        303,
        "/unlock?back=/g/0/people",
    )
    assert browser.post("/unlock", data={"passphrase": "wrong"}).status_code == 403
    assert browser.post("/unlock", data={"passphrase": PASSPHRASE}).status_code == 200
    assert browser.get("/g/0/people").status_code == 200


def test_unlocking_leads_back_to_the_page_of_the_gallery(
    service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> None:
    for name in ("staff", "visitors"):
        GalleryClient.create(service, key, name, dimension=8, threshold=0.3).close()
    with open_desk(service, key, tmp_path, galleries=("staff", "visitors")) as desk:
        browser = desk.browser()
        asked = browser.post("/lock", data={"back": "/g/1/people"})
        assert asked.url.path == "/unlock"
        assert 'value="/g/1/people"' in asked.text

        wrong = browser.post("/unlock", data={"passphrase": "wrong", "back": "/g/1/people"})
        assert wrong.status_code == 403
        assert "This passphrase does not open the key." in wrong.text
        assert 'value="/g/1/people"' in wrong.text

        script = browser.post("/g/1/identify", headers={"X-Fragment": "1"})
        assert script.status_code == 423
        assert (
            '<form class="narrow" action="/unlock"' in script.text
        )  # so that what was typed stays
        wrong = browser.post("/unlock", data={"passphrase": "wrong"}, headers={"X-Fragment": "1"})
        assert (wrong.status_code, "<html" in wrong.text) == (403, False)
        assert "This passphrase does not open the key." in wrong.text
        form = browser.post("/g/1/person/rename", follow_redirects=False)
        assert form.headers["location"] == "/unlock?back=/g/1/people"

        data = {"passphrase": PASSPHRASE, "back": "/g/1/people"}
        assert browser.post("/unlock", data=data).url.path == "/g/1/people"
        desk.state.owner.lock()
        data = {"passphrase": PASSPHRASE, "back": "//evil.example/"}
        assert browser.post("/unlock", data=data).url.path == "/g/0/identify"


def test_a_page_whose_session_has_ended_leads_to_the_entrance(desk: Desk) -> None:
    browser = desk.browser()
    browser.cookies.clear()

    script = browser.post("/g/0/identify", headers={"X-Fragment": "1"})

    assert script.status_code == 401
    assert '<a class="button" href="/enter" target="_blank">Sign in</a>' in script.text


def test_a_kiosk_cannot_unlock(desk: Desk) -> None:
    kiosk = desk.program()
    token = desk.state.tokens.issue("kiosk", DeskScope.IDENTIFY)
    kiosk.post("/enter", data={"token": token})
    identifier = kiosk.cookies[desk.state.cookie]
    kiosk.headers["X-Form-Token"] = desk.state.sessions.form_token(identifier)
    desk.state.owner.lock()

    assert kiosk.post("/unlock", data={"passphrase": PASSPHRASE}).status_code == 403
    assert desk.state.owner.is_locked


def test_a_token_searches_no_more_than_its_rate(
    service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> None:
    GalleryClient.create(service, key, dimension=8, threshold=0.3).close()
    probes = random_embeddings(3, 8).tolist()
    with open_desk(service, key, tmp_path, config=DeskConfig(identify_rate="5/hour")) as desk:
        kiosk, owner = desk.program(DeskScope.IDENTIFY), desk.program(DeskScope.MANAGE)
        statuses = [
            kiosk.post(f"{API}/identify", json={"embeddings": probes}).status_code for _ in "ab"
        ]
        assert statuses == [200, 429]
        at_once = kiosk.post(f"{API}/identify", json={"embeddings": probes * 4})
        assert "5 faces per hour: send fewer at once" in at_once.json()["detail"]
        assert owner.post(f"{API}/identify", json={"embeddings": probes * 4}).status_code == 200


def test_an_enrollment_is_a_search_too(
    service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> None:
    GalleryClient.create(service, key, dimension=8, threshold=0.3).close()
    body = {"label": "Ada", "embeddings": random_embeddings(3, 8).tolist()}
    with open_desk(service, key, tmp_path, config=DeskConfig(identify_rate="5/hour")) as desk:
        door = desk.program(DeskScope.ENROLL)
        statuses = [door.post(f"{API}/enroll", json=body).status_code for _ in "ab"]

    assert statuses == [200, 429]


def test_every_answer_forbids_what_pages_do_not_need(desk: Desk) -> None:
    browser = desk.browser()

    for path in ("/g/0/identify", "/static/desk.js", "/nowhere", "/v1/galleries", "/healthz"):
        headers = browser.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in headers


def test_a_request_that_is_too_large_is_refused(
    service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> None:
    GalleryClient.create(service, key, dimension=8, threshold=0.3).close()
    config = DeskConfig(max_request=100_000, max_photo=50_000)

    def pieces() -> list[bytes]:
        return [b" " * 60_000] * 4

    with open_desk(service, key, tmp_path, config=config) as desk:
        program = desk.program(DeskScope.MANAGE)
        declared = program.post(f"{API}/identify", content=b"".join(pieces()), headers=KIND)
        dripped = program.post(f"{API}/identify", content=iter(pieces()), headers=KIND)
        photo = program.post(f"{API}/identify", files={"photos": ("a.jpg", b"x" * 60_000)})

    assert [item.status_code for item in (declared, dripped, photo)] == [413, 413, 413]


def test_a_browser_gets_pages_from_the_guard_and_programs_problems(desk: Desk) -> None:
    page = desk.browser().post("/lock", headers={"origin": "https://evil.example"})
    problem = desk.program(DeskScope.MANAGE).post(
        "/v1/lock", headers={"origin": "https://evil.example"}
    )

    assert page.headers["content-type"].startswith("text/html")
    assert "Requests from other sites are refused." in page.text
    assert "That did not work" in page.text
    assert problem.headers["content-type"] == "application/problem+json"


def test_a_page_that_did_not_work_leads_back_to_where_it_was(desk: Desk) -> None:
    browser = desk.browser()

    told = browser.post("/g/0/person/rename", data={"label": "Nobody", "new": "Ada"})

    assert told.status_code == 404
    assert '<a class="button" href="/g/0/people">Back</a>' in told.text
    assert '<a href="/g/0/people" aria-current="page">People</a>' in told.text
    typed = browser.get("/g/0/person/rename")  # where a form is sent to, and no page is
    assert (typed.status_code, typed.headers["content-type"][:9]) == (404, "text/html")


def test_a_damaged_token_file_is_a_fault_of_the_desk_and_not_named(desk: Desk) -> None:
    program = desk.program(DeskScope.IDENTIFY)
    desk.state.tokens.path.write_text("damaged")

    answer = program.get("/v1/galleries")

    assert answer.status_code == 503
    assert answer.json()["title"] == "TokenFileError"
    assert desk.state.tokens.path.name not in answer.text
    assert str(desk.state.tokens.path.parent) not in answer.text


def test_errors_name_no_call_of_the_library(desk: Desk) -> None:
    owner = desk.program(DeskScope.MANAGE)

    answer = owner.post(f"{API}/people/rename", json={"old": "Nobody", "new": "Ada"})

    assert answer.status_code == 404
    assert answer.json()["detail"].endswith("Look whether the name is right.")
    assert "GalleryClient" not in answer.text
