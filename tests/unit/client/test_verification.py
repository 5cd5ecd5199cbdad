"""A verification names what is damaged: statements, hints, check sums; templates if ``deep``."""

from __future__ import annotations

import inspect
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from gallery.client import GalleryClient, GalleryKey
from gallery.client.ckks.native import NativeCodec
from gallery.client.hinted.block_cipher import BlockCipher
from gallery.client.hinted.scheme import HintedScheme
from gallery.client.integrity.authentication import check_description
from gallery.client.session import GallerySession
from gallery.messages import NO_CHECK_SUMS, Manifest, ManifestEntry
from gallery.parameters import LIGHT, STANDARD, SWIFT, ParameterSet, find_parameters
from gallery.server import EmbeddedService
from tests.support.counting import count_calls
from tests.support.galleries import names, random_embeddings
from tests.support.interception import InterceptedService, before

DIMENSION = 8
PUT_BACK = "they were changed, or put back from an older state"


@pytest.fixture(params=[SWIFT, LIGHT], ids=lambda parameters: parameters.name)
def hinted(
    request: pytest.FixtureRequest, service: EmbeddedService, key: GalleryKey
) -> Iterator[GalleryClient]:
    """A client of a gallery with check sums, and three references in one block."""
    with GalleryClient.create(
        service, key, dimension=DIMENSION, parameters=request.param
    ) as client:
        client.enroll(random_embeddings(3, DIMENSION), names(3))
        yield client


Tamper = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def tamper(database: str, service: EmbeddedService) -> Tamper:
    """Runs SQL on the database, as somebody who holds it may."""

    def run(statement: str, *values: Any) -> list[tuple[Any, ...]]:
        path = database.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path)) as connection, connection:
            return connection.execute(statement, values).fetchall()

    return run


def findings(client: GalleryClient, *, deep: bool = False) -> list[tuple[str, str]]:
    return [(item.subject, item.problem) for item in client.verify(deep=deep).findings]


# --- each block is decrypted once -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameters", "owner", "method"),
    [(STANDARD, NativeCodec, "decrypt_columns"), (SWIFT, BlockCipher, "open")],
    ids=["standard", "swift"],
)
def test_a_deep_verification_decrypts_each_block_once(
    service: EmbeddedService,
    key: GalleryKey,
    monkeypatch: pytest.MonkeyPatch,
    parameters: ParameterSet,
    owner: type,
    method: str,
) -> None:
    with GalleryClient.create(service, key, dimension=DIMENSION, parameters=parameters) as client:
        client.enroll(random_embeddings(3, DIMENSION), names(3))
        calls = count_calls(monkeypatch, owner, method)

        assert client.verify().findings == () and len(calls) == 0
        assert client.verify(deep=True).findings == () and len(calls) == 1


# --- hints ----------------------------------------------------------------------------------------


def test_a_changed_hint_is_named(hinted: GalleryClient, tamper: Tamper) -> None:
    ((hint,),) = tamper("SELECT hint FROM block")
    tamper("UPDATE block SET hint = ?", bytes([hint[0] ^ 1]) + hint[1:])

    ((subject, problem),) = findings(hinted)

    assert subject == "block 0"
    assert "the references or the hint of block 0 are not the ones" in problem


def test_a_hint_that_was_written_wrong_is_found_by_opening_the_block(
    hinted: GalleryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    encrypt = HintedScheme.encrypt_block

    def with_a_wrong_hint(*arguments: Any) -> Any:
        made = encrypt(*arguments)
        return replace(made, hint=bytes([made.hint[0] ^ 1]) + made.hint[1:])

    monkeypatch.setattr(HintedScheme, "encrypt_block", with_a_wrong_hint)
    hinted.enroll(random_embeddings(1, DIMENSION, seed=1), ["somebody"])

    assert findings(hinted) == []
    assert findings(hinted, deep=True) == [("block 0", "its hint is not that of its ciphertexts")]


# --- check sums -----------------------------------------------------------------------------------


def test_check_sums_of_an_older_state_are_named(hinted: GalleryClient, tamper: Tamper) -> None:
    ((older,),) = tamper("SELECT check_sums FROM gallery")
    hinted.enroll(random_embeddings(1, DIMENSION, seed=1), ["somebody"])
    tamper("UPDATE gallery SET check_sums = ?", older)

    ((subject, problem),) = findings(hinted)

    assert subject == "check sums"
    assert PUT_BACK in problem


def test_check_sums_of_another_gallery_are_named(
    hinted: GalleryClient, service: EmbeddedService, key: GalleryKey, tamper: Tamper
) -> None:
    parameters = find_parameters(hinted.description.parameters)
    with GalleryClient.create(
        service, key, "other", dimension=DIMENSION, parameters=parameters
    ) as other:
        other.enroll(random_embeddings(3, DIMENSION), names(3))
    ((foreign,),) = tamper("SELECT check_sums FROM gallery WHERE name = 'other'")
    tamper("UPDATE gallery SET check_sums = ?", foreign)

    ((subject, problem),) = findings(hinted)

    assert (subject, PUT_BACK in problem) == ("check sums", True)


def test_changed_and_lost_check_sums_are_named(hinted: GalleryClient, tamper: Tamper) -> None:
    ((sealed,),) = tamper("SELECT check_sums FROM gallery")
    for place in (0, 12, len(sealed) // 2, len(sealed) - 1):
        changed = bytearray(sealed)
        changed[place] ^= 1
        tamper("UPDATE gallery SET check_sums = ?", bytes(changed))
        assert [subject for subject, _ in findings(hinted)] == ["check sums"]

    tamper("UPDATE gallery SET check_sums = NULL")

    assert findings(hinted) == [("check sums", "the check sums of the gallery were left out")]


def test_check_sums_without_blocks_are_named(hinted: GalleryClient, tamper: Tamper) -> None:
    ((sealed,),) = tamper("SELECT check_sums FROM gallery")
    hinted.remove(names(3))
    assert tamper("SELECT check_sums FROM gallery") == [(None,)]
    assert findings(hinted, deep=True) == []

    tamper("UPDATE gallery SET check_sums = ?", sealed)

    assert findings(hinted) == [
        ("check sums", "there are check sums, and the gallery has no blocks")
    ]


def test_check_sums_that_are_not_of_the_blocks_are_found_by_adding_the_blocks_up(
    hinted: GalleryClient, service: EmbeddedService, key: GalleryKey, tamper: Tamper
) -> None:
    with GallerySession(service, key, "default") as session:
        manifest, block = session.manifest(), service.block(session.gallery_id, 0)
        check = session.scheme.open_check(b"")
        assert check is not None
        for _ in range(2):
            check.add(block.header, block.columns)
        twice = session.check_sums.seal(manifest, check)
    tamper("UPDATE gallery SET check_sums = ?", twice.sealed)

    assert findings(hinted) == []
    assert findings(hinted, deep=True) == [
        ("check sums", "they open, but are not the sums of the gallery's blocks")
    ]


@pytest.mark.parametrize("call", ["check_sums", "block"])
def test_a_write_meanwhile_is_not_taken_for_damage(
    hinted: GalleryClient, service: EmbeddedService, key: GalleryKey, call: str
) -> None:
    people = random_embeddings(2, DIMENSION, seed=1)
    writes = (lambda person=person: hinted.enroll(person[None], ["late"]) for person in people)

    with GalleryClient(InterceptedService(service, [call], before(writes)), key) as other:
        assert other.verify(deep=True).findings == ()
        assert other.verify(deep=True).findings == ()
        assert other.verify(deep=True).findings == ()

    assert hinted.summary().references == 5


def test_a_gallery_of_ckks_has_no_check_sums(service: EmbeddedService, key: GalleryKey) -> None:
    with GalleryClient.create(
        service, key, "ckks", dimension=DIMENSION, parameters=STANDARD
    ) as client:
        client.enroll(random_embeddings(3, DIMENSION), names(3))

        assert service.check_sums(client.description.gallery_id) == NO_CHECK_SUMS
        assert client.verify(deep=True).findings == ()


# --- a server that has kept many states -----------------------------------------------------------


def test_thousands_of_states_shown_one_after_the_other_are_findings_in_the_end(
    service: EmbeddedService, key: GalleryKey, hinted: GalleryClient
) -> None:
    """Each of them the owner signed; the block that they name is not the one that is shown."""
    signer = check_description(hinted.description, key)
    state, states = service.manifest(hinted.description.gallery_id), list[Manifest]()
    for number in range(200):
        entry = ManifestEntry(0, state.version + number, number.to_bytes(32, "big"))
        states.append(signer.successor(replace(state, version=entry.version), [entry]))
    shown = iter(states)

    def show(_: Callable[[], Any]) -> Manifest:
        return next(shown, states[-1])

    depth, former = len(inspect.stack()), sys.getrecursionlimit()
    with GalleryClient(InterceptedService(service, ["manifest"], show), key) as client:
        sys.setrecursionlimit(depth + 150)
        try:
            found = findings(client)
        finally:
            sys.setrecursionlimit(former)

    assert [subject for subject, _ in found] == ["block 0", "check sums"]
