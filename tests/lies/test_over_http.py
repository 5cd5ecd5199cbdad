"""The same lies told over HTTP, to the command line: exit codes, and a memory across processes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gallery.client import GalleryClient, write_key_file
from gallery.client.transport import AccessToken, RemoteService
from gallery.commands.main import run
from gallery.errors import WrongResultError
from gallery.server.http import ServerConfig
from tests.support.lies import CHECK_SUM_LIES, RESIDUE_LIES, STATEMENT_LIES, Scene, statement
from tests.support.lying import Decryptions, LyingService, searched
from tests.support.serving import Serving, serving

KINDS = ("one residue", "chosen vector", "implant", "blocks exchanged", "earlier probe", "zero")


@pytest.fixture
def lying(scene: Scene) -> LyingService:
    return LyingService(scene.service)


@pytest.fixture
def server(scene: Scene, lying: LyingService, tmp_path: Path) -> Iterator[Serving]:
    """A real server whose service is the liar."""
    with serving(scene.url, ServerConfig(cache_size=2**24, rate="100000/minute")) as opened:
        own, opened.state.service = opened.state.service, lying  # type: ignore[assignment]
        try:
            yield opened
        finally:
            opened.state.service = own


@pytest.fixture
def remote(server: Serving, request: pytest.FixtureRequest) -> Iterator[RemoteService]:
    service = RemoteService(server.url, AccessToken(server.token(request.node.name[:60])))
    try:
        yield service
    finally:
        service.close()


def test_lies_are_caught_alike_over_http(
    scene: Scene, lying: LyingService, remote: RemoteService, decryptions: Decryptions
) -> None:
    lies: dict[str, tuple[type[Exception], Any]] = {
        **{kind: (WrongResultError, RESIDUE_LIES[kind]) for kind in KINDS},
        **{kind: (error, partial(_told, lie)) for kind, (error, lie) in STATEMENT_LIES.items()},
    }
    with GalleryClient(remote, scene.key) as client:
        client.identify(scene.mated(), threshold=0.05)
        for kind, (error, maker) in lies.items():
            lying.begin(maker(scene, np.random.default_rng(1)))
            ends = set()
            for probes in (scene.mated(), scene.strangers()):
                ends.add(searched(client, lying, probes, decryptions))
                client.accept_wrong_results()
            (end,) = ends
            assert end.error == OVER_HTTP.get(kind, error.__name__), kind
            assert end.opened == 0, kind


def _told(lie: Any, scene: Scene, _: object) -> Any:
    """Return a lie about a statement as the maker of a lie about residues does."""
    return statement(scene, lie)


OVER_HTTP = {"a block twice": "MalformedMessageError"}
"""Found while the answer is read, before anything else is looked at."""


def test_check_sums_are_bound_to_the_gallery_over_http(
    scene: Scene, lying: LyingService, remote: RemoteService, decryptions: Decryptions
) -> None:
    for kind, lie in CHECK_SUM_LIES.items():
        lying.begin(None)
        with GalleryClient(remote, scene.key) as client:
            lying.begin(statement(scene, lie))
            end = searched(client, lying, scene.mated(), decryptions)
        assert (end.error, end.exit_code, end.opened) == ("AuthenticationError", 43, 0), kind


# --- the command line -----------------------------------------------------------------------------


def test_commands_end_alike_and_remember_the_lie(
    scene: Scene,
    server: Serving,
    lying: LyingService,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_key_file(tmp_path / "owner.key", scene.key, passphrase=None)
    token = server.token("command line")
    np.savez(tmp_path / "mated.npz", embeddings=scene.mated(20))
    np.savez(tmp_path / "strangers.npz", embeddings=scene.strangers(20))
    monkeypatch.chdir(tmp_path)

    def call(state: str, *words: str) -> tuple[int, str, str]:
        for name, value in {
            "GALLERY_KEY": "owner.key",
            "GALLERY_SERVER": server.url,
            "GALLERY_TOKEN": token,
            "GALLERY_STATE_FILE": state,
            "GALLERY_CACHE_DIR": f"cache {state}",
        }.items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        lying.asked = []
        code = run(list(words))
        return code, *capsys.readouterr()

    def identify(state: str, probes: str) -> tuple[object, ...]:
        return *call(state, "identify", probes, "--threshold", "0.05"), tuple(lying.asked)

    lying.begin(RESIDUE_LIES["one residue"](scene, np.random.default_rng(2)))
    mated, strangers = identify("one", "mated.npz"), identify("other", "strangers.npz")
    assert mated == strangers
    code, out, err, _ = mated
    assert (code, out) == (WrongResultError.exit_code, "")
    assert "--accept-wrong-results" in str(err)

    lying.begin(None)
    code, out, err, asked = identify("one", "mated.npz")
    assert (code, out) == (WrongResultError.exit_code, "")
    assert "nothing is searched" in str(err)
    assert "search" not in dict(asked)  # type: ignore[call-overload]

    code, _, _ = call("one", "verify")
    assert code == 0
    assert identify("one", "mated.npz")[0] == WrongResultError.exit_code

    code, _, _ = call("one", "verify", "--accept-wrong-results")
    assert code == 0
    code, out, _, _ = identify("one", "mated.npz")
    assert code == 0
    assert "person 7" in str(out)
